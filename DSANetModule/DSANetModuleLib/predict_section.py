"""Section *Predict*: clinical values, the probability of a response with what goes with it, and the tables."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from DSANetLib.clinical import ClinicalRecord, read_clinical
from DSANetLib.errors import DSANetError
from DSANetLib.mrml.choices import choose_patient, patient
from DSANetLib.mrml.clinical import read_clinical_node, write_clinical
from DSANetLib.mrml.segmentation import states
from DSANetLib.mrml.table import find_table, read_table

from .clinical_form import ClinicalForm
from .models_text import cardOf, packagesOf
from .panel import RESEARCH_NOTE, BaseSection, fill
from .tables import fitView


class PredictSection(BaseSection):
    """Clinical values, Predict, results."""

    uiName = "Predict"

    def setup(self) -> None:
        """Connect signals."""
        ui = self.ui
        self._form = ClinicalForm(ui.clinicalForm.layout(), self.onFormChanged)
        ui.patientEdit.connect("editingFinished()", self.onPatient)
        ui.clinicalSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.onTable)
        ui.clinicalFileButton.connect("clicked(bool)", self.onClinicalFile)
        ui.clinicalNewButton.connect("clicked(bool)", self.onEnter)
        ui.responseModelComboBox.connect("currentIndexChanged(int)", self.onModel)
        ui.predictButton.connect("clicked(bool)", self.onPredict)

    # --- patient and clinical values -----------------------------------------------------------------------------

    def onPatient(self) -> None:
        """Assign the run to a patient."""
        case = self.context.case
        if case is None:
            return
        with self.context.attempt():
            choose_patient(case.run, self.ui.patientEdit.text)
        self.context.changed("case")

    def onTable(self, node: Any) -> None:
        """Take another table of clinical values."""
        if self.context.parameters is not None:
            self.context.parameters.clinical = node
            self.context.changed("case")

    def onClinicalFile(self, _checked: bool = False) -> None:
        """Load clinical values from a CSV file into the scene's table."""
        chosen = qt.QFileDialog.getOpenFileName(self.widget, _("Clinical values"), "", _("Tables (*.csv *.tsv)"))
        if not chosen:
            return
        with self.context.attempt():
            records = read_clinical(chosen)
            self.context.parameters.clinical = write_clinical(records)
            self.context.tell(_("Clinical values of {count} patients were loaded.").format(count=len(records)))
        self.context.changed("case")

    def onEnter(self, _checked: bool = False) -> None:
        """Give the chosen patient a row in the scene's table, to be filled in the form."""
        case = self.context.case
        if case is None:
            return
        with self.context.attempt():
            name = patient(case.run)
            known = find_table("clinical")
            there = known is not None and name in read_clinical_node(known)
            self.context.parameters.clinical = known if there else write_clinical({name: ClinicalRecord(name, {})})
        self.context.changed("case")

    def onFormChanged(self) -> None:
        """Write the form into the scene's table."""
        case = self.context.case
        if case is None:
            return
        with self.context.attempt():
            name = patient(case.run)
            self.context.parameters.clinical = write_clinical({name: self._form.record(name)})
        self.context.changed("case")

    def _record(self, case: Any) -> ClinicalRecord | None:
        """Return the chosen patient's values; None where the table has none of this patient.

        Raises
        ------
        DSANetError
            Where the table cannot be read.
        """
        node = self.context.parameters.clinical if self.context.parameters else None
        return read_clinical_node(node).get(patient(case.run)) if node is not None and case is not None else None

    # --- prediction ----------------------------------------------------------------------------------------------

    def onModel(self, _index: int) -> None:
        """Choose a response model; the first entry leaves it to the library."""
        if self.context.parameters is not None:
            self.context.parameters.responseModel = self.ui.responseModelComboBox.currentData or ""
            self.context.changed("models")

    def onPredict(self, _checked: bool = False) -> None:
        """Predict in the background, from all segmented runs of the patient."""
        context, case = self.context, self.context.case
        if case is None or not context.packagesReady():
            return
        with context.attempt():
            record = self._record(case)
            known = record is not None and any(value is not None for value in record.values.values())
            context.jobs.predict(
                self._runsOfPatient(case, segmented=True),
                record if known else None,
                model=context.parameters.responseModel or None,
                runtime=context.parameters.runtime,
                device=context.parameters.device,
                threads=context.parameters.threads or None,
                done=self.onPredicted,
                failed=self.onFailed,
            )
            context.tell(_("Predicting {name} …").format(name=patient(case.run)))

    def onPredicted(self, _table: Any) -> None:
        """Show the result."""
        row = _row(self.context.case)
        if row is not None and row.get("probability") is not None:
            text = _("Probability of response {value:.2f}. {note}")
            self.context.tell(text.format(value=row["probability"], note=RESEARCH_NOTE))
        self.context.changed("response")

    def onFailed(self, error: Exception) -> None:
        """Say why; the tables are what they were."""
        self.context.failed(error)
        self.context.changed("busy")

    def _runsOfPatient(self, case: Any, *, segmented: bool) -> list[Any]:
        runs = [other for other in self.context.cases if patient(other.run) == patient(case.run)]
        return [other for other in runs if not segmented or _segmented(other)]

    # --- showing -------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Follow patient, clinical values and results."""
        case, ui, context = self.context.case, self.ui, self.context
        ready = case is not None and not context.jobs.busy
        ui.predictButton.setEnabled(ready and bool(self._runsOfPatient(case, segmented=True)))
        for widget in (ui.patientEdit, ui.clinicalNewButton, ui.clinicalFileButton):
            widget.setEnabled(ready)
        if context.parameters is not None:
            chosen = context.parameters.responseModel
            entries = [("", _("automatic")), *packagesOf("response")]
            fill(ui.responseModelComboBox, entries, chosen)
        self._showPatient(case)
        self._showResult(case)

    def _showPatient(self, case: Any) -> None:
        ui = self.ui
        if not ui.patientEdit.hasFocus():
            ui.patientEdit.text = patient(case.run) if case else ""
        runs = self._runsOfPatient(case, segmented=False) if case else []
        ui.patientRunsLabel.text = ", ".join(
            run.case_id if _segmented(run) else _("{run} (not segmented)").format(run=run.case_id) for run in runs
        )
        ui.patientRunsLabel.setVisible(len(runs) > 1)
        node = self.context.parameters.clinical if self.context.parameters else None
        ui.clinicalForm.setVisible(case is not None and node is not None and node is find_table("clinical"))
        try:
            record = self._record(case)
        except DSANetError as error:
            self.context.failed(error)
            return
        self._form.show(record)

    def _showResult(self, case: Any) -> None:
        ui = self.ui
        row = _row(case)
        known = row is not None and row.get("probability") is not None
        if not known:
            ui.probabilityLabel.text = _("Not predicted yet.")
            ui.calibrationLabel.text = ui.warningLabel.text = ""
        else:
            text = _(
                "Probability of response {probability:.2f}: {label} (from {threshold:.2f} on). "
                "{masks} masks, {clinical}."
            )
            said = text.format(
                probability=row["probability"],
                label=row["class"],
                threshold=row["threshold"],
                masks=_("Corrected") if row["masks"] == "edited" else _("The network's"),
                clinical=_("with clinical values") if row["clinical_used"] == "yes" else _("from film alone"),
            )
            ui.probabilityLabel.text = "\n".join([said, *_doubts(str(row["flags"] or ""))])
            ui.calibrationLabel.text, ui.warningLabel.text = _notes(str(row["response_model"]))
        ui.staleLabel.setVisible(bool(known and self.context.logic.isStale(case)))
        ui.resultsTable.setMRMLTableNode(find_table("results"))
        fitView(ui.resultsTable, names=2)
        ui.lesionsTable.setMRMLTableNode(find_table("lesions", case.case_id) if case else None)
        fitView(ui.lesionsTable, names=0, hidden=1)  # all are of one case, which is named above


def _segmented(case: Any) -> bool:
    return case.masks is not None and any(state != "empty" for state in states(case.masks).values())


def _row(case: Any) -> dict[str, Any] | None:
    table = find_table("results")
    if case is None or table is None:
        return None
    return next((row for row in read_table(table) if row["case"] == case.case_id), None)


def _doubts(flags: str) -> list[str]:
    """Return a sentence for each flag of a row that says that its probability means little or may be wrong.

    The scene keeps the flags' short names only; the sentences are those of `DSANetLib.flags`, for translation.
    """
    texts = {
        "short_run_behind_prediction": _(
            "No run is long enough for a tumour to stain, so the probability means little: is this a hepatic angiogram?"
        ),
        "no_mask_behind_prediction": _("The prediction was made without any tumour mask and means little."),
        "no_liver": _("Hardly any liver was found: is this a hepatic angiogram?"),
        "no_contrast": _("No contrast was seen; the key frame is arbitrary."),
        "frames_missing": _("Frames are missing among the files: times and result may be wrong (see Run)."),
    }
    return [text for code, text in texts.items() if code in flags.split()]


def _notes(model: str) -> tuple[str, str]:
    """Return the calibration note and the warning that go with a response model."""
    card = cardOf(model)
    if card is None:
        return "", RESEARCH_NOTE
    return card.calibration_note, f"{RESEARCH_NOTE} {card.warning}"

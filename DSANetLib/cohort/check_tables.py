"""What the tables of a cohort say that cannot be, or does not fit together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping

from ..clinical import VARIABLES, Variable
from ..clinical.reading import clinical_lines
from ..clinical.variables import HEALTHY_LEAST, other_unit
from ..errors import ClinicalError
from .data import CLINICAL, MANIFEST, OUTCOME, Cohort, Outcome
from .findings import Findings
from .reading import Tables

# Medians of a column of patients with liver cancer lie in here, in the unit of `clinical.variables`; far outside, the
# whole column is in another unit. Wide on purpose: from half the lower limit of health to the gravely ill.
_MEDIANS = {"tbil": (4, 300), "alb": (18, 60), "ast": (8, 1500), "alt": (6, 1500), "pt": (8, 40), "age": (15, 95)}
_LEAST_OTHERS = 4
# A value counts as of another unit where the unit's factor explains most of its distance, and chance hardly can.
_DEVIATIONS, _SHARE_OF_FACTOR, _APART, _LEAST_SHIFT = 2.5, 0.7, 3.5, math.log(12)
# A value known before treatment that tells responders from others this well was not known before treatment.
_TELLS_ALL, _LEAST_OF_CLASS = 0.97, 10
# The spread of a laboratory value between patients is hardly ever less than this (natural logarithm).
_LEAST_SPREAD = 0.25


def check_tables(cohort: Cohort, tables: Tables, findings: Findings) -> None:
    """Find missing rows, look-alike patients, classes that a study lacks, and units that cannot be."""
    _check_rows(cohort, tables, findings)
    _check_names(tables, findings)
    _check_classes(cohort, findings)
    _check_annotation(cohort, tables, findings)
    if tables.clinical:
        try:
            lines = clinical_lines(findings.folder / CLINICAL)
        except ClinicalError:
            return  # said already where the table was read
        for variable in VARIABLES:
            if variable.kind == "number":
                _check_unit(variable, _values(tables, variable.name), lines, findings)
            _check_leak(variable.name, cohort, tables, findings)


def _check_rows(cohort: Cohort, tables: Tables, findings: Findings) -> None:
    patients = {patient.patient for patient in cohort.patients}
    lines = {row.patient: row.line for row in reversed(tables.manifest)}
    filled = {
        CLINICAL: any(value is not None for record in tables.clinical.values() for value in record.values.values()),
        OUTCOME: any(row.outcome != Outcome() for row in tables.outcomes.values()),
    }
    for name, rows in ((CLINICAL, set(tables.clinical)), (OUTCOME, set(tables.outcomes))):
        path = findings.folder / name
        if not path.is_file():
            findings.add(path, None, "is not there", "Add it, or train segmentation alone", severe=False)
            continue
        if not rows:
            findings.add(path, None, "has no patient", "Fill it in, or train segmentation alone", severe=False)
            continue
        if not filled[name]:
            findings.add(path, None, "is not filled in", "Fill it in, or train segmentation alone", severe=False)
        for patient in sorted(patients - rows, key=lambda patient: lines[patient]):
            problem = f"patient {patient} has no row in {name}"
            remedy = "Add the row, with empty cells where nothing is known, or correct the patient's name"
            findings.add(MANIFEST, lines[patient], problem, remedy)
        for patient in sorted(rows - patients) if patients else ():
            problem = f"patient {patient} has no run in {MANIFEST}"
            findings.add(path, None, problem, "Delete the row, or correct the patient's name", severe=False)


def _check_names(tables: Tables, findings: Findings) -> None:
    """Find names that are one patient to a reader: ``P01``, ``p1``."""
    seen: dict[str, tuple[str, int]] = {}
    for row in tables.manifest:
        plain = "".join(c for c in row.patient.casefold() if c.isalnum())
        plain = "".join(part.lstrip("0") or part for part in _runs_of_digits(plain))
        other, line = seen.setdefault(plain, (row.patient, row.line))
        if other != row.patient:
            problem = f"patient {row.patient} looks like patient {other} (line {line})"
            findings.add(MANIFEST, row.line, problem, "Write them alike if they are one patient", severe=False)


def _runs_of_digits(text: str) -> list[str]:
    parts = [""]
    for c in text:
        if parts[-1] and parts[-1][-1].isdigit() != c.isdigit():
            parts.append("")
        parts[-1] += c
    return parts


def _check_classes(cohort: Cohort, findings: Findings) -> None:
    classes = [patient.responder for patient in cohort.patients if patient.responder is not None]
    if classes and len(set(classes)) == 1:
        kind = "responders" if classes[0] else "non-responders"
        problem = f"all {len(classes)} patients with an outcome are {kind}"
        findings.add(
            OUTCOME,
            None,
            problem,
            "Add patients of the other class, or empty the responses and train segmentation alone",
        )
    if cohort.patients and all(patient.external for patient in cohort.patients):
        findings.add(MANIFEST, None, "all patients are external", "Leave some internal: external ones train nothing")


def _check_annotation(cohort: Cohort, tables: Tables, findings: Findings) -> None:
    lines = {(row.case, row.frame): row.line for row in tables.manifest}
    annotated = 0
    for run in (run for patient in cohort.patients for run in patient.runs):
        annotated += bool(run.frames)
        for frame in run.frames:
            if frame.tumour is None and not run.tumour_free:
                findings.add(
                    MANIFEST, lines[run.case_id, frame.frame],
                    f"frame {frame.frame + 1} of case {run.case_id} has no tumour mask",
                    "Give the mask, or write 1 in the column tumour_free",
                )  # fmt: skip
    if cohort.patients and not annotated:
        findings.add(MANIFEST, None, "no run has masks", "Give masks to train segmentation", severe=False)


def _values(tables: Tables, name: str) -> dict[str, float]:
    found = {patient: record.values[name] for patient, record in tables.clinical.items()}
    return {patient: float(value) for patient, value in found.items() if value}


def _check_unit(variable: Variable, values: Mapping[str, float], lines: Mapping[str, int], findings: Findings) -> None:
    """Find values, or a whole column, that look as if they were in another unit."""
    path, logs = findings.folder / CLINICAL, {patient: math.log(value) for patient, value in values.items()}
    if not values:
        return
    median = statistics.median(values.values())
    low, high = _MEDIANS.get(variable.name, (0, math.inf))
    if not low <= median <= high:
        findings.add(
            path, 1, f"column {variable.name}: the median is {median:g} {variable.unit}, which cannot be",
            f"Write the unit of the column into its title, as {variable.name} [{other_unit(variable)}]",
        )  # fmt: skip
        return
    centre = statistics.median(logs.values())
    spread = max(1.4826 * statistics.median(abs(x - centre) for x in logs.values()), _LEAST_SPREAD)
    for patient, value in values.items():
        distance = logs[patient] - centre
        told = f"column {variable.name}: {value:g} {variable.unit} of patient {patient}"
        unit = _explaining_unit(variable, distance, spread) if len(values) > _LEAST_OTHERS else None
        if unit:
            times = math.exp(abs(distance))
            problem = f"{told} is {times:.0f} times {'more' if distance > 0 else 'less'} than the others' median"
            remedy = f"Convert the value to {variable.unit}, or correct it"
            findings.add(path, lines.get(patient), f"{problem}, as if it were {unit}", remedy)
        elif value < HEALTHY_LEAST.get(variable.name, 0):
            unit = other_unit(variable)
            problem = f"{told} is less than in health; from {unit} it would be {value * variable.units[unit]:.3g}"
            findings.add(path, lines.get(patient), problem, f"Convert the value if it is in {unit}", severe=False)


def _check_leak(name: str, cohort: Cohort, tables: Tables, findings: Findings) -> None:
    """Find a column that says the outcome."""
    outcomes = {patient.patient: patient.responder for patient in cohort.patients}
    classes: dict[bool, list[float]] = {True: [], False: []}
    for patient, record in tables.clinical.items():
        value, outcome = record.values[name], outcomes.get(patient)
        if value is not None and outcome is not None:
            classes[outcome].append(float(value if isinstance(value, (int, float)) else value in ("yes", "male")))
    if min(map(len, classes.values())) < _LEAST_OF_CLASS:
        return
    pairs = [(yes > no) + (yes == no) / 2 for yes in classes[True] for no in classes[False]]
    area = sum(pairs) / len(pairs)
    if max(area, 1 - area) >= _TELLS_ALL:
        problem = f"column {name} alone tells responders from the others (AUC {max(area, 1 - area):.2f})"
        remedy = "Was it written after the treatment? Take values from the days before, or empty the column"
        findings.add(findings.folder / CLINICAL, 1, problem, remedy)


def _explaining_unit(variable: Variable, distance: float, spread: float) -> str | None:
    """Return the unit whose factor would bring a value back among the others; None where none would."""
    if abs(distance) < _DEVIATIONS * spread:
        return None
    for unit, factor in variable.units.items():
        shift = math.log(factor)
        # Where patients differ as much as units do (CRP in mg/L and mg/dL), nothing can be told.
        told_apart = abs(shift) > max(_APART * spread, _LEAST_SHIFT) and -distance / shift > _SHARE_OF_FACTOR
        if told_apart and abs(distance + shift) < _DEVIATIONS * spread:
            return unit
    return None

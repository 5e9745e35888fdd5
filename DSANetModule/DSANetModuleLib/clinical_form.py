"""The form of clinical values: a field a variable, with its unit and range, over a row of the scene's table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from DSANetLib.clinical import VARIABLES, ClinicalRecord

_WORDS = {"yes_no": ("yes", "no"), "sex": ("female", "male")}


class ClinicalForm:
    """Fields for one patient; an empty field is a missing value.

    Parameters
    ----------
    layout
        QFormLayout that gets a row a variable.
    changed
        Called after the user changed a field.
    """

    def __init__(self, layout: Any, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._showing = False
        self.fields: dict[str, Any] = {}
        for variable in VARIABLES:
            field = self._combo(_WORDS[variable.kind]) if variable.kind in _WORDS else self._edit()
            field.objectName = f"clinical_{variable.name}"
            field.toolTip = _tip(variable)
            unit = f" [{variable.unit}]" if variable.unit else ""
            layout.addRow(f"{variable.label}{unit}:", field)
            self.fields[variable.name] = field

    def show(self, record: ClinicalRecord | None) -> None:
        """Show a patient's values."""
        self._showing = True
        try:
            for variable in VARIABLES:
                value = record.values[variable.name] if record else None
                field = self.fields[variable.name]
                text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
                if variable.kind in _WORDS:
                    field.setCurrentIndex(max(0, field.findText(text)))
                elif field.text != text:
                    field.text = text
        finally:
            self._showing = False

    def record(self, patient: str) -> ClinicalRecord:
        """Return what stands in the fields.

        Raises
        ------
        ClinicalError
            For a value that is no number or impossible; it names the variable and its range.
        """
        texts = {
            variable.name: self.fields[variable.name].currentText
            if variable.kind in _WORDS
            else self.fields[variable.name].text
            for variable in VARIABLES
        }
        return ClinicalRecord(patient, {name: text.strip().replace(",", ".") or None for name, text in texts.items()})

    def _edit(self) -> Any:
        field = qt.QLineEdit()
        field.setPlaceholderText(_("not known"))
        field.connect("editingFinished()", self._tell)
        return field

    def _combo(self, words: tuple[str, ...]) -> Any:
        field = qt.QComboBox()
        field.addItems(["", *words])
        field.connect("currentIndexChanged(int)", self._tell)
        return field

    def _tell(self, _value: Any = None) -> None:
        if not self._showing:
            self._changed()


def _tip(variable: Any) -> str:
    if variable.kind in _WORDS:
        return _("{label}: {words}, or empty where it is not known.").format(
            label=variable.label, words=_(" or ").join(_WORDS[variable.kind])
        )
    return _("{label}: {low:g} to {high:g} {unit}, or empty where it is not known.").format(
        label=variable.label, low=variable.low, high=variable.high, unit=variable.unit
    )

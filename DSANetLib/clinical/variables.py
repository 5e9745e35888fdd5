"""What the twelve variables are: names, units, plausible ranges; and one patient's values of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..errors import ClinicalError

Kind = Literal["number", "score", "yes_no", "sex"]
Value = float | str | None

_WORDS: dict[str, dict[str, str]] = {
    "yes_no": dict.fromkeys(("yes", "y", "true", "1", "positive", "pos", "+"), "yes")
    | dict.fromkeys(("no", "n", "false", "0", "negative", "neg", "-"), "no"),
    "sex": dict.fromkeys(("male", "m"), "male") | dict.fromkeys(("female", "f"), "female"),
}


@dataclass(frozen=True)
class Variable:
    """One clinical variable.

    Parameters
    ----------
    name
        Its key, and its column in a table.
    label
        For people.
    kind
        ``number``; ``score`` (a whole number); ``yes_no``: "yes" or "no"; ``sex``: "male" or "female".
    unit
        The unit that values are held in; empty where there is none.
    low, high
        Values outside are no values of a living patient in this unit.
    units
        Accepted units, in the spelling of :func:`plain_unit` → factor to ``unit``.
    other_names
        Further column names, lower case.
    """

    name: str
    label: str
    kind: Kind = "number"
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    units: Mapping[str, float] = field(default_factory=dict)
    other_names: tuple[str, ...] = ()

    def checked(self, value: object) -> Value:
        """Return a value as it is held, or None where missing; ValueError says what is wrong with it."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        if self.kind in _WORDS:
            words = _WORDS[self.kind]
            word = words.get(_spelt(value))
            if word is None:
                raise ValueError(f"is {value!r}, expected {' or '.join(dict.fromkeys(words.values()))}")
            return word
        return self._checked_number(value)

    def _checked_number(self, value: object) -> float:
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            raise ValueError(f"is {value!r}, expected a number") from error
        if isinstance(value, bool) or not math.isfinite(number):
            raise ValueError(f"is {value!r}, expected a number")
        if not self.low <= number <= self.high:
            raise ValueError(f"is {number:g}, expected {self.low:g} to {self.high:g} {self.unit}".rstrip())
        if self.kind == "score" and number != int(number):
            raise ValueError(f"is {number:g}, expected a whole number")
        return number


def plain_unit(unit: str) -> str:
    """Return a unit as the tables here spell it: lower case, no blanks, ``u`` for micro."""
    return "".join(unit.split()).lower().replace("µ", "u").replace("μ", "u").replace("mcg", "ug")


def _spelt(value: object) -> str:
    if isinstance(value, float) and value in (0.0, 1.0):
        value = int(value)
    return str(value).strip().lower()


# Factors: bilirubin 584.7 g/mol; AFP 1 IU = 1.21 ng (WHO 72/225); 1 µkat = 60 U; CRP 1 mg/dL = 10 mg/L.
_ENZYME = {"u/l": 1.0, "iu/l": 1.0, "ukat/l": 60.0}
VARIABLES: tuple[Variable, ...] = (
    Variable("age", "age", "number", "years", 1, 120, {"years": 1.0, "year": 1.0, "y": 1.0, "yr": 1.0, "a": 1.0}),
    Variable("sex", "sex", "sex", other_names=("gender",)),
    Variable("hbv", "hepatitis B", "yes_no", other_names=("hepatitis_b", "hbsag", "hb")),
    Variable(
        "afp", "alpha-fetoprotein", "number", "ng/mL", 0, 1e7,
        {"ng/ml": 1.0, "ug/l": 1.0, "iu/ml": 1.21, "ku/l": 1.21, "kiu/l": 1.21}, ("alpha_fetoprotein",),
    ),
    Variable(
        "pt", "prothrombin time", "number", "s", 5, 200,
        {"s": 1.0, "sec": 1.0, "seconds": 1.0}, ("prothrombin_time",),
    ),
    Variable("child_pugh", "Child–Pugh score", "score", "", 5, 15, other_names=("child_pugh_score", "cp", "ctp")),
    Variable("ascites", "ascites", "yes_no"),
    Variable(
        "tbil", "total bilirubin", "number", "µmol/L", 1, 1500,
        {"umol/l": 1.0, "mg/dl": 17.1, "mg/l": 1.71}, ("total_bilirubin", "bilirubin"),
    ),
    Variable("alb", "albumin", "number", "g/L", 8, 80, {"g/l": 1.0, "g/dl": 10.0}, ("albumin",)),
    Variable("ast", "aspartate aminotransferase", "number", "U/L", 1, 30000, _ENZYME, ("got", "sgot")),
    Variable("alt", "alanine aminotransferase", "number", "U/L", 1, 30000, _ENZYME, ("gpt", "sgpt")),
    Variable(
        "crp", "C-reactive protein", "number", "mg/L", 0, 1000,
        {"mg/l": 1.0, "mg/dl": 10.0, "ug/ml": 1.0}, ("c_reactive_protein",),
    ),
)  # fmt: skip
"""The paper's twelve, taken in the three days before the session."""

BY_NAME: Mapping[str, Variable] = {variable.name: variable for variable in VARIABLES}


HEALTHY_LEAST = {"tbil": 3.0}
"""Lower limit of health (0.2 mg/dL of bilirubin): a lower value is possible, but rather one in the other unit."""


def other_unit(variable: Variable) -> str:
    """Return the unit of a variable that is in use besides the standard one, or the standard one where none is."""
    return next((unit for unit, factor in variable.units.items() if factor != 1), variable.unit)


@dataclass(frozen=True)
class ClinicalRecord:
    """One patient's values, checked when it is built.

    Parameters
    ----------
    patient_id
        Whose they are; no patient data.
    values
        Variable name → value in the variable's unit; None or left out where missing. Yes/no variables also take
        True and False.

    Raises
    ------
    ClinicalError
        Where a name is unknown or a value impossible.

    Examples
    --------
    >>> ClinicalRecord("p1", {"age": 61, "sex": "male", "afp": 340.0}).values["tbil"] is None
    True
    """

    patient_id: str
    values: Mapping[str, Value]

    def __post_init__(self) -> None:
        unknown = sorted(set(self.values) - set(BY_NAME))
        if unknown:
            raise ClinicalError(f"unknown variable {', '.join(unknown)}", f"Use {', '.join(BY_NAME)}", self.patient_id)
        checked = {name: self._checked(variable) for name, variable in BY_NAME.items()}
        object.__setattr__(self, "values", checked)

    @property
    def known(self) -> tuple[str, ...]:
        """Names of the variables that have a value."""
        return tuple(name for name, value in self.values.items() if value is not None)

    def _checked(self, variable: Variable) -> Value:
        try:
            return variable.checked(self.values.get(variable.name))
        except ValueError as error:
            raise ClinicalError(f"{variable.name} {error}", "Correct it or leave it empty", self.patient_id) from error

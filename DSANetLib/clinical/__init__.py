"""The twelve clinical variables of the paper: reading them from a table, checking them, encoding them for a network."""

from __future__ import annotations

from .encoder import ClinicalEncoder
from .reading import read_clinical
from .variables import VARIABLES, ClinicalRecord, Variable

__all__ = ["VARIABLES", "ClinicalEncoder", "ClinicalRecord", "Variable", "read_clinical"]

"""Every table and curve that is made from a study: the one place where a report looks for them.

All functions take a :class:`~DSANetLib.evaluation.study.Study`, are deterministic, and give a table whose note says
why where a figure cannot be had: one class only, an empty group, too few patients.
"""

from __future__ import annotations

from .calibration_study import CalibrationCurve, calibration_curves, calibration_tables
from .cohort_table import table1
from .decision import DecisionCurve, decision_curves, decision_table
from .failures import failure_circumstances, failure_table, missed_lesion_table
from .network_groups import group_tables, tumour_free_networks
from .network_tables import losses, network_comparisons, table2
from .paper import paper_table3
from .response_compared import response_comparisons
from .response_study import RocCurve, roc_curves, table3
from .survival import Survival, SurvivalCurve, survival

__all__ = [
    "CalibrationCurve",
    "DecisionCurve",
    "RocCurve",
    "Survival",
    "SurvivalCurve",
    "calibration_curves",
    "calibration_tables",
    "decision_curves",
    "decision_table",
    "failure_circumstances",
    "failure_table",
    "group_tables",
    "losses",
    "missed_lesion_table",
    "network_comparisons",
    "paper_table3",
    "response_comparisons",
    "roc_curves",
    "survival",
    "table1",
    "table2",
    "table3",
    "tumour_free_networks",
]

"""Clinical values as a table in the scene: a row a patient, read by the rules of the CSV reader."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..clinical import VARIABLES, ClinicalRecord, read_clinical
from ..errors import ClinicalError
from ..tables import Cell, Column, to_csv
from .table import find_table, read_table, write_table

CLINICAL = "clinical"
PATIENT = Column("patient", "", "Neutral name of the patient, no real name")
COLUMNS = (PATIENT, *(Column(v.name, v.unit, v.label) for v in VARIABLES))


def read_clinical_node(node: Any) -> dict[str, ClinicalRecord]:
    """Return patient → values of a table node, of ours or any other with the columns of a clinical CSV file.

    Raises
    ------
    ClinicalError, SceneError
        Where the node is no table, or what it holds cannot be used; the message names the table, row and column.
    """
    rows = read_table(node)
    names = list(rows[0]) if rows else []
    with tempfile.TemporaryDirectory(prefix="dsanet-") as folder:
        # Through a file: units in titles, other names and impossible values are then read by one set of rules.
        path = Path(folder) / "table.csv"
        path.write_text(to_csv([Column(name, "", "") for name in names], rows), encoding="utf-8")
        try:
            return read_clinical(path)
        except ClinicalError as error:
            raise ClinicalError(error.problem, error.remedy, _place(error.source, path, node.GetName())) from error


def write_clinical(records: Mapping[str, ClinicalRecord]) -> Any:
    """Put patients' values into the scene's table of clinical values; rows of other patients stay.

    Parameters
    ----------
    records
        Patient → values; a patient who is there already gets these.

    Returns
    -------
    vtkMRMLTableNode
        Role ``clinical``, made where the scene has none.
    """
    table = find_table(CLINICAL)
    rows = {str(row["patient"]): row for row in (read_table(table) if table is not None else [])}
    rows |= {patient: {"patient": patient, **_cells(record)} for patient, record in records.items()}
    return write_table(COLUMNS, list(rows.values()), "DSANet clinical values", role=CLINICAL)


def _cells(record: ClinicalRecord) -> dict[str, Cell]:
    return {name: value for name, value in record.values.items() if value is not None}


def _place(source: str | None, path: Path, name: str) -> str:
    return (source or name).replace(str(path), name)

"""The gallery of failures shows the runs that the table of failures counts."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from DSANetLib.evaluation.records import RunRecord
from DSANetLib.evaluation.study import SegmentationResult, Study
from DSANetLib.evaluation.study_tables import failure_table
from DSANetLib.reproduction import pictures

RECORD = RunRecord("a", "with", False, 0.2, sensitivity=90.0, ppv=10.0, components=1, key_frame=1, true_key_frame=1)


def test_a_run_without_tumour_is_no_failure_of_the_gallery(tmp_path, monkeypatch):
    free = replace(RECORD, patient="b", run="free", tumour_free=True, dice=0.0)
    results = tuple(SegmentationResult("ffs", 0, -1, "test", one, failure="too much") for one in (free, RECORD))
    drawn = []
    monkeypatch.setattr(pictures, "_draw", lambda _context, _result, path: drawn.append(path.name) or True)
    study = Study({}, results)
    pictures.draw_pictures(SimpleNamespace(plan=SimpleNamespace(seeds=(0,))), study, tmp_path)
    failures = [name for name in drawn if name.startswith("failure")]
    assert failures == ["failure-too-much-with.png"]
    columns = [column.name for column in failure_table(study).columns]
    assert failure_table(study).rows[0][columns.index("failures")] == len(failures)

"""Promises of the cache and the stamp: nothing is done twice, nothing stale is used, every opening stays on record."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from DSANetLib.errors import OutputError
from DSANetLib.evaluation.cache import SOURCES, Opening, RecordCache, digest, open_test_set, source_digest
from DSANetLib.evaluation.work import map_seeds


def test_results_are_there_again_for_the_same_key_alone(tmp_path):
    path = tmp_path / "new" / "records.jsonl"
    cache = RecordCache(path, "one")
    assert len(cache) == 0
    cache.add(7, {"a": (1, 2)})
    cache.add(8, {"a": "ü"})
    assert 7 in cache
    assert cache[7] == {"a": [1, 2]}
    again = RecordCache(path, "one")
    assert (len(again), again[7], again[8]) == (2, {"a": [1, 2]}, {"a": "ü"})
    other = RecordCache(path, "two")
    assert len(other) == 0
    other.add(7, {"a": 3})
    assert RecordCache(path, "one")[7] == {"a": [1, 2]}
    assert RecordCache(path, "two")[7] == {"a": 3}


def test_a_line_cut_short_is_done_again_and_spoils_no_other(tmp_path):
    path = tmp_path / "records.jsonl"
    cache = RecordCache(path, "k")
    cache.add(1, {"x": 1})
    cache.add(2, {"x": 2})
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:-9], encoding="utf-8")
    cut = RecordCache(path, "k")
    assert 1 in cut
    assert 2 not in cut
    cut.add(2, {"x": 3})
    assert (RecordCache(path, "k")[1], RecordCache(path, "k")[2]) == ({"x": 1}, {"x": 3})


def test_lines_that_are_no_results_are_ignored(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('[]\n{"key": "k"}\n\nnonsense\n{"key": "k", "seed": 3, "result": {}}\n', encoding="utf-8")
    assert len(RecordCache(path, "k")) == 1


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        RecordCache(tmp_path / "file" / "records.jsonl", "k").add(1, {})


def test_digests_know_content_and_not_order():
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert len(source_digest()) == 64
    assert source_digest() == source_digest()
    assert {"phantom", "preparation", "pipeline.py", "evaluation/metrics.py"} <= set(SOURCES)


def test_each_opening_of_the_test_set_stays_on_record(tmp_path):
    path = tmp_path / "openings.jsonl"
    first, second = (datetime(2026, 11, day, 8, 30, tzinfo=timezone.utc) for day in (1, 2))
    one = open_test_set(path, "test patients", {"ffs": "a" * 64}, now=first)
    assert one == [Opening("2026-11-01T08:30:00+00:00", "test patients", {"ffs": "a" * 64})]
    assert open_test_set(path, "test patients", {"ffs": "a" * 64}, now=second) == one  # going on is no new opening
    two = open_test_set(path, "test patients", {"ffs": "b" * 64}, now=second)
    assert [o.when[:10] for o in two] == ["2026-11-01", "2026-11-02"]
    three = open_test_set(path, "more test patients", {"ffs": "b" * 64}, now=second)
    assert len(three) == 3
    assert [json.loads(line)["cohort"] for line in path.read_text(encoding="utf-8").splitlines()] == [
        "test patients",
        "test patients",
        "more test patients",
    ]
    assert one[0].sentence() == "Test set opened 2026-11-01T08:30:00+00:00 (test patients) with ffs aaaaaaaaaaaa"


def test_a_damaged_stamp_line_hides_no_other_opening(tmp_path):
    path = tmp_path / "openings.jsonl"
    path.write_text('{"when": "x"}\nnonsense\n', encoding="utf-8")
    assert len(open_test_set(path, "test patients", {"ffs": "a"})) == 1
    assert len(open_test_set(path, "test patients", {"ffs": "b"})) == 2


def test_the_clock_gives_the_time_of_an_opening(tmp_path):
    before = datetime.now(timezone.utc).replace(microsecond=0)
    opening = open_test_set(tmp_path / "openings.jsonl", "test patients", {})[0]
    assert before <= datetime.fromisoformat(opening.when) <= datetime.now(timezone.utc)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_seeds(workers):
    seeds = [5, -3, 12, 0, 7, 8, 9, 1, 2, 3, 4]
    assert list(map_seeds(divmod, seeds, 4, workers=workers)) == [(seed, divmod(seed, 4)) for seed in seeds]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failure_in_a_worker_is_not_lost(workers):
    results = map_seeds(divmod, [1, 2], 0, workers=workers)
    with pytest.raises(ZeroDivisionError):
        list(results)

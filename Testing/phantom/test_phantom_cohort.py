"""Phantom patients as files: read back as simulated, completed where interrupted, of the shape that is promised."""

from __future__ import annotations

import csv
import filecmp
import json
from dataclasses import replace

import numpy as np
import pytest

from DSANetLib.errors import OutputError
from DSANetLib.phantom import COHORTS, OTHER_SCANNER, PhantomConfig, Scanner, simulate_patient, write_cohort
from DSANetLib.phantom import cohort as module
from DSANetLib.phantom.config import PRESETS, TEST
from DSANetLib.phantom.presets import GROUP, Group, Preset, choose_members, preview
from DSANetLib.phantom.protocol import PROTOCOLS, draw_protocol
from DSANetLib.phantom.station import STATIONS, TURNED_SCANNER, Station
from DSANetLib.readers import read_run

TINY = PhantomConfig(rows=96, columns=96)
SMALL_PRESET = Preset(
    "small", "For this test", 31_000_030,
    (Group("train", 5, 2, TINY, 6, 9), Group("external", 3, 2, replace(TINY, scanner=OTHER_SCANNER))),
)  # fmt: skip


def rows_of(path):
    with path.open(encoding="utf-8") as f:
        return list(csv.DictReader(f))


@pytest.mark.parametrize("form", ["avi", "png", "dicom"])
def test_a_written_cohort_reads_back_as_simulated(tmp_path, form):
    config = PhantomConfig(rows=99, columns=141)
    out = write_cohort(tmp_path / "cohort é", 1, 41, form, config)
    with (out / "manifest.csv").open(encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    made = simulate_patient(41, config).runs[0]
    read = read_run(out / rows[0]["path"])
    expected = made.run.frames[:]
    if form == "avi" and made.run.bit_depth > 8:
        expected = (expected >> (made.run.bit_depth - 8)).astype(np.uint8)
    np.testing.assert_array_equal(read.frames[:], expected)
    if form == "dicom":
        np.testing.assert_allclose(read.times_s, made.run.times_s, atol=2e-3)
        assert read.spacing.row_mm == pytest.approx(made.truth.spacing_mm, rel=1e-4)
    facts = json.loads((out / "truth" / rows[0]["case"] / "truth.json").read_text(encoding="utf-8"))
    assert facts["key_frame"] == made.truth.key_frame + 1
    assert [row["frame"] for row in rows if row["key_frame"] == "1"] == [str(made.truth.key_frame + 1)]
    assert float(rows[0]["spacing_mm"]) == pytest.approx(made.truth.spacing_mm, rel=1e-3)
    assert not list(out.rglob("*.part*"))


def test_a_cohort_is_never_written_over_files(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="not an empty folder"):
        write_cohort(tmp_path, 1, 1)
    with pytest.raises(OutputError, match="format"):
        write_cohort(tmp_path / "new", 1, 1, "mp3")
    with pytest.raises(OutputError, match="patients"):
        write_cohort(tmp_path / "new", 0, 1)


def test_masks_are_the_truth_of_each_frame_with_lesions_numbered(tmp_path):
    import cv2

    out = write_cohort(tmp_path / "c", 2, 54, "png", TINY)
    for row in rows_of(out / "manifest.csv"):
        made = simulate_patient(int(row["patient"][-7:]), TINY).runs[0]
        liver, lesions = made.truth.masks(int(row["frame"]) - 1)
        tumour = cv2.imread(str(out / row["tumour_mask"]), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(tumour > 0, lesions > 0)
        assert sorted(set(tumour.ravel()) - {0}) == list(range(1, len(np.unique(lesions[lesions > 0])) + 1))
        np.testing.assert_array_equal(cv2.imread(str(out / row["liver_mask"]), cv2.IMREAD_UNCHANGED) > 0, liver > 0)


def test_an_interrupted_cohort_is_completed_to_the_same_files(tmp_path, monkeypatch):
    whole = write_cohort(tmp_path / "whole", 3, 60, "dicom", TINY)
    real, made = module.write_patient, []

    def stop_at_the_third(seed, *arguments):
        if len(made) == 2:
            raise OSError(28, "No space left on device")
        made.append(seed)
        return real(seed, *arguments)

    monkeypatch.setattr(module, "write_patient", stop_at_the_third)
    with pytest.raises(OutputError, match="No space left"):
        write_cohort(tmp_path / "begun", 3, 60, "dicom", TINY)
    assert not (tmp_path / "begun" / "manifest.csv").exists()
    with pytest.raises(OutputError, match="another cohort"):
        write_cohort(tmp_path / "begun", 4, 60, "dicom", TINY)
    done = []
    monkeypatch.setattr(module, "write_patient", lambda seed, *rest: done.append(seed) or real(seed, *rest))
    begun = write_cohort(tmp_path / "begun", 3, 60, "dicom", TINY)
    assert done == [62]
    names = [path.relative_to(whole).as_posix() for path in sorted(whole.rglob("*")) if path.is_file()]
    assert names == [path.relative_to(begun).as_posix() for path in sorted(begun.rglob("*")) if path.is_file()]
    assert filecmp.cmpfiles(whole, begun, names, shallow=False) == (names, [], [])
    assert write_cohort(tmp_path / "begun", 3, 60, "dicom", TINY) == begun and done == [62]


def test_a_preset_holds_what_it_promises(tmp_path):
    members = choose_members(SMALL_PRESET)
    for group in SMALL_PRESET.groups:
        found = [preview(m.seed, m.config) for m in members if m.set == group.set]
        assert (len(found), sum(c.responder for c in found)) == (group.patients, group.responders)
        assert group.runs is None or sum(c.runs for c in found) == group.runs
        assert group.lesions is None or sum(c.lesions for c in found) == group.lesions
    out = module.write_preset(tmp_path / "c", SMALL_PRESET, "png")
    split = rows_of(out / "split.csv")
    assert [row["set"] for row in split] == ["train"] * 5 + ["external"] * 3
    assert {row["fold"] for row in split[:5]} == set("01234") and not any(row["fold"] for row in split[5:])
    manifest = rows_of(out / "manifest.csv")
    external = {row["patient"] for row in split if row["set"] == "external"}
    assert {row["patient"] for row in manifest if row["set"] == "external"} == external
    assert len({row["case"] for row in manifest if row["set"] == "internal"}) == 6
    outcome = {row["patient"]: row["responder"] for row in rows_of(out / "outcome.csv")}
    assert sum(outcome[patient] == "1" for patient in external) == 2
    # What was counted before any film was made is what the films show.
    first_rows = {row["case"]: row for row in manifest if row["set"] == "internal"}
    assert sum(len(list(filter(None, row["lesions_cm"].split(";")))) for row in first_rows.values()) == 9
    assert json.loads((out / "cohort.json").read_text())["synthetic"] is True


def test_presets_have_the_papers_numbers_and_seeds_of_their_own():
    paper = COHORTS["paper"].groups
    assert [group.patients for group in paper] == [360, 124, 121]
    assert sum(group.runs for group in paper) == 610 and sum(group.lesions for group in paper) == 905
    assert [round(100 * group.responders / group.patients, 1) for group in paper] == [48.9, 55.6, 74.4]
    starts = [preset.first_seed + i * GROUP for preset in COHORTS.values() for i in range(len(preset.groups))]
    assert len(set(starts)) == len(starts) and min(starts) == PRESETS > TEST + 1_000_000


def test_the_usual_scanner_changes_nothing_and_the_other_one_what_it_says():
    usual = replace(Scanner(), name="renamed")
    # Other frame rates make runs of other lengths, and so other draws after them.
    same_rates = replace(OTHER_SCANNER, protocol_shares=None)
    for seed in range(6):
        a, b, c = (
            draw_protocol(np.random.default_rng(seed), replace(TINY, scanner=scanner))
            for scanner in (Scanner(), usual, same_rates)
        )
        assert a == b
        assert c.export.gain == pytest.approx(0.65 * a.export.gain)
        assert c.view.spacing_cm == pytest.approx(0.86 * a.view.spacing_cm)
        assert c.detector.electronic == pytest.approx(1.8 * a.detector.electronic)
        assert c.motion.heart_cm == pytest.approx(1.5 * a.motion.heart_cm)
    assert len(OTHER_SCANNER.protocol_shares) == len(PROTOCOLS)
    assert sum(OTHER_SCANNER.protocol_shares) == pytest.approx(1.0)
    patients = [simulate_patient(3, replace(TINY, scanner=scanner)) for scanner in (Scanner(), OTHER_SCANNER)]
    assert patients[0].outcome == patients[1].outcome and patients[0].clinical == patients[1].clinical


def test_a_station_turns_films_and_masks_alike_and_enhances_edges(monkeypatch):
    usual = PhantomConfig(rows=96, columns=120)
    turned = replace(usual, scanner=TURNED_SCANNER)
    seed = 5  # neither text, which stays upright, nor a lossy codec
    plain = simulate_patient(seed, usual).runs[0]
    assert not plain.truth.protocol.text and plain.truth.protocol.export.jpeg is None
    edged = simulate_patient(seed, turned).runs[0]
    monkeypatch.setitem(STATIONS, "C", Station(quarter_turns=1))
    only_turned = simulate_patient(seed, turned).runs[0]
    key = plain.truth.key_frame
    # The frame's left side comes to lie at the bottom.
    np.testing.assert_array_equal(only_turned.run.frames[key][-1], plain.run.frames[key][:, 0])
    np.testing.assert_array_equal(only_turned.run.frames[:], np.rot90(plain.run.frames[:], 1, (1, 2)))
    assert edged.run.frames.shape == (plain.run.count, 120, 96) == only_turned.run.frames.shape
    for mine, theirs in zip(edged.truth.masks(key), plain.truth.masks(key), strict=True):
        assert theirs.any()
        np.testing.assert_array_equal(mine, np.rot90(theirs))
    step = np.repeat(np.float32([100, 200]), 40)[None].repeat(80, 0)
    found = Station(edges=1.0).enhance(step)
    # Beside the step the blur is half a step high: an overshoot of nearly half a step, and nothing far away.
    assert found[40, 39] == pytest.approx(60, abs=10) and found[40, 40] == pytest.approx(240, abs=10)
    np.testing.assert_allclose(found[:, [0, -1]], step[:, [0, -1]], atol=0.01)
    assert Station().enhance(step) is step is Station().turn(step)
    assert not np.array_equal(edged.run.frames[key], only_turned.run.frames[key])

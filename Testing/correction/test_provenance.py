from __future__ import annotations

import json

import numpy as np
import pytest

from DSANetLib.correction.provenance import all_corrections, file_name, read_corrections, write_corrections
from DSANetLib.errors import OutputError


def test_a_readers_work_comes_back_as_it_was_saved(make_work, make_record, tmp_path, rectangle):
    first = make_record(
        4, "accepted", rectangle(0, 2, 0, 4), rectangle(0, 2, 2, 6), proposed_by="ffs-phantom", reader="Zoë",
        changed_at="2026-11-23T09:59:00+00:00", seconds=12.5,
    )  # fmt: skip
    work = make_work(frames=[first, make_record(7, "rejected")])
    path = write_corrections(work, tmp_path / "new folder")
    assert path.name == "corrections-Zoë.json"
    assert read_corrections(path) == work
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "nothing else is left"


def test_dice_between_proposal_and_result_is_that_worked_out_by_hand(make_record, rectangle):
    """Result: 2 x 4 = 8 px; proposal: 2 x 4 = 8 px, two columns on: 4 px in common; Dice = 2 * 4 / (8 + 8)."""
    record = make_record(tumour=rectangle(0, 2, 0, 4), proposal=rectangle(0, 2, 2, 6))
    assert record.dice_tumour == 0.5
    assert record.dice_liver == 1.0, "both livers are empty"
    assert make_record().dice_tumour is None


def test_the_file_can_be_read_without_us(make_work, make_record, tmp_path, rectangle):
    """As docs/correction.md says."""
    import base64
    import zlib

    tumour = rectangle(1, 5, 2, 7)
    path = write_corrections(make_work(frames=[make_record(tumour=tumour)]), tmp_path)
    (frame,) = json.loads(path.read_text(encoding="utf-8"))["frames"]
    assert frame["frame"] == 5, "counted from 1"
    size, _liver, packed = frame["masks"].split(":")
    rows, columns = map(int, size.split("x"))
    bits = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8)
    assert np.array_equal(np.unpackbits(bits, count=rows * columns).reshape(rows, columns), tumour)


def test_a_reader_replaces_only_their_own_file(make_work, tmp_path):
    write_corrections(make_work(reader="A"), tmp_path)
    write_corrections(make_work(reader="B", saved_at="2026-11-23T09:00:00+00:00"), tmp_path)
    write_corrections(make_work(reader="A", saved_at="2026-11-23T11:00:00+00:00"), tmp_path)
    assert [(w.reader, w.saved_at[11:13]) for w in all_corrections(tmp_path)] == [("B", "09"), ("A", "11")]
    write_corrections(make_work(reader="a/b"), tmp_path)
    before = (tmp_path / file_name("a/b")).read_bytes()
    with pytest.raises(OutputError, match=r"corrections-a_b\.json: holds the work of another reader"):
        write_corrections(make_work(reader="a?b"), tmp_path)
    with pytest.raises(OutputError, match="another reader or case"):
        write_corrections(make_work(case_id="other", reader="a/b"), tmp_path)
    assert (tmp_path / file_name("a/b")).read_bytes() == before


def test_an_unnamed_reader_has_a_file_too():
    assert file_name(" .") == file_name("") == "corrections-unnamed.json"


def test_a_full_disk_leaves_the_earlier_file(make_work, tmp_path, monkeypatch):
    path = write_corrections(make_work(), tmp_path)
    before = path.read_bytes()

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OutputError, match=r"corrections-Zoë\.json: cannot be written \(No space left on device\)"):
        write_corrections(make_work(saved_at="2027"), tmp_path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda _: "{", "is no readable file of corrections"),
        (lambda _: "[]", "is no file of corrections"),
        (lambda c: json.dumps({**c, "version": 9}), "is of version 9"),
        (lambda c: json.dumps({**c, "frames": [{}]}), "is damaged"),
        (lambda c: json.dumps({**c, "frames": [{**c["frames"][0], "state": "finished"}]}), "'finished' is no state"),
        (lambda c: json.dumps({**c, "frames": [{**c["frames"][0], "masks": "6x8:A:B"}]}), "a stored mask is damaged"),
    ],
)
def test_a_damaged_file_is_named(make_work, tmp_path, damage, message):
    path = write_corrections(make_work(), tmp_path)
    path.write_text(damage(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    with pytest.raises(OutputError, match=message) as error:
        read_corrections(path)
    assert str(path) in str(error.value)
    assert str(error.value).count("\n") == 0

"""Which reader's mask of a frame is exported where several worked on a case, and what is said of the others'."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.correction.packing import pack
from DSANetLib.correction.provenance import Corrections, FrameRecord
from DSANetLib.correction.readers import choose_frames


def record(frame: int, state: str, at: str, pixel: int, *, reader: str | None = None, by: str = "ffs") -> FrameRecord:
    tumour = np.zeros((2, 5), np.uint8)
    tumour.flat[pixel] = 1
    masks = pack(np.zeros((2, 5), np.uint8), tumour, (2, 5))
    return FrameRecord(frame, state, masks, proposed_by=by, reader=reader, changed_at=at)


def work(reader: str, saved_at: str, *records: FrameRecord) -> Corrections:
    return Corrections("case", reader, saved_at, "ffs", records)


@pytest.mark.parametrize(
    ("anna", "bob", "taken", "reason"),
    [
        (("accepted", "09:00"), ("edited", "10:00"), "Anna", "accepted"),
        (("edited", "09:00"), ("accepted", "08:00"), "Bob", "accepted"),
        (("edited", "09:00"), ("edited", "10:00"), "Bob", "later"),
        (("accepted", "11:00"), ("accepted", "10:00"), "Anna", "later"),
        (("rejected", "11:00"), ("edited", "10:00"), "Bob", "edited"),
    ],
)
def test_a_frame_is_accepted_before_edited_and_later_before_earlier(anna, bob, taken, reason):
    works = [work("Anna", "1", record(3, *anna, 0)), work("Bob", "2", record(3, *bob, 7))]
    (frame,), (other,) = choose_frames(works)
    assert (frame.reader, frame.frame) == (taken, 3)
    assert (other.reader, other.taken, other.reason) == ("Bob" if taken == "Anna" else "Anna", taken, reason)


def test_readers_of_different_frames_both_come_through():
    works = [work("Anna", "1", record(3, "accepted", "09:00", 0)), work("Bob", "2", record(1, "edited", "10:00", 7))]
    frames, others = choose_frames(works)
    assert [(frame.frame, frame.reader) for frame in frames] == [(1, "Bob"), (3, "Anna")]
    assert not others


def test_what_was_adjudicated_comes_first_and_its_rejection_ends_a_frame():
    joined = record(3, "edited", "08:00", 1, by="both of Anna and Bob, adjudicated")
    accepted = record(3, "accepted", "10:00", 7)
    (frame,), (other,) = choose_frames([work("Third", "1", joined), work("Bob", "2", accepted)])
    assert (frame.reader, other.reader, other.reason) == ("Third", "Bob", "adjudicated")
    refused = record(3, "rejected", "08:00", 1, by="Anna, adjudicated")
    frames, (other,) = choose_frames([work("Third", "1", refused), work("Bob", "2", accepted)])
    assert (frames, other.taken) == ([], "Third")


def test_a_copy_of_anothers_work_is_not_passed_over_and_nobodys_frames_are_left_out():
    one = record(3, "accepted", "09:00", 0, reader="Anna")
    frames, others = choose_frames([work("Anna", "1", one), work("Bob", "2", one, record(5, "predicted", "10:00", 7))])
    assert [frame.frame for frame in frames] == [3]
    assert not others


def test_only_what_a_person_stands_behind_is_taken():
    states = ("predicted", "edited", "accepted", "rejected")
    frames, others = choose_frames([work("Anna", "1", *(record(i, s, "09:00", 0) for i, s in enumerate(states)))])
    assert [(frame.frame, frame.reader) for frame in frames] == [(1, "Anna"), (2, "Anna")]
    assert not others

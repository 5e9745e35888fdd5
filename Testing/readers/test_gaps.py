"""A frame missing among the files is said with its number; names and numbers that are no count are left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import generate_uid

from DSANetLib.flags import WARNING_CODES
from DSANetLib.readers import find_runs, read_run
from DSANetLib.readers.gaps import missing_numbers, name_numbers, note_gaps

Writer = Callable[..., Path]
Pictures = Callable[..., np.ndarray]


def _missing(warnings: tuple[str, ...]) -> list[str]:
    """Return the warnings that get the flag."""
    starts = tuple(start for start, code in WARNING_CODES.items() if code == "frames_missing")
    return [text for text in warnings if text.startswith(starts)]


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ((4,), "frame 4 is missing"),
        ((4, 7), "frames 4 and 7 are missing"),
        ((4, 7, 8, 9, 12), "frames 4, 7 to 9 and 12 are missing"),
        ((1, 23), None),
        ((), None),
    ],
)
def test_a_frame_that_is_missing_in_a_folder_is_named(
    tmp_path: Path, pictures: Pictures, write_images: Writer, gone: tuple[int, ...], said: str | None
) -> None:
    write_images(tmp_path / "run", pictures(23), "p12_f{}.png")
    for number in gone:
        (tmp_path / "run" / f"p12_f{number}.png").unlink()
    run = read_run(tmp_path / "run")
    assert run.count == 23 - len(gone)
    expected = [] if said is None else [f"Among the numbered files, {said}: times and result may be wrong."]
    assert _missing(run.warnings) == expected
    assert _missing(read_run(tmp_path / "run", frame_rate=3).warnings) == expected, "a stated rate fills no gap"


@pytest.mark.parametrize(
    "names",
    [
        [f"t{500 * i}" for i in (0, 1, 2, 3, 5, 6, 7)],  # time stamps in ms
        [f"f{i}" for i in range(1, 20, 2)],  # every second frame
        ["f1", "f2", "f4"],  # too few to tell
        [*(f"f{i}" for i in range(1, 7)), *(f"f{i}" for i in range(101, 107))],  # two films
        [f"a{i}b{i}" for i in (1, 2, 3, 5, 6)],  # two numbers
        ["f1", "f2", "f3", "g5", "f6", "f7"],  # names that differ otherwise
        ["f1", "f2", "f3", "f03", "f5", "f6"],  # a number twice
    ],
)
def test_names_that_do_not_count_by_ones_are_left_alone(
    tmp_path: Path, pictures: Pictures, write_images: Writer, names: list[str]
) -> None:
    write_images(tmp_path / "run", pictures(len(names)), "tmp{}.png")
    for i, name in enumerate(names, start=1):
        (tmp_path / "run" / f"tmp{i}.png").rename(tmp_path / "run" / f"{name}.png")
    run = read_run(tmp_path / "run")
    assert (run.count, _missing(run.warnings)) == (len(names), [])


def test_what_counts_as_a_count() -> None:
    assert missing_numbers([3, 4, 6, 7]) == [5]
    assert missing_numbers([3, 4, 6, 8, 9, 10]) == []
    assert missing_numbers([10, 9, 7, 6]) == missing_numbers([]) == missing_numbers([5]) == []
    assert missing_numbers([1, 2, 6, 7]) == [3, 4, 5]
    assert missing_numbers([1, 2, 7, 8]) == []
    assert name_numbers([Path("F008.png"), Path("f9.PNG"), Path("f010.png")]) == [8, 9, 10]
    assert name_numbers([Path("f.png"), Path("f1.png")]) is None
    assert name_numbers([Path("f1.png"), Path("f2.jpg")]) is None
    said: list[str] = []
    note_gaps([i for i in range(40) if i % 5 != 1], said)
    assert "frames 1, 6, 11, 16 and others are missing" in said[0]


def _series(
    folder: Path, frames: np.ndarray, write_dicom: Writer, numbers: list[int], name: str = "IM{:04d}", **more: str
) -> None:
    """Write a file a frame; the names count without a gap, whatever the instance numbers do."""
    series = generate_uid()
    for i, number in enumerate(numbers):
        path = folder / name.format(i + 1)
        write_dicom(path, frames[i : i + 1], SeriesInstanceUID=series, InstanceNumber=number or None, **more)


def test_a_gap_in_the_instance_numbers_is_named(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    _series(tmp_path / "gap", pictures(6), write_dicom, [1, 2, 3, 5, 6, 8])
    _series(tmp_path / "second", pictures(6), write_dicom, [2, 4, 6, 8, 12, 14])
    _series(tmp_path / "whole", pictures(6), write_dicom, [7, 8, 9, 10, 11, 12])
    assert _missing(read_run(tmp_path / "second").warnings) == _missing(read_run(tmp_path / "whole").warnings) == []
    assert _missing(read_run(tmp_path / "gap").warnings) == []  # two gaps in five steps: too few to tell
    _series(tmp_path / "gap", pictures(9), write_dicom, [1, 2, 3, 5, 6, 8, 9, 10, 11])
    (said,) = _missing(read_run(tmp_path / "gap").warnings)
    assert "frames 4 and 7 are missing" in said


def test_names_count_where_no_instance_number_is_given(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    _series(tmp_path / "run", pictures(8), write_dicom, [0] * 8)
    assert _missing(read_run(tmp_path / "run").warnings) == []
    (tmp_path / "run" / "IM0003").unlink()
    assert "frame 3 is missing" in _missing(read_run(tmp_path / "run").warnings)[0]
    # The numbers count, not the names, where there are numbers: devices name files across series.
    _series(tmp_path / "named", pictures(8), write_dicom, list(range(1, 9)))
    (tmp_path / "named" / "IM0003").rename(tmp_path / "named" / "IM0010")
    assert _missing(read_run(tmp_path / "named").warnings) == []


@pytest.mark.parametrize("content", [b"", bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00"])
@pytest.mark.parametrize("odd", [1, 4, 8])
def test_frames_beside_a_damaged_one_say_so(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer, content: bytes, odd: int
) -> None:
    _series(tmp_path, pictures(8), write_dicom, list(range(1, 9)))
    (tmp_path / f"IM{odd:04d}").write_bytes(content)
    film, damaged = sorted(find_runs(tmp_path), key=lambda source: -len(source.files))
    assert (len(film.files), damaged.path.name, damaged.damaged_beside) == (7, f"IM{odd:04d}", False)
    said = _missing(read_run(film).warnings)
    assert any("A damaged file beside the frames" in text for text in said)
    assert any(f"frame {odd} is missing" in text for text in said) == (odd == 4)


def test_a_damaged_file_of_another_name_is_no_frame(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    _series(tmp_path, pictures(4), write_dicom, [1, 2, 3, 4])
    (tmp_path / "other.avi").touch()
    film = next(source for source in find_runs(tmp_path) if source.files)
    assert not film.damaged_beside
    assert _missing(read_run(film).warnings) == []

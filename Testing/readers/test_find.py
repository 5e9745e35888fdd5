"""Folders → runs: frames together, series in order, names neutral and unique, nothing broken hidden."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless, generate_uid

from DSANetLib.errors import RunError
from DSANetLib.readers import find_runs, read_run
from DSANetLib.readers.naming import case_name, reveals, unique_names

Writer = Callable[..., Path]
Pictures = Callable[..., np.ndarray]


def test_a_tree_of_runs_is_found_in_natural_order(
    tmp_path: Path,
    pictures: Pictures,
    write_images: Writer,
    write_video: Writer,
    write_dicom: Writer,
    write_sequence: Writer,
) -> None:
    frames = pictures(3)
    write_images(tmp_path / "p1" / "run10", frames)
    write_images(tmp_path / "p1" / "run2", frames)
    write_images(tmp_path / "p2" / "run2", frames)
    write_video(tmp_path / "p2" / "late.avi", frames)
    write_dicom(tmp_path / "p2" / "xa.dcm", frames)
    write_sequence(tmp_path / "p2" / "seq.seq.nrrd", frames)
    for junk in ("Thumbs.db", "notes.txt", ".hidden.avi", "truth.json", "DICOMDIR"):
        (tmp_path / "p2" / junk).write_bytes(b"nothing to see")
    sources = find_runs([tmp_path])
    names = [source.case_id for source in sources]
    assert names == ["p1-run2", "run10", "xa", "late", "seq", "p2-run2"]
    for source in sources:
        run = read_run(source)
        assert run.case_id == source.case_id
        np.testing.assert_array_equal(run.frames, frames)


def test_what_was_meant_as_a_run_and_cannot_be_read_stays_in_the_list(tmp_path: Path) -> None:
    (tmp_path / "empty.avi").touch()
    (tmp_path / "broken.dcm").write_bytes(b"\x80\x81" * 50)
    (tmp_path / "fake.nrrd").write_text("no header")
    (tmp_path / "IM0004").touch()
    sources = find_runs([tmp_path, tmp_path / "missing.avi"])
    assert [source.path.name for source in sources] == ["broken.dcm", "empty.avi", "fake.nrrd", "IM0004", "missing.avi"]
    for source in sources:
        with pytest.raises(RunError, match=source.path.name):
            read_run(source)


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x00" * 60])
@pytest.mark.parametrize("odd", [0, 2, 4])
def test_a_frame_that_is_no_picture_is_named_and_not_left_out(
    tmp_path: Path, pictures: Pictures, write_images: Writer, content: bytes, odd: int
) -> None:
    write_images(tmp_path / "run", pictures(5))
    bad = sorted((tmp_path / "run").iterdir())[odd]
    bad.write_bytes(content)
    (source,) = find_runs(tmp_path)
    assert len(source.files) == 5
    with pytest.raises(RunError, match=bad.name):
        np.asarray(read_run(source).frames)


def test_an_empty_folder_is_one_source_that_says_so(tmp_path: Path) -> None:
    (source,) = find_runs(str(tmp_path))
    with pytest.raises(RunError, match="holds no run"):
        read_run(source)
    assert find_runs([]) == []


def test_a_folder_of_several_runs_is_no_single_run(tmp_path: Path, pictures: Pictures, write_video: Writer) -> None:
    for name in ("a", "b"):
        write_video(tmp_path / f"{name}.avi", pictures(2))
    with pytest.raises(RunError, match="holds 2 runs"):
        read_run(tmp_path)
    (tmp_path / "b.avi").unlink()
    assert read_run(tmp_path).case_id == "a"


def test_the_same_file_twice_is_one_run(tmp_path: Path, pictures: Pictures, write_video: Writer) -> None:
    path = write_video(tmp_path / "a.avi", pictures(2))
    assert len(find_runs([path, tmp_path, path])) == 1


def test_a_file_a_frame_is_ordered_by_instance_and_timed(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer
) -> None:
    frames = pictures(12)
    series = generate_uid()
    for i in range(12):
        # File names and times of writing lie about the order.
        write_dicom(
            tmp_path / "export" / f"IM{(i * 7) % 12:02d}",
            frames[i : i + 1],
            SeriesInstanceUID=series,
            InstanceNumber=i + 1,
            AcquisitionTime=f"10{30 + i // 4:02d}{(i % 4) * 15:02d}.5",
        )
    run = read_run(tmp_path / "export")
    np.testing.assert_array_equal(run.frames, frames)
    np.testing.assert_allclose(run.times_s, np.arange(12) * 15)
    assert run.case_id == "export"


def test_without_numbers_time_orders_and_without_times_the_frame_time_counts(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer
) -> None:
    frames = pictures(4)
    series = generate_uid()
    for i in range(4):
        write_dicom(
            tmp_path / "a" / f"{3 - i}",
            frames[i : i + 1],
            SeriesInstanceUID=series,
            AcquisitionDateTime=f"2024010110000{i}",
            FrameTime=500,
        )
        write_dicom(tmp_path / "b" / f"{i}", frames[i : i + 1], SeriesInstanceUID=series, FrameTime=500)
    first = read_run(tmp_path / "a")
    np.testing.assert_array_equal(first.frames, frames)
    np.testing.assert_allclose(first.times_s, np.arange(4))
    np.testing.assert_allclose(read_run(tmp_path / "b").times_s, np.arange(4) / 2)


def test_series_and_acquisitions_are_kept_apart(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    frames = pictures(3)
    first, second = generate_uid(), generate_uid()
    for i in range(3):
        for acquisition in (1, 2):
            write_dicom(
                tmp_path / "x" / f"a{acquisition}_{i}",
                frames[i : i + 1],
                SeriesInstanceUID=first,
                SeriesNumber=4,
                InstanceNumber=10 * acquisition + i,
                AcquisitionNumber=acquisition,
            )
        write_dicom(
            tmp_path / "x" / f"b{i}",
            frames[i : i + 1],
            SeriesInstanceUID=second,
            SeriesNumber=5,
            InstanceNumber=i,
            AcquisitionNumber=i,
        )
    sources = find_runs(tmp_path / "x")
    assert [len(source.files) for source in sources] == [3, 3, 3]
    assert len({source.case_id for source in sources}) == 3
    for source in sources:
        np.testing.assert_array_equal(read_run(source).frames, frames)


def test_single_pictures_of_one_series_are_no_film(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    series, frames = generate_uid(), pictures(3)
    for i, encoding in enumerate((None, RLELossless, None)):
        # The first and second are one picture in two encodings; the third and fourth have one number and no time.
        write_dicom(tmp_path / f"IM{i}", frames[i : i + 1], encoding, SeriesInstanceUID=series, InstanceNumber=1)
    assert [source.path.name for source in find_runs(tmp_path)] == ["IM0", "IM1", "IM2"]
    assert [source.files for source in find_runs(tmp_path)] == [(), (), ()]


def test_one_number_for_all_is_a_film_where_times_or_acquisitions_order_it(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer
) -> None:
    frames = pictures(3)
    for folder, order in (("a", {"AcquisitionTime": "10000{}"}), ("b", {"AcquisitionNumber": "{}"})):
        series = generate_uid()
        for i in range(3):
            write_dicom(
                tmp_path / folder / f"{9 - i}",
                frames[i : i + 1],
                SeriesInstanceUID=series,
                InstanceNumber=1,
                **{keyword: value.format(i) for keyword, value in order.items()},
            )
        np.testing.assert_array_equal(read_run(tmp_path / folder).frames, frames)


def test_a_frame_twice_in_a_series_is_named(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    series, frames = generate_uid(), pictures(3)
    for name, i in (("IM0", 0), ("IM1", 1), ("IM1 copy", 1), ("IM2", 2)):
        write_dicom(tmp_path / name, frames[i : i + 1], SeriesInstanceUID=series, InstanceNumber=i)
    with pytest.raises(RunError, match=r"instance number 1, as IM1(?: copy)? has. Keep one of the two"):
        read_run(tmp_path)


def test_a_series_of_mixed_sizes_names_the_odd_file(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    series = generate_uid()
    for i, rows in enumerate((20, 20, 24)):
        write_dicom(tmp_path / f"IM{i}.dcm", pictures(1, rows), SeriesInstanceUID=series, InstanceNumber=i)
    said = r"IM2\.dcm: the frame is 33 x 24 uint8, the first of its series, IM0\.dcm, is 33 x 20"
    with pytest.raises(RunError, match=said):
        read_run(tmp_path)


def test_reports_beside_the_runs_are_passed_over_and_broken_headers_are_not(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer, dicom_dataset: Callable[..., object]
) -> None:
    write_dicom(tmp_path / "run.dcm", pictures(3))
    report = dicom_dataset(pictures(1))
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(report, keyword)
    report.save_as(tmp_path / "report.dcm", enforce_file_format=True)  # type: ignore[attr-defined]
    (tmp_path / "torn.dcm").write_bytes(bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00")
    assert [source.path.name for source in find_runs(tmp_path)] == ["run.dcm", "torn.dcm"]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("rows", [0, None])
def test_pixels_without_rows_get_the_line_in_a_folder_that_they_get_alone(
    tmp_path: Path,
    pictures: Pictures,
    write_dicom: Writer,
    dicom_dataset: Callable[..., Any],
    syntax: str,
    rows: int | None,
) -> None:
    write_dicom(tmp_path / "run.dcm", pictures(3))
    for name in ("odd.dcm", "report.dcm"):
        dataset = dicom_dataset(pictures(1))
        dataset.file_meta.TransferSyntaxUID = syntax
        if rows is None:
            del dataset.Rows
        else:
            dataset.Rows = rows
        if name == "report.dcm":
            del dataset.PixelData
        dataset.save_as(tmp_path / name, enforce_file_format=True)
    odd, run = find_runs(tmp_path)
    assert (odd.path.name, run.path.name) == ("odd.dcm", "run.dcm")
    said = []
    for source in (odd, tmp_path / "odd.dcm"):
        with pytest.raises(RunError, match=r"odd\.dcm: the DICOM object holds no image, or does not say") as caught:
            read_run(source)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_names_hold_nothing_of_the_patient(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    folder = tmp_path / "Testperson Agidius"
    series = generate_uid()
    for name in ("one", "two"):
        write_dicom(folder / name / "run.dcm", pictures(2))
        write_dicom(tmp_path / f"Testperson {name}" / "run.dcm", pictures(2))
        write_dicom(tmp_path / f"PID-99-2231 {name}.dcm", pictures(3))
    for i in range(3):
        write_dicom(tmp_path / "frames of testperson" / str(i), pictures(1), SeriesInstanceUID=series)
    sources = find_runs(tmp_path)
    assert len({source.case_id.casefold() for source in sources}) == len(sources) == 7
    for source in sources:
        run = read_run(source)
        text = (run.case_id + run.source).casefold()
        assert all(part not in text for part in ("testperson", "gidius", "2231")), text


def test_case_names_are_safe_for_files(tmp_path: Path) -> None:
    assert case_name(Path("a/Run 3: left?.nrrd")) == "Run-3-left"
    assert case_name(Path("..nrrd")) == "case"
    assert case_name(Path("Fall é ł 中 (2).seq.nrrd")) == "Fall-é-ł-中-2"
    assert case_name(Path("IM_0001")) == "IM_0001"
    assert case_name(Path("???.avi")) == "case"
    assert len(case_name(Path("x" * 300))) <= 80
    (tmp_path / "1.2.3").mkdir()
    assert case_name(tmp_path / "1.2.3") == "1.2.3"
    assert case_name(Path()) == case_name(Path.cwd())


def test_patients_are_recognised_in_any_writing() -> None:
    assert reveals("mueller-hans", ["Mueller^Hans"])
    assert reveals("Élodie run", ["Dupont^Elodie"])
    assert reveals("li_run2", ["Li^Na"])
    assert not reveals("liver2", ["Li^Na"])
    assert reveals("1950-01-31", ["19500131"])
    assert not reveals("IM840", ["1.2.840.10008.1"])
    assert not reveals("run", ["", "X"])


def test_names_become_unique() -> None:
    assert unique_names(["a", "A", "b"], ["", "", ""]) == ["a", "A-2", "b"]
    assert unique_names(["a", "a"], ["p", "q"]) == ["p-a", "q-a"]
    assert unique_names(["a", "a", "a"], ["p", "p", ""]) == ["p-a", "p-a-2", "a"]


def test_a_film_in_one_file_of_images_is_found_in_its_folder(tmp_path: Path, pictures: Pictures) -> None:
    from PIL import Image

    first, *others = (Image.fromarray(frame) for frame in pictures(4))
    first.save(tmp_path / "film.gif", save_all=True, append_images=others, duration=200)
    (source,) = find_runs(tmp_path)
    assert (source.path.name, source.case_id, read_run(source).count) == ("film.gif", "film", 4)

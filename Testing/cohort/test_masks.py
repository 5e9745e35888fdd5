"""Masks of every kind land on the pixels they were drawn on: asymmetric frames, nothing flipped, nothing off by one."""

from __future__ import annotations

import base64
import gzip
import json
import logging

import cv2
import numpy as np
import pytest
from small_cohort import COLUMNS, ROWS, write_png, write_run

from DSANetLib.cohort import AnnotatedFrame, frame_masks
from DSANetLib.cohort.masks import frames_named
from DSANetLib.errors import CohortError

SIZE = (ROWS, COLUMNS)


def box(top, bottom, left, right):
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


def corners(top, bottom, left, right):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def drawn(label, points, **more):
    return {"label": label, "points": points, "group_id": None, "shape_type": "polygon", "flags": {}, **more}


@pytest.fixture
def labelme(tmp_path):
    def write(*shapes, name="run_frame_0003.json", **more):
        facts = {"version": "5.5.0", "flags": {}, "imagePath": "x.png", "imageHeight": ROWS, "imageWidth": COLUMNS}
        (tmp_path / name).write_text(json.dumps({**facts, "shapes": list(shapes), **more}), encoding="utf-8")
        return tmp_path / name

    return write


def read(path, frame=2, *, liver=False):
    return frame_masks(AnnotatedFrame(frame, None if liver else path, path if liver else None), *SIZE)


def test_polygon_covers_the_pixels_whose_centres_it_encloses(labelme):
    found = read(labelme(drawn("tumour", corners(3, 9, 20, 31)), drawn("liver", corners(1, 20, 5, 35))))
    np.testing.assert_array_equal(found.tumour, box(3, 9, 20, 31))
    np.testing.assert_array_equal(found.liver, box(1, 20, 5, 35))
    # Half a pixel less on each side still has all centres; a whole centre less does not.
    found = read(labelme(drawn("tumour", corners(3.4, 8.6, 20.4, 30.6))))
    np.testing.assert_array_equal(found.tumour, box(3, 9, 20, 31))
    found = read(labelme(drawn("tumour", corners(3.6, 8.6, 20.4, 30.6))))
    np.testing.assert_array_equal(found.tumour, box(4, 9, 20, 31))


def test_triangle_is_not_turned(labelme):
    found = read(labelme(drawn("HCC", [[2, 2], [22, 2], [2, 12]]))).tumour
    y, x = np.mgrid[:ROWS, :COLUMNS] + 0.5
    np.testing.assert_array_equal(found, (x > 2) & (y > 2) & ((x - 2) / 20 + (y - 2) / 10 < 1))


def test_outlines_of_pixel_numbers_lose_the_last_row_and_column(labelme):
    """What docs/cohort.md says of cv2.findContours."""
    whole = box(3, 9, 20, 31).astype(np.uint8)
    ((outline,), _) = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = read(labelme(drawn("tumour", outline[:, 0].tolist()))).tumour
    np.testing.assert_array_equal(found, box(3, 8, 20, 30))


def test_polygon_beyond_the_frame_is_cut_off(labelme):
    found = read(labelme(drawn("tumour", corners(-5, 4, 30, 80)))).tumour
    np.testing.assert_array_equal(found, box(0, 4, 30, COLUMNS))


def test_rectangle_circle_and_painted_mask(labelme):
    painted = np.array([[1, 0, 1], [1, 1, 0]], np.uint8)
    text = base64.b64encode(cv2.imencode(".png", painted * 255)[1].tobytes()).decode()
    found = read(
        labelme(
            drawn("tumour", [[31, 9], [20, 3]], shape_type="rectangle"),
            drawn("tumour", [[8, 10], [8, 13]], shape_type="circle"),
            drawn("tumour", [[14, 20], [16, 21]], shape_type="mask", mask=text),
        )
    )
    np.testing.assert_array_equal(found.labels == 1, box(3, 9, 20, 31))
    y, x = np.mgrid[:ROWS, :COLUMNS] + 0.5
    np.testing.assert_array_equal(found.labels == 2, (x - 8) ** 2 + (y - 10) ** 2 <= 9)
    np.testing.assert_array_equal(found.labels[20:22, 14:17] == 3, painted > 0)
    assert (found.labels == 3).sum() == 4


def test_shapes_of_a_group_or_a_number_are_one_lesion(labelme):
    found = read(
        labelme(
            drawn("tumour", corners(1, 3, 1, 3), group_id=7),
            drawn("tumour", corners(1, 3, 6, 8)),
            drawn("tumour", corners(1, 3, 10, 12), group_id=7),
            drawn("lesion 2", corners(5, 7, 1, 3)),
            drawn("lesion 2", corners(5, 7, 6, 8)),
        )
    ).labels
    assert (found[1, 1], found[1, 6], found[1, 10], found[5, 1], found[5, 6]) == (1, 2, 1, 3, 3)


def test_holes_are_cut_where_they_belong(labelme):
    outer, core, other = box(2, 12, 4, 18), box(5, 9, 8, 13), box(2, 12, 20, 30)
    liver = drawn("liver", corners(1, 20, 2, 34))
    lesions = (
        drawn("tumour", corners(2, 12, 4, 18), group_id=1),
        drawn("tumour", corners(2, 12, 20, 30), group_id=2),
    )
    for hole in (
        drawn("hole", corners(5, 9, 8, 13), group_id=1),
        drawn("tumour hole", corners(5, 9, 8, 13)),
        drawn("tumour", corners(5, 9, 8, 13), group_id=1, flags={"hole": True}),
    ):
        found = read(labelme(hole, liver, *lesions))
        np.testing.assert_array_equal(found.tumour, (outer & ~core) | other)
        np.testing.assert_array_equal(found.liver, box(1, 20, 2, 34))
    # Outside every tumour it is the liver's; of another group it cuts nothing of this one.
    found = read(labelme(drawn("hole", corners(14, 16, 8, 13)), liver, *lesions))
    np.testing.assert_array_equal(found.liver, box(1, 20, 2, 34) & ~box(14, 16, 8, 13))
    found = read(labelme(drawn("hole", corners(5, 9, 8, 13), group_id=2), liver, *lesions))
    np.testing.assert_array_equal(found.tumour, outer | other)


def test_one_unknown_label_means_what_its_column_says(labelme):
    path = labelme(drawn("A", corners(3, 9, 20, 31)))
    assert read(path).tumour.sum() == 66 and read(path, liver=True).liver.sum() == 66


def test_labels_beside_known_ones_are_left_out(labelme):
    found = read(labelme(drawn("tumour", corners(3, 9, 20, 31)), drawn("catheter", [[1, 1], [2, 2]])))
    assert found.tumour.sum() == 66


def test_shape_without_a_pixel_is_said(labelme, caplog):
    with caplog.at_level(logging.WARNING):
        found = read(labelme(drawn("tumour", corners(3.6, 3.9, 2, 9)), drawn("tumour", corners(3, 9, 20, 31))))
    assert "shape 1 covers the centre of no pixel" in caplog.text and found.labels.max() == 1


def test_a_shape_beside_the_picture_is_refused(labelme):
    inside = drawn("tumour", corners(3, 9, 20, 31))
    rows, columns = read(labelme(inside)).labels.shape
    for beside in (corners(3, 9, columns + 5, columns + 9), corners(rows + 5, rows + 9, 3, 9), corners(3, 9, -9, -5)):
        with pytest.raises(CohortError, match=r"shape 2: lies outside the picture.*at their own size"):
            read(labelme(inside, drawn("tumour", beside)))


@pytest.mark.parametrize(
    ("shapes", "more", "message"),
    [
        ([drawn("a", corners(1, 3, 1, 3)), drawn("b", corners(1, 3, 1, 3))], {}, "labels a, b name no tissue"),
        ([drawn("tumour", [[1, 1], [3, 3]])], {}, "shape 1: is a polygon of 2 points"),
        ([drawn("tumour", [[1, 1], [3, 3]], shape_type="line")], {}, "is a line, which encloses nothing"),
        ([drawn("tumour", [[1, "x"]])], {}, "points that are no numbers"),
        ([drawn("tumour", [[1, 1], [3, 3]], shape_type="mask", mask="!")], {}, "no readable mask"),
        ([], {"imageHeight": COLUMNS, "imageWidth": ROWS}, "drawn on 36 × 24 pixels .* the run has 24 × 36"),
    ],
)
def test_what_cannot_be_read_is_said(labelme, shapes, more, message):
    with pytest.raises(CohortError, match=message) as error:
        read(labelme(*shapes, **more))
    assert "run_frame_0003.json" in str(error.value) and error.value.remedy


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '{"shapes": 3}'])
def test_no_labelme_file(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(CohortError):
        read(path)


@pytest.mark.parametrize(
    ("name", "more", "expected"),
    [
        ("run_frame_0003.json", {}, [2]),
        ("run_0003.json", {}, [2]),
        ("0003.json", {}, [2]),
        ("a.json", {"imagePath": "..\\pictures\\run_frame0012.png"}, [11]),
        ("a.json", {"flags": {"frame 7": True, "frame 9": False}}, [6]),
        ("run_frame_0003.json", {"imagePath": "frame_0004.png"}, [3, 2]),
        ("patient7.json", {"imagePath": "patient7.png"}, []),
    ],
)
def test_frame_is_named_by_flags_picture_or_name(labelme, tmp_path, name, more, expected):
    assert list(frames_named(labelme(name=name, **more), tmp_path / "run.avi").values()) == expected


def test_picture_of_a_run_of_pictures_names_its_place(labelme, tmp_path):
    run = write_run(tmp_path / "run", 1)
    for i, path in enumerate(sorted(run.iterdir())):
        path.rename(run / f"IM{10 * i}.png")
    assert frames_named(labelme(name="a.json", imagePath="IM20.png"), run) == {"imagePath": 2}


def seg_nrrd(path, block, fields, *, encoding="gzip", kinds=None):
    """Write a .seg.nrrd by the format's own rules: the first axis runs fastest."""
    sizes = " ".join(map(str, block.shape[::-1]))
    lines = ["NRRD0004", "type: unsigned char", f"dimension: {block.ndim}", f"sizes: {sizes}", f"encoding: {encoding}"]
    lines += [f"kinds: {kinds}"] if kinds else []
    data = block.astype(np.uint8).tobytes()
    text = "\n".join([*lines, *(f"{name}:={value}" for name, value in fields.items())]) + "\n\n"
    path.write_bytes(text.encode() + (gzip.compress(data) if encoding == "gzip" else data))
    return path


def test_shared_labelmap_and_layers_of_a_segmentation(tmp_path):
    tumour, liver = box(3, 9, 20, 31), box(1, 20, 5, 35)
    names = {"Segment0_Name": "Liver", "Segment0_LabelValue": 1, "Segment1_Name": "Tumor", "Segment1_LabelValue": 2}
    shared = np.where(tumour, 2, liver).astype(np.uint8)[None]
    found = read(seg_nrrd(tmp_path / "a.seg.nrrd", shared, names, encoding="raw"))
    np.testing.assert_array_equal(found.tumour, tumour)
    np.testing.assert_array_equal(found.liver, liver & ~tumour)
    layers = np.stack([liver, tumour], axis=-1)[None]
    names.update({"Segment1_LabelValue": 1, "Segment0_Layer": 0, "Segment1_Layer": 1})
    found = read(seg_nrrd(tmp_path / "b.seg.nrrd", layers, names, kinds="list domain domain domain"))
    np.testing.assert_array_equal(found.tumour, tumour)
    np.testing.assert_array_equal(found.liver, liver)


def test_slices_are_frames_and_the_offset_of_a_cropped_labelmap_counts(tmp_path):
    block = np.zeros((3, 6, 11), np.uint8)
    block[1] = 1
    fields = {"Segment0_Name": "tumour", "Segmentation_ReferenceImageExtentOffset": "20 3 2"}
    path = seg_nrrd(tmp_path / "a.seg.nrrd", block, fields)
    np.testing.assert_array_equal(read(path, frame=3).tumour, box(3, 9, 20, 31))
    assert not read(path, frame=2).tumour.any() and not read(path, frame=0).tumour.any()


@pytest.mark.parametrize(
    ("block", "fields", "message"),
    [
        (np.zeros((1, COLUMNS, ROWS)), {"Segment0_Name": "tumour"}, "36 × 24 pixels"),
        (np.zeros((1, *SIZE)), {}, "no segments"),
        (np.zeros((1, *SIZE)), {"Segment0_Name": "a", "Segment1_Name": "b"}, "found: a, b"),
        (np.zeros((2, *SIZE)), {"Segment0_Name": "tumour"}, "2 slices, none for frame 3"),
    ],
)
def test_segmentations_that_do_not_fit_are_refused(tmp_path, block, fields, message):
    with pytest.raises(CohortError, match=message):
        read(seg_nrrd(tmp_path / "a.seg.nrrd", block, fields))


def dicom_seg(path, planes, kind="BINARY", maximum=255):
    """Write a DICOM Segmentation: planes of (segment, referenced frame from 1 or None, pixels)."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.pixels import pack_bits
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.Modality, ds.SegmentationType, ds.Rows, ds.Columns = "SEG", kind, *planes[0][2].shape
    ds.NumberOfFrames, ds.SamplesPerPixel, ds.PhotometricInterpretation = len(planes), 1, "MONOCHROME2"
    ds.PixelRepresentation = 0
    ds.BitsAllocated = ds.BitsStored = 1 if kind == "BINARY" else 8
    ds.HighBit = ds.BitsStored - 1
    if kind == "FRACTIONAL":
        ds.MaximumFractionalValue, ds.SegmentationFractionalType = maximum, "PROBABILITY"
    segments = []
    for number, label in ((1, "Liver"), (2, "HCC lesion"), (3, "HCC lesion")):
        item = Dataset()
        item.SegmentNumber, item.SegmentLabel = number, label
        segments.append(item)
    ds.SegmentSequence = segments
    groups = []
    for segment, frame, _ in planes:
        item, identification = Dataset(), Dataset()
        identification.ReferencedSegmentNumber = segment
        item.SegmentIdentificationSequence = [identification]
        if frame is not None:
            source, derivation = Dataset(), Dataset()
            source.ReferencedFrameNumber = frame
            derivation.SourceImageSequence = [source]
            item.DerivationImageSequence = [derivation]
        groups.append(item)
    ds.PerFrameFunctionalGroupsSequence = groups
    stack = np.stack([pixels for *_, pixels in planes]).astype(np.uint8)
    ds.PixelData = pack_bits(stack) if kind == "BINARY" else stack.tobytes()
    ds["PixelData"].VR = "OB"
    ds.save_as(path, enforce_file_format=True)
    return path


def test_binary_dicom_segmentation_marks_the_frames_it_names(tmp_path):
    liver, one, two = box(1, 20, 5, 35), box(3, 9, 20, 31), box(12, 14, 8, 10)
    planes = [(1, 3, liver), (2, 3, one), (3, 3, two), (2, 4, two)]
    path = dicom_seg(tmp_path / "a.dcm", planes)
    found = read(path, frame=2)
    np.testing.assert_array_equal(found.liver, liver)
    np.testing.assert_array_equal(found.labels, np.where(two, 2, one))
    np.testing.assert_array_equal(read(path, frame=3).tumour, two)
    assert not read(path, frame=1).tumour.any()


def test_fractional_dicom_segmentation_counts_from_half(tmp_path):
    plane = np.where(box(3, 9, 20, 31), 100, 0) + np.where(box(12, 14, 8, 10), 99, 0)
    found = read(dicom_seg(tmp_path / "a.dcm", [(2, None, plane)], "FRACTIONAL", maximum=200))
    np.testing.assert_array_equal(found.tumour, box(3, 9, 20, 31))


def test_dicom_segmentations_that_cannot_be_used_are_refused(tmp_path):
    plane = box(3, 9, 20, 31)
    with pytest.raises(CohortError, match="does not say which"):
        read(dicom_seg(tmp_path / "a.dcm", [(2, None, plane), (2, None, plane)]))
    with pytest.raises(CohortError, match="36 × 24 pixels"):
        read(dicom_seg(tmp_path / "b.dcm", [(2, 3, plane.T)]))
    (tmp_path / "c.dcm").write_bytes((tmp_path / "a.dcm").read_bytes()[:200])
    with pytest.raises(CohortError, match=r"c\.dcm"):
        read(tmp_path / "c.dcm")


def test_text_is_no_mask(tmp_path):
    (tmp_path / "a.txt").write_text("tumour")
    with pytest.raises(CohortError, match="is no mask that is read"):
        read(tmp_path / "a.txt")
    assert read(write_png(tmp_path / "a.png", box(3, 9, 20, 31).astype(np.uint8) * 255)).tumour.sum() == 66


def test_damaged_files_end_in_one_sentence_and_in_nothing_else(labelme, tmp_path):
    plane = box(3, 9, 20, 31)
    sources = (
        labelme(drawn("tumour", corners(3, 9, 20, 31)), name="a.json"),
        seg_nrrd(tmp_path / "a.seg.nrrd", plane[None], {"Segment0_Name": "tumour"}),
        dicom_seg(tmp_path / "a.dcm", [(2, 3, plane)]),
        write_png(tmp_path / "a.png", plane.astype(np.uint8)),
    )
    random = np.random.default_rng(3)
    refused = []
    for source in sources:
        whole = np.frombuffer(source.read_bytes(), np.uint8)
        for attempt in range(40):
            data = whole.copy()
            data[random.integers(0, len(data), 6)] = random.integers(0, 256, 6)
            source.write_bytes(data[: len(data) - (attempt % 2) * random.integers(1, len(data))].tobytes())
            try:
                assert read(source).tumour.shape == SIZE
            except CohortError as error:
                refused.append((source.name, str(error)))
    assert len(refused) > 60
    assert all(name in text and "\n" not in text for name, text in refused)

"""DICOM: pixels of every encoding, and the facts of the header with the meaning the standard gives them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from DSANetLib.errors import RunError
from DSANetLib.readers import read_run

Writer = Callable[..., Path]
Pictures = Callable[..., np.ndarray]

_DEPTHS = [(np.uint8, 8), (np.uint16, 10), (np.uint16, 12), (np.uint16, 16), (np.int16, 16)]
_LOSSLESS = [None, uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless]


@pytest.mark.parametrize(("dtype", "bits"), _DEPTHS)
@pytest.mark.parametrize("syntax", _LOSSLESS)
def test_every_lossless_encoding_gives_the_stored_values_unflipped(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer, syntax: str | None, dtype: type, bits: int
) -> None:
    if syntax == uid.JPEGLSLossless:
        pytest.importorskip("jpeg_ls")
    if syntax == uid.JPEG2000Lossless:
        pytest.importorskip("openjpeg")
    if syntax == uid.JPEGLSLossless and np.dtype(dtype).kind == "i":
        pytest.skip("pyjpegls does not write signed pixels")
    frames = pictures(4, 40, 65, dtype, 0 if bits == 16 else bits)  # odd, and as large as OpenJPEG asks for
    run = read_run(write_dicom(tmp_path / "run.dcm", frames, compress=syntax, BitsStored=bits))
    np.testing.assert_array_equal(run.frames, frames)
    np.testing.assert_array_equal(run.frames[2], frames[2])
    assert (run.bit_depth, run.frames.dtype, run.kind) == (bits, dtype, "dicom")


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 12), (np.uint16, 16)])
def test_lossless_jpeg_gives_the_stored_values(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer, dtype: type, bits: int
) -> None:
    gdcm = pytest.importorskip("gdcm")
    frames = pictures(3, 20, 33, dtype, bits)
    plain = write_dicom(tmp_path / "plain.dcm", frames, BitsStored=bits)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(plain))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetFileName(str(tmp_path / "jpegll.dcm"))
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    run = read_run(tmp_path / "jpegll.dcm")
    assert b"1.2.840.10008.1.2.4.70" in (tmp_path / "jpegll.dcm").read_bytes()
    np.testing.assert_array_equal(run.frames, frames)


def _encapsulated(dataset: Any, encoded: list[bytes], syntax: str, fragments: int = 1, **options: Any) -> Any:
    from pydicom.encaps import encapsulate

    dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
    dataset.PixelData = encapsulate(encoded, fragments_per_frame=fragments, **options)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


@pytest.mark.parametrize(("fragments", "table"), [(1, True), (1, False), (3, True), (3, False)])
def test_jpeg_baseline_in_fragments_is_put_together(
    tmp_path: Path, pictures: Pictures, dicom_dataset: Callable[..., Any], fragments: int, table: bool
) -> None:
    import cv2

    frames = pictures(4, 48, 64)
    encoded = [cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() for frame in frames]
    dataset = _encapsulated(dicom_dataset(frames), encoded, uid.JPEGBaseline8Bit, fragments, has_bot=table)
    dataset.save_as(tmp_path / "run.dcm", enforce_file_format=True)
    run = read_run(tmp_path / "run.dcm")
    expected = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) for data in encoded]
    assert np.abs(np.asarray(run.frames).astype(int) - np.stack(expected)).max() <= 1


def test_an_extended_offset_table_and_a_single_frame_in_fragments(
    tmp_path: Path, pictures: Pictures, dicom_dataset: Callable[..., Any]
) -> None:
    import cv2
    from pydicom.encaps import encapsulate_extended

    frames = pictures(3, 48, 64)
    encoded = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]
    dataset = dicom_dataset(frames)
    data, offsets, lengths = encapsulate_extended(encoded)
    dataset = _encapsulated(dataset, encoded, uid.JPEGBaseline8Bit)
    dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = data, offsets, lengths
    dataset.save_as(tmp_path / "extended.dcm", enforce_file_format=True)
    assert read_run(tmp_path / "extended.dcm").count == 3
    single = _encapsulated(dicom_dataset(frames[:1]), encoded[:1], uid.JPEGBaseline8Bit, 4)
    single.save_as(tmp_path / "single.dcm", enforce_file_format=True)
    assert np.abs(read_run(tmp_path / "single.dcm").frames[0].astype(int) - frames[0]).mean() < 5


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian])
def test_implicit_and_deflated_files_are_read(
    tmp_path: Path, pictures: Pictures, dicom_dataset: Callable[..., Any], syntax: str
) -> None:
    frames = pictures(3, 20, 33, np.uint16, 12)
    dataset = dicom_dataset(frames, BitsStored=12)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(tmp_path / "run.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(read_run(tmp_path / "run.dcm").frames, frames)


def test_big_endian_files_are_read(tmp_path: Path, pictures: Pictures, dicom_dataset: Callable[..., Any]) -> None:
    frames = pictures(3, 20, 33, np.uint16, 12)
    dataset = dicom_dataset(frames, BitsStored=12)
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian
    dataset.PixelData = frames.astype(">u2").tobytes()
    dataset.save_as(tmp_path / "run.dcm", implicit_vr=False, little_endian=False, enforce_file_format=True)
    np.testing.assert_array_equal(read_run(tmp_path / "run.dcm").frames, frames)


def test_odd_frames_of_eight_bits_lie_without_gaps(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    frames = pictures(5, 21, 33)
    np.testing.assert_array_equal(read_run(write_dicom(tmp_path / "odd.dcm", frames)).frames, frames)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "PALETTE COLOR"])
def test_secondary_capture_in_colour_with_grey_content_is_grey(
    tmp_path: Path, pictures: Pictures, dicom_dataset: Callable[..., Any], photometric: str
) -> None:
    frames = pictures(3)
    dataset = dicom_dataset(
        frames if photometric == "PALETTE COLOR" else np.repeat(frames[..., None], 3, axis=3),
        SOPClassUID="1.2.840.10008.5.1.4.1.1.7.4",
        Modality="OT",
        PhotometricInterpretation=photometric,
    )
    if photometric == "YBR_FULL":
        colour = np.full((*frames.shape, 3), 128, np.uint8)
        colour[..., 0] = frames
        dataset.PixelData = colour.tobytes()
    if photometric == "PALETTE COLOR":
        for name in ("Red", "Green", "Blue"):
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 8])
            setattr(dataset, f"{name}PaletteColorLookupTableData", bytes(range(256)))
    dataset.save_as(tmp_path / "sc.dcm", enforce_file_format=True)
    run = read_run(tmp_path / "sc.dcm")
    np.testing.assert_array_equal(run.frames, frames)
    assert (run.polarity, run.subtracted) == ("unknown", None)


def test_colour_secondary_capture_is_refused(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    colour = np.repeat(pictures(1, 40, 40)[..., None], 3, axis=3)
    colour[..., 0] //= 4
    with pytest.raises(RunError, match="in colour"):
        read_run(write_dicom(tmp_path / "photo.dcm", colour, SOPClassUID=uid.SecondaryCaptureImageStorage))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"FrameTime": 500}, [0, 0.5, 1]),
        ({"FrameTimeVector": [0, 500, 250]}, [0, 0.5, 0.75]),
        ({"FrameTimeVector": [500, 250]}, [0, 0.5, 0.75]),
        ({"FrameTimeVector": [0, 250, 500], "FrameTime": 100}, [0, 0.25, 0.75]),
        ({"CineRate": 4}, [0, 0.25, 0.5]),
        ({"RecommendedDisplayFrameRate": 2}, [0, 0.5, 1]),
        ({"FrameTime": 0}, None),
        ({"FrameTimeVector": [0, 500]}, [0, 0.5, 1]),
        ({"FrameTimeVector": [0, 500, 0]}, None),
        ({"FrameTimeVector": [1, 2, 3, 4, 5]}, None),
        ({}, None),
    ],
)
def test_frame_times(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer, attributes: dict[str, Any], expected: list[float] | None
) -> None:
    if attributes == {"FrameTimeVector": [0, 500]}:
        # A first zero and one entry too few: with the zero that vendors leave out, times would stand still.
        expected = None
    run = read_run(write_dicom(tmp_path / "run.dcm", pictures(3), **attributes))
    if expected is None:
        assert run.times_s is None
        assert not attributes or run.warnings
    else:
        np.testing.assert_allclose(run.times_s, expected)


def _item(**attributes: Any) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _enhanced(**content: list[Any]) -> dict[str, Any]:
    count = len(next(iter(content.values())))
    groups = [
        _item(FrameContentSequence=Sequence([_item(**{k: v[i] for k, v in content.items()})])) for i in range(count)
    ]
    shared = _item(
        XAXRFFrameCharacteristicsSequence=Sequence([_item()]),
        FramePixelDataPropertiesSequence=Sequence(
            [_item(ImagerPixelSpacing=[0.2, 0.3], PixelIntensityRelationship="LOG")]
        ),
        FrameDisplayShutterSequence=Sequence(
            [
                _item(
                    ShutterShape="RECTANGULAR",
                    ShutterLeftVerticalEdge=3,
                    ShutterRightVerticalEdge=30,
                    ShutterUpperHorizontalEdge=2,
                    ShutterLowerHorizontalEdge=18,
                )
            ]
        ),
    )
    return {
        "SOPClassUID": uid.EnhancedXAImageStorage,
        "PerFrameFunctionalGroupsSequence": Sequence(groups),
        "SharedFunctionalGroupsSequence": Sequence([shared]),
    }


def test_enhanced_objects_give_per_frame_times_spacing_and_shutter(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer
) -> None:
    stamps = ["20240229235959.500000", "20240301000000.000", "20240301000001.25"]
    path = write_dicom(
        tmp_path / "exa.dcm",
        pictures(3),
        **_enhanced(FrameReferenceDateTime=["", "", ""], FrameAcquisitionDateTime=stamps),
    )
    run = read_run(path)
    np.testing.assert_allclose(run.times_s, [0, 0.5, 1.75])
    assert run.spacing is not None
    assert (run.spacing.row_mm, run.spacing.column_mm, run.spacing.calibration) == (0.2, 0.3, "detector")
    assert run.intensity == "log"
    assert run.visible is not None
    assert run.visible[1:18, 2:30].all()
    assert run.visible.sum() == 17 * 28


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, None),
        ({"ImagerPixelSpacing": [0.2, 0.3]}, (0.2, 0.3, "detector")),
        ({"PixelSpacing": [0.2, 0.3]}, (0.2, 0.3, "unknown")),
        ({"PixelSpacing": [0.2, 0.3], "PixelSpacingCalibrationType": "FIDUCIAL"}, (0.2, 0.3, "calibrated")),
        ({"PixelSpacing": [0.2, 0.3], "ImagerPixelSpacing": [0.3, 0.45]}, (0.2, 0.3, "calibrated")),
        ({"PixelSpacing": [0.2, 0.3], "ImagerPixelSpacing": [0.2, 0.3]}, (0.2, 0.3, "detector")),
        ({"ImagerPixelSpacing": [0.3, 0.3], "EstimatedRadiographicMagnificationFactor": 1.5}, (0.2, 0.2, "calibrated")),
        (
            {"ImagerPixelSpacing": [0.3, 0.3], "DistanceSourceToDetector": 1200, "DistanceSourceToPatient": 800},
            (0.2, 0.2, "calibrated"),
        ),
        ({"ImagerPixelSpacing": [0.3, 0.3], "EstimatedRadiographicMagnificationFactor": 0}, (0.3, 0.3, "detector")),
        ({"ImagerPixelSpacing": [0.3, 0.3], "EstimatedRadiographicMagnificationFactor": 9}, (0.3, 0.3, "detector")),
        ({"ObjectPixelSpacingInCenterOfBeam": [0.2, 0.3]}, (0.2, 0.3, "calibrated")),
        ({"NominalScannedPixelSpacing": [0.2, 0.3]}, (0.2, 0.3, "unknown")),
    ],
)
def test_spacing_and_how_far_to_trust_it(
    tmp_path: Path,
    pictures: Pictures,
    write_dicom: Writer,
    attributes: dict[str, Any],
    expected: tuple[float, float, str] | None,
) -> None:
    spacing = read_run(write_dicom(tmp_path / "run.dcm", pictures(2), **attributes)).spacing
    if expected is None:
        assert spacing is None
        return
    assert spacing is not None
    assert (spacing.row_mm, spacing.column_mm) == pytest.approx(expected[:2])
    assert spacing.calibration == expected[2]


def test_an_impossible_spacing_is_refused_by_file(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "run.dcm", pictures(2), ImagerPixelSpacing=[0, 0.2])
    with pytest.raises(RunError, match="impossible") as caught:
        read_run(path)
    assert "run.dcm" in str(caught.value)


def test_pixels_ten_times_as_wide_as_high_are_refused(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "run.dcm", pictures(2), ImagerPixelSpacing=[0.3, 3.0])
    with pytest.raises(RunError, match=r"pixels of 0\.3 × 3 mm are impossible"):
        read_run(path)


def test_a_spacing_that_is_no_pair_is_left_out_and_said(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer
) -> None:
    run = read_run(write_dicom(tmp_path / "run.dcm", pictures(2), ImagerPixelSpacing=[0.2, 0.2, 0.2]))
    assert run.spacing is None
    assert any("no pair of numbers" in warning for warning in run.warnings)


def _masks(*items: dict[str, Any]) -> dict[str, Any]:
    return {"MaskSubtractionSequence": Sequence([_item(**item) for item in items])}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"MaskOperation": "NONE", "MaskFrameNumbers": 0}], ("NONE", (), (0, 0), 1)),
        (
            [{"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [1, 2], "MaskSubPixelShift": [0.5, -1.25]}],
            ("AVG_SUB", (0, 1), (0.5, -1.25), 1),
        ),
        ([{"MaskOperation": "AVG_SUB", "MaskFrameNumbers": 3}], ("AVG_SUB", (2,), (0, 0), 1)),
        ([{"MaskOperation": "TID", "TIDOffset": 2}], ("TID", (), (0, 0), 2)),
        ([{"MaskOperation": "REV_TID", "TIDOffset": 0}], ("REV_TID", (), (0, 0), 0)),
        ([{"MaskOperation": "NONE"}, {"MaskOperation": "TID"}], ("TID", (), (0, 0), 1)),
        ([{"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [1, 9]}], ("AVG_SUB", (0,), (0, 0), 1)),
        ([{"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [9]}], ("NONE", (), (0, 0), 1)),
    ],
)
def test_mask_module(
    tmp_path: Path,
    pictures: Pictures,
    write_dicom: Writer,
    items: list[dict[str, Any]],
    expected: tuple[str, tuple[int, ...], tuple[float, float], int],
) -> None:
    run = read_run(write_dicom(tmp_path / "run.dcm", pictures(4), **_masks(*items)))
    assert run.mask is not None
    assert (run.mask.operation, run.mask.frames, run.mask.shift_px, run.mask.tid_offset) == expected
    assert bool(run.warnings) == (9 in np.ravel(items[0].get("MaskFrameNumbers", 0)))
    assert run.subtracted is False


def test_two_mask_operations_are_told(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    items = _masks({"MaskOperation": "AVG_SUB", "MaskFrameNumbers": 1}, {"MaskOperation": "TID"})
    run = read_run(write_dicom(tmp_path / "run.dcm", pictures(4), **items))
    assert run.mask is not None
    assert run.mask.operation == "AVG_SUB"
    assert any("2 mask operations" in warning for warning in run.warnings)


@pytest.mark.parametrize(
    ("attributes", "dtype", "expected"),
    [
        ({}, np.uint8, False),
        ({"ImageType": ["DERIVED", "PRIMARY", "SINGLE PLANE"]}, np.uint8, None),
        ({"ImageType": ["DERIVED", "PRIMARY", "SUBTRACTED"]}, np.uint8, True),
        ({"ImageType": ["DERIVED", "PRIMARY", "SINGLE PLANE"]}, np.int16, True),
        (_masks({"MaskOperation": "TID"}) | {"ImageType": ["DERIVED", "PRIMARY"]}, np.uint8, False),
    ],
)
def test_subtracted_or_not(
    tmp_path: Path,
    pictures: Pictures,
    write_dicom: Writer,
    attributes: dict[str, Any],
    dtype: type,
    expected: bool | None,
) -> None:
    run = read_run(write_dicom(tmp_path / "run.dcm", pictures(3, dtype=dtype), **attributes))
    assert run.subtracted is expected


def test_monochrome1_keeps_its_values_and_turns_the_polarity(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer
) -> None:
    frames = pictures(3)
    two = read_run(write_dicom(tmp_path / "two.dcm", frames, PixelIntensityRelationship="DISP"))
    one = read_run(write_dicom(tmp_path / "one.dcm", 255 - frames, PhotometricInterpretation="MONOCHROME1"))
    assert (two.polarity, one.polarity) == ("dark_contrast", "bright_contrast")
    assert two.intensity == "display"
    np.testing.assert_array_equal(255 - one.frames[:], two.frames)


@pytest.mark.parametrize("prefix", ["Shutter", "Collimator"])
def test_shutters_of_every_shape(tmp_path: Path, pictures: Pictures, write_dicom: Writer, prefix: str) -> None:
    frames = pictures(1, 40, 60)
    circle = {f"CenterOfCircular{prefix}": [11, 31], f"RadiusOfCircular{prefix}": 8}
    run = read_run(write_dicom(tmp_path / "c.dcm", frames, **{f"{prefix}Shape": "CIRCULAR"}, **circle))
    y, x = np.mgrid[:40, :60]
    assert run.visible is not None
    np.testing.assert_array_equal(run.visible, (y - 10) ** 2 + (x - 30) ** 2 <= 64)
    # A triangle whose mirror images all differ: rows grow downwards, columns to the right.
    corners = [1, 1, 40, 1, 40, 60]
    run = read_run(
        write_dicom(
            tmp_path / "p.dcm", frames, **{f"{prefix}Shape": "POLYGONAL", f"VerticesOfThePolygonal{prefix}": corners}
        )
    )
    assert run.visible is not None
    assert run.visible[35, 5]
    assert not run.visible[5, 55]
    assert run.visible.mean() == pytest.approx(0.5, abs=0.03)


def test_a_shutter_over_everything_or_nothing_is_ignored(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer
) -> None:
    def rectangle(*edges: int) -> dict[str, Any]:
        names = ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
        return {"ShutterShape": "RECTANGULAR"} | {f"Shutter{n}Edge": e for n, e in zip(names, edges, strict=True)}

    assert read_run(write_dicom(tmp_path / "a.dcm", pictures(2), **rectangle(0, 34, 0, 21))).visible is None
    hidden = read_run(write_dicom(tmp_path / "b.dcm", pictures(2), **rectangle(3, 3, 3, 3)))
    assert hidden.visible is None
    assert any("shutter" in warning for warning in hidden.warnings)
    for incomplete in (
        {"ShutterShape": "RECTANGULAR"},
        {"ShutterShape": "CIRCULAR"},
        {"ShutterShape": "BITMAP"},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [1, 2, 3]},
    ):
        assert read_run(write_dicom(tmp_path / "c.dcm", pictures(2), **incomplete)).visible is None


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"SOPClassUID": uid.CTImageStorage, "Modality": "CT"}, "modality is CT"),
        ({"SOPClassUID": uid.MRImageStorage, "Modality": "MR"}, "modality is MR"),
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage, "Modality": "US"}, "modality is US"),
        ({"SOPClassUID": uid.XRay3DAngiographicImageStorage}, "X-Ray 3D Angiographic"),
        ({"SOPClassUID": uid.DigitalXRayImageStorageForPresentation, "Modality": "DX"}, "modality is DX"),
    ],
)
def test_the_wrong_modality_is_refused_in_one_line(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer, attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(RunError, match=message) as caught:
        read_run(write_dicom(tmp_path / "run.dcm", pictures(2), **attributes))
    assert "run.dcm" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("syntax", [None, uid.RLELossless])
def test_a_truncated_file_says_how_many_frames_could_be_read(
    tmp_path: Path, write_dicom: Writer, syntax: str | None
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (10, 64, 64)).astype(np.uint8)
    path = write_dicom(tmp_path / "run.dcm", noise, compress=syntax)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.65)])
    with pytest.raises(RunError, match=r"truncated: [56] of 10 frames could be read"):
        read_run(path)


def test_damaged_pixels_are_told_when_they_are_asked_for(
    tmp_path: Path, pictures: Pictures, dicom_dataset: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    import cv2

    frames = pictures(3, 48, 64)
    encoded = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]
    encoded[2] = encoded[2][:20] + bytes(len(encoded[2]) - 20)
    dataset = _encapsulated(dicom_dataset(frames), encoded, uid.JPEGBaseline8Bit)
    dataset.save_as(tmp_path / "run.dcm", enforce_file_format=True)
    run = read_run(tmp_path / "run.dcm")
    with pytest.raises(RunError, match="frame 3 of 3 cannot be decoded: its compressed pixels are damaged") as caught:
        run.frames[2]
    assert "Error" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"BitsStored": 12}, "'Bits Stored' value of '12' is invalid"),
        ({"PhotometricInterpretation": "FOO"}, "Unknown (0028,0004) 'Photometric Interpretation' value 'FOO'"),
    ],
)
def test_a_header_that_no_decoder_takes_is_told_in_words(
    tmp_path: Path, pictures: Pictures, write_dicom: Writer, attributes: dict[str, Any], said: str
) -> None:
    path = write_dicom(tmp_path / "run.dcm", pictures(3), **attributes)
    with pytest.raises(RunError, match=rf"frame 1 of 3 cannot be decoded: .*{re.escape(said)}") as caught:
        read_run(path)
    assert "Error" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_objects_without_a_picture_are_refused(
    tmp_path: Path, pictures: Pictures, dicom_dataset: Callable[..., Any]
) -> None:
    def save(name: str, change: Callable[[Any], None]) -> Path:
        dataset = dicom_dataset(pictures(2))
        change(dataset)
        dataset.save_as(tmp_path / name, enforce_file_format=True)
        return tmp_path / name

    def no_pixels(dataset: Any) -> None:
        del dataset.PixelData

    def no_rows(dataset: Any) -> None:
        dataset.Rows = 0

    def wide(dataset: Any) -> None:
        dataset.BitsAllocated = 32

    def film(dataset: Any) -> None:
        dataset.file_meta.TransferSyntaxUID = uid.MPEG4HP41
        dataset.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00"
        dataset["PixelData"].is_undefined_length = True

    for name, change, message in (
        ("a", no_pixels, "no pixels"),
        ("b", no_rows, "no image"),
        ("c", wide, "32 bits"),
        ("d", film, "MPEG-4"),
    ):
        with pytest.raises(RunError, match=message):
            read_run(save(f"{name}.dcm", change))


def test_damage_in_a_deflated_file_and_a_vanished_file_are_told(
    tmp_path: Path, pictures: Pictures, dicom_dataset: Callable[..., Any], write_dicom: Writer
) -> None:
    dataset = dicom_dataset(pictures(3))
    dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    path = tmp_path / "deflated.dcm"
    dataset.save_as(path, enforce_file_format=True)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(RunError, match=r"damaged|truncated") as caught:
        read_run(path)
    assert "rror" not in str(caught.value)
    gone = write_dicom(tmp_path / "gone.dcm", pictures(40))
    run = read_run(gone)
    gone.unlink()
    with pytest.raises(RunError, match=r"gone\.dcm: cannot be opened"):
        run.frames[30]


def test_too_few_fragments_are_a_truncated_file(
    tmp_path: Path, pictures: Pictures, dicom_dataset: Callable[..., Any]
) -> None:
    import cv2

    frames = pictures(4, 48, 64)
    encoded = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames[:2]]
    dataset = _encapsulated(dicom_dataset(frames), encoded, uid.JPEGBaseline8Bit)
    dataset.save_as(tmp_path / "short.dcm", enforce_file_format=True)
    with pytest.raises(RunError, match=r"truncated: [12] of 4 frames"):
        read_run(tmp_path / "short.dcm")


def test_a_missing_decoder_is_told_with_its_remedy(
    tmp_path: Path, pictures: Pictures, dicom_dataset: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import cv2
    from pydicom.pixels import get_decoder

    monkeypatch.setattr(type(get_decoder(uid.JPEGBaseline8Bit)), "is_available", property(lambda _: False))
    frames = pictures(2, 48, 64)
    encoded = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]
    _encapsulated(dicom_dataset(frames), encoded, uid.JPEGBaseline8Bit).save_as(tmp_path / "a.dcm")
    with pytest.raises(RunError, match=r"no decoder for JPEG Baseline.*pip install python-gdcm"):
        read_run(tmp_path / "a.dcm")


def test_a_patients_name_never_becomes_the_case(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    for name in ("Testperson_run1", "TESTPERSON", "aegidius agidius", "pid992231", "x PID-99-2231"):
        run = read_run(write_dicom(tmp_path / f"{name}.dcm", pictures(2)))
        assert run.case_id.startswith("case-"), name
        assert "estperson" not in run.source.casefold() or name == "x"
        assert all(part not in (run.case_id + run.source).casefold() for part in ("testperson", "2231", "gidius"))
    same = read_run(write_dicom(tmp_path / "other Testperson.dcm", pictures(2)))
    assert same.case_id == run.case_id  # from the pixels, whatever the name
    assert read_run(write_dicom(tmp_path / "run1.dcm", pictures(2))).case_id == "run1"


def test_a_long_file_is_read_a_frame_at_a_time(tmp_path: Path, write_dicom: Writer) -> None:
    import tracemalloc

    path = write_dicom(tmp_path / "long.dcm", np.zeros((400, 256, 256), np.uint8))
    run = read_run(path)
    tracemalloc.start()
    for i in range(run.count):
        run.frames[i]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 << 20  # of 25 MiB

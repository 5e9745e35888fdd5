"""Add Data, the DICOM browser and Sample Data: each ends in a case of the module's own logic."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

FRAMES = np.arange(6 * 40 * 50, dtype=np.uint8).reshape(6, 40, 50)
_X_RAY = "1.2.840.10008.5.1.4.1.1."


@pytest.fixture
def module(panel, application, monkeypatch):
    """The opened panel as Slicer's getModuleWidget finds it, and Slicer's modules that it is used from."""
    import slicer_modules

    slicer_modules.install(application)
    monkeypatch.setattr(application.util, "getModuleWidget", lambda _name: panel.widget, raising=False)
    yield panel
    panel.context.logic.close()


@pytest.fixture
def reader(module):
    from DSANetModuleLib.file_reader import DSANetModuleFileReader
    from slicer_modules import Reader

    return Reader(DSANetModuleFileReader)


@pytest.fixture
def plugin(module):
    from DSANetModuleLib.dicom_plugin import DSANetDicomPluginClass

    return DSANetDicomPluginClass()


def _texts(scene):
    """Every name, attribute and table cell of the scene, for a search."""
    nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
    for node in nodes:
        yield node.GetName()
        yield from (node.GetAttribute(name) for name in node.GetAttributeNames())
        for i in range(node.GetNumberOfColumns() if node.IsA("vtkMRMLTableNode") else 0):
            yield from (node.GetCellText(row, i) for row in range(node.GetNumberOfRows()))


class TestFileReader:
    def test_video_is_loaded_and_chosen(self, reader, module, scene, tmp_path):
        from run_files import write_avi

        path = write_avi(tmp_path / "Run é ł 中 1.avi", FRAMES)
        assert reader.reader.canLoadFile(str(path)) is True
        assert reader.reader.canLoadFileConfidence(str(path)) > 0.6
        assert reader.reader.load({"fileName": str(path)}) is True
        sequence, browser, volume = (scene.GetNodeByID(node) for node in reader.loadedNodes)
        assert sequence.GetNumberOfDataNodes() == 6
        assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("time", "s")
        assert float(sequence.GetNthIndexValue(5)) == pytest.approx(2.5)
        assert browser.GetProxyNode(sequence) is volume
        assert module.context.case.run.sequence is sequence

    def test_image_loads_its_whole_folder_but_slicers_own_reader_comes_first(self, reader, scene, tmp_path):
        from run_files import write_frames

        folder = write_frames(tmp_path / "frames", FRAMES)
        path = str(folder / "3.png")
        assert 0 < reader.reader.canLoadFileConfidence(path) < 0.5
        assert reader.reader.load({"fileName": path}) is True
        assert scene.GetNodeByID(reader.loadedNodes[0]).GetNumberOfDataNodes() == 6

    def test_other_files_are_left_to_other_readers(self, reader, tmp_path):
        from run_files import write_avi, write_png

        write_png(tmp_path / "alone" / "picture.png", FRAMES[0])
        (tmp_path / "text.avi").write_text("no video", encoding="utf-8")
        (tmp_path / "empty.mp4").write_bytes(b"")
        video = write_avi(tmp_path / "run.avi", FRAMES)
        shutil.copy(video, tmp_path / "run.nrrd")
        for name in ("alone/picture.png", "text.avi", "empty.mp4", "run.nrrd", "nowhere.avi"):
            assert reader.reader.canLoadFile(str(tmp_path / name)) is False, name
            assert isinstance(reader.reader.canLoadFileConfidence(str(tmp_path / name)), float)

    def test_damaged_video_is_one_sentence_and_leaves_nothing(self, reader, scene, tmp_path):
        from run_files import write_avi

        whole = write_avi(tmp_path / "whole.avi", FRAMES).read_bytes()
        path = tmp_path / "cut.avi"
        path.write_bytes(whole[: len(whole) // 2])
        before = scene.GetNumberOfNodes()
        assert reader.reader.load({"fileName": str(path)}) is False
        (text,) = reader.userMessages().texts
        assert "cut.avi" in text
        assert reader.loadedNodes == []
        assert scene.GetNumberOfNodes() == before


class TestDicomPlugin:
    @pytest.mark.parametrize("end", ["12.1", "12.1.1", "12.2", "12.2.1"])
    def test_xray_runs_are_offered_before_slicers_own_plugin(self, plugin, tmp_path, end):
        from run_files import write_dicom

        path = write_dicom(tmp_path / "x.dcm", FRAMES, SOPClassUID=_X_RAY + end, SeriesNumber=7)
        (loadable,) = plugin.examineForImport([[str(path)]])
        assert loadable.files == [str(path)]
        assert loadable.selected
        assert loadable.confidence > 0.7
        assert loadable.name.startswith("DSA run 7")
        assert "looks at the pixels" in loadable.tooltip

    def test_what_is_no_run_is_left_alone(self, plugin, tmp_path):
        from run_files import write_dicom

        ct = write_dicom(tmp_path / "ct.dcm", FRAMES, SOPClassUID="1.2.840.10008.5.1.4.1.1.2", Modality="CT")
        single = write_dicom(tmp_path / "single.dcm", FRAMES[:1])
        (tmp_path / "no.dcm").write_bytes(b"\0" * 200)
        assert plugin.examineForImport([[str(ct), str(single), str(tmp_path / "no.dcm")]]) == []

    def test_two_runs_of_a_series_are_two_loadables(self, plugin, tmp_path):
        from run_files import write_dicom

        paths = [str(write_dicom(tmp_path / f"{i}.dcm", FRAMES)) for i in range(2)]
        assert [loadable.files for loadable in plugin.examineForImport([paths])] == [[path] for path in paths]

    def test_single_frame_files_of_a_series_are_one_run(self, plugin, module, tmp_path):
        from run_files import write_dicom

        from DSANetLib.mrml.sequence import frame_array, items

        def single(number, series, frame):
            tags = {"SeriesInstanceUID": f"1.2.3.{series}", "SeriesNumber": series, "InstanceNumber": number}
            return str(write_dicom(tmp_path / f"{series}-{number:02d}.dcm", frame[None], NumberOfFrames=None, **tags))

        run = [single(12 - number, 5, FRAMES[number]) for number in range(6)]  # stored from the last to the first
        exposures = [single(number, 6, FRAMES[number]) for number in range(3)]
        (loadable,) = plugin.examineForImport([run, exposures])
        assert sorted(loadable.files) == sorted(run)
        assert loadable.name == "DSA run 5 (XA, 6 frames)"
        assert "A file a frame" in loadable.tooltip
        assert loadable.confidence > 0.7
        sequence = plugin.load(loadable)
        assert np.array_equal([frame_array(item) for item in items(sequence)], FRAMES[5::-1])
        assert module.context.case.run.sequence is sequence

    def test_tooltip_and_warning_tell_mask_times_and_calibration(self, plugin, tmp_path):
        path = _masked_run(tmp_path / "x.dcm")
        (loadable,) = plugin.examineForImport([[str(path)]])
        assert "frames 1, 2" in loadable.tooltip
        assert "(0.5, -1.5)" in loadable.tooltip
        assert "2.7 s" in loadable.tooltip
        assert "not calibrated" in loadable.warning

    def test_times_mask_frames_and_pixel_shift_arrive_in_the_scene(self, plugin, tmp_path):
        (loadable,) = plugin.examineForImport([[str(_masked_run(tmp_path / "x.dcm"))]])
        sequence = plugin.load(loadable)
        times = [float(sequence.GetNthIndexValue(i)) for i in range(6)]
        assert times == pytest.approx([0, 0.25, 0.5, 0.75, 1.7, 2.7])
        assert sequence.GetAttribute("DSANet.MaskOperation") == "AVG_SUB"
        assert sequence.GetAttribute("DSANet.MaskFrames") == "0 1"
        assert sequence.GetAttribute("DSANet.MaskShiftPx") == "0.5 -1.5"

    def test_run_with_mask_frames_is_shown_subtracted_and_kept_as_stored(self, plugin, module, tmp_path):
        from DSANetLib.mrml.sequence import frame_array, items
        from DSANetLib.mrml.subtracted import viewed_volume

        (loadable,) = plugin.examineForImport([[str(_masked_run(tmp_path / "x.dcm"))]])
        sequence = plugin.load(loadable)
        view = viewed_volume(module.context.case.run)
        assert view is not module.context.case.run.volume
        assert frame_array(view).dtype == np.int16
        assert np.array_equal([frame_array(item) for item in items(sequence)], FRAMES)

    def test_no_name_number_or_date_of_the_patient_gets_into_the_scene(self, plugin, scene, tmp_path):
        from run_files import write_dicom

        folder = tmp_path / "Doe_Jane"
        folder.mkdir()
        path = write_dicom(folder / "ID-4711 20210322.dcm", FRAMES, SeriesDescription="Doe liver", SeriesNumber=3)
        (loadable,) = plugin.examineForImport([[str(path)]])
        plugin.load(loadable)
        texts = [loadable.name, loadable.tooltip, loadable.warning, *filter(None, _texts(scene))]
        for secret in ("Doe", "Jane", "4711", "20210322", "19601224"):
            assert not [text for text in texts if secret in text], secret

    def test_truncated_file_says_so_and_leaves_nothing(self, plugin, scene, tmp_path):
        from run_files import write_dicom

        from DSANetLib.errors import RunError

        path = write_dicom(tmp_path / "x.dcm", FRAMES)
        (loadable,) = plugin.examineForImport([[str(path)]])
        path.write_bytes(path.read_bytes()[:-3000])
        before = scene.GetNumberOfNodes()
        with pytest.raises(RunError):
            plugin.load(loadable)
        assert scene.GetNumberOfNodes() == before

    def test_plugin_is_registered_beside_the_others(self, plugin, application):
        from DSANetModuleLib.dicom_plugin import DSANetDicomPluginClass
        from DSANetModuleLib.dicom_registration import registerDicomPlugin

        registerDicomPlugin()
        assert application.modules.dicomPlugins["DSANetDicomPlugin"] is DSANetDicomPluginClass


def _masked_run(path):
    from pydicom.dataset import Dataset
    from run_files import write_dicom

    mask = Dataset()
    mask.MaskOperation, mask.MaskFrameNumbers, mask.MaskSubPixelShift = "AVG_SUB", [1, 2], [0.5, -1.5]
    return write_dicom(
        path,
        FRAMES,
        ImageType=["ORIGINAL", "PRIMARY", "SINGLE PLANE"],
        MaskSubtractionSequence=[mask],
        FrameTimeVector=["0", "250", "250", "250", "950", "1000"],
        FrameIncrementPointer=0x00181065,
    )


class TestSampleData:
    @pytest.fixture
    def button(self, module):
        """The button in Sample Data's panel."""
        from DSANetModuleLib.sample_data import registerSampleData
        from slicer_modules import SampleDataLogic

        SampleDataLogic.sources.clear()
        registerSampleData()
        (source,) = SampleDataLogic.sources["DSANet"]
        return source

    def test_one_click_loads_a_run_and_fills_the_selectors(self, button, module, scene, network_off):
        button.customDownloader(button)
        case = module.context.case
        assert case.run.sequence.GetNumberOfDataNodes() == 30
        clinical = module.context.parameters.clinical
        assert clinical.GetNumberOfRows() == 1
        assert case.run.sequence.GetAttribute("DSANet.Patient") == clinical.GetCellText(0, 0)

    def test_second_click_makes_no_second_file(self, button, module, scene):
        from pathlib import Path

        button.customDownloader(button)
        cache = Path(scene.GetCacheManager().GetRemoteCacheDirectory())
        made = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
        button.customDownloader(button)
        assert {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()} == made
        assert len(module.context.cases) == 2

    def test_thumbnail_is_there(self, button):
        from pathlib import Path

        assert Path(button.thumbnailFileName).read_bytes()[:4] == b"\x89PNG"

    def test_a_new_edition_of_the_phantom_makes_a_new_sample(self, tmp_path, module, monkeypatch):
        from DSANetModuleLib.sample_data import makeSample

        from DSANetLib.phantom import config

        monkeypatch.setattr("DSANetLib.phantom.write_cohort", lambda folder, *_settings: folder.mkdir())
        first = makeSample(tmp_path)
        assert makeSample(tmp_path) == first
        monkeypatch.setattr(config, "EDITION", config.EDITION + 1)
        assert makeSample(tmp_path) != first
        assert len(list(tmp_path.iterdir())) == 2

    def test_full_disk_leaves_no_half_run(self, tmp_path, module, monkeypatch):
        from DSANetModuleLib.sample_data import makeSample

        from DSANetLib.errors import OutputError

        def full(*_arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("DSANetLib.phantom.patient_files._write_run", full)
        with pytest.raises(OutputError, match="No space left"):
            makeSample(tmp_path)
        assert list(tmp_path.iterdir()) == []


@pytest.fixture
def network_off(monkeypatch):
    """Any attempt to reach another computer fails the test."""
    import socket

    def refuse(self, address, *_rest):
        assert self.family == getattr(socket, "AF_UNIX", None) or str(address[0]).startswith("127."), address
        return connect(self, address)

    def resolve(host, *_rest, **_named):
        raise AssertionError(f"looks up {host}")

    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_opening_the_panel_and_registering_reach_for_no_network(network_off, module):
    from DSANetModuleLib.dicom_registration import registerDicomPlugin
    from DSANetModuleLib.packages import missing
    from DSANetModuleLib.sample_data import registerSampleData

    from DSANetLib.models import list_packages

    registerDicomPlugin()
    registerSampleData()
    assert missing() == []
    assert list_packages()

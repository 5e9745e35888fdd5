"""Packages: a card says all, a spoilt package is refused with a remedy, and none is half-written."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import DSANetLib
from DSANetLib.errors import ClinicalError, DependencyError, ModelError, OutputError
from DSANetLib.models import (
    Calibration,
    Metric,
    ModelCard,
    list_packages,
    load_model,
    read_card,
    update_metrics,
    write_package,
)
from DSANetLib.models.store import models_folder
from DSANetLib.networks.config import ResponseConfig, SegmenterConfig
from DSANetLib.preparation.config import PreparationConfig

from .conftest import PREPARATION, SIZE, clinical_records, make_cards

KEYS = np.random.default_rng(0).random((2, SIZE, SIZE))
FRAMES = np.random.default_rng(1).random((10, SIZE, SIZE))


@pytest.mark.parametrize("card", make_cards(), ids=lambda card: card.name)
def test_card_comes_back_from_json_unchanged(card):
    assert ModelCard.from_dict(json.loads(json.dumps(card.to_dict()))) == card


def test_written_card_is_the_given_one_with_checksums_and_version(written_packages):
    given = make_cards()[0]
    found = read_card(written_packages / given.name)
    assert found == replace(given, checksums=found.checksums, library_version=DSANetLib.__version__)
    assert set(found.checksums) == {"weights.safetensors", "twin.onnx", "settings"}


def test_packages_are_listed_by_name_with_task_and_size(written_packages, caplog):
    found = list_packages(written_packages)
    assert [p.name for p in found] == sorted(card.name for card in make_cards())
    ffs = next(p for p in found if p.name == "ffs-small")
    assert (ffs.task, ffs.summary) == ("segmentation", "TDL, LRS and FFS, small")
    assert 0 < ffs.size_mb <= 10
    assert json.loads(json.dumps(ffs.to_dict()))["folder"] == str(written_packages / "ffs-small")
    assert "ffs-small" in str(ffs) and "segmentation" in str(ffs)


def test_damaged_package_is_left_out_of_the_list_and_said(packages, caplog):
    (packages / "ffs-small" / "card.json").write_text("{")
    (packages / ".half.part").mkdir()
    (packages / ".half.part" / "card.json").write_text("{}")
    with caplog.at_level("WARNING", "DSANetLib"):
        names = [p.name for p in list_packages(packages)]
    assert len(names) == len(make_cards()) - 1 and "ffs-small" not in names
    assert "card cannot be read" in caplog.text and ".half" not in caplog.text


def test_package_loads_by_name_by_path_and_is_not_found_with_a_list(packages, monkeypatch):
    by_name = load_model("unet-small", folder=packages)
    by_path = load_model(packages / "unet-small")
    np.testing.assert_array_equal(by_name.segment(FRAMES, KEYS).tumour, by_path.segment(FRAMES, KEYS).tumour)
    with pytest.raises(ModelError, match=r"no model package 'ffs'.*ffs-small, film-small"):
        load_model("ffs", folder=packages)
    monkeypatch.chdir(packages)
    with pytest.raises(ModelError, match=r"no card\.json"):
        load_model(packages)
    with pytest.raises(ModelError, match=r"no card\.json"):
        read_card(packages)


def test_own_packages_lie_in_resources_of_the_checkout(repository):
    assert models_folder() == repository / "Resources" / "Models"


def spoil_bytes(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def edit_card(path: Path, **changes) -> None:
    card = json.loads(path.read_text(encoding="utf-8"))
    for name, value in changes.items():
        if value is None:
            card.pop(name)
        else:
            card[name] = value
    path.write_text(json.dumps(card), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda p: spoil_bytes(p / "weights.safetensors"), ["weights.safetensors is damaged", "Install"]),
        (lambda p: spoil_bytes(p / "twin.onnx"), ["twin.onnx is damaged", "Install"]),
        (lambda p: (p / "twin.onnx").unlink(), ["twin.onnx is missing", "Install"]),
        (lambda p: (p / "weights.safetensors").write_bytes(b""), ["weights.safetensors is damaged"]),
        (lambda p: (p / "card.json").write_text("[]"), ["no model card", "Install"]),
        (lambda p: (p / "card.json").write_bytes(b"\xff\xfe\x00"), ["card cannot be read"]),
        (lambda p: edit_card(p / "card.json", format=99), ["format 99", "Update DSANet"]),
        (lambda p: edit_card(p / "card.json", format=0), ["format 0", "Make the package anew"]),
        (lambda p: edit_card(p / "card.json", task="detection"), ["detection", "Update"]),
        (lambda p: edit_card(p / "card.json", task=None), ["no task"]),
        (lambda p: edit_card(p / "card.json", preparation=None), ["no preparation"]),
        (lambda p: edit_card(p / "card.json", novelty=1), ["novelty"]),
        (lambda p: edit_card(p / "card.json", tumour_threshold=0.1), ["settings were altered"]),
        (lambda p: edit_card(p / "card.json", tumour_threshold=7), ["tumour_threshold of ffs-small is 7"]),
        (lambda p: edit_card(p / "card.json", network={"width": 8}), ["settings were altered"]),
        (lambda p: edit_card(p / "card.json", network={"depth": 8}), ["depth"]),
        (lambda p: edit_card(p / "card.json", preparation={"sizes": 8}), ["sizes"]),
        (lambda p: edit_card(p / "card.json", postprocessing={"erosion": 2}), ["erosion"]),
        (lambda p: edit_card(p / "card.json", metrics={"dice": {"value": "good"}}), ["cannot be read"]),
    ],
)
def test_spoilt_package_is_refused_in_one_line_with_place(packages, spoil, words):
    spoil(packages / "ffs-small")
    with pytest.raises(ModelError) as error:
        load_model("ffs-small", folder=packages)
    message = str(error.value)
    assert message.startswith(str(packages / "ffs-small")) and "\n" not in message
    for word in words:
        assert word in message


def test_weights_of_another_network_are_refused_by_torch(packages):
    pytest.importorskip("torch")
    card = replace(read_card(packages / "unet-small"), network=SegmenterConfig(kind="unet", width=8))
    weights = (packages / "unet-small" / "weights.safetensors").read_bytes()
    write_package(packages / "other", card, weights, None)
    with pytest.raises(ModelError, match="do not fit"):
        load_model("other", folder=packages)  # no twin: torch is taken
    with pytest.raises(ModelError, match=r"holds no twin.onnx"):
        load_model("other", folder=packages, runtime="onnx")


def test_twin_that_is_no_onnx_is_refused(packages):
    weights = (packages / "unet-small" / "weights.safetensors").read_bytes()
    write_package(packages / "text", read_card(packages / "unet-small"), weights, b"no onnx")
    with pytest.raises(ModelError, match="cannot load the twin"):
        load_model("text", folder=packages)


def test_package_is_written_whole_or_not_at_all_and_never_over_another(packages, monkeypatch):
    card = make_cards()[2]
    with pytest.raises(OutputError, match="is there already"):
        write_package(packages / card.name, card, b"w", b"t")
    keep = packages / "notes"
    keep.mkdir()
    (keep / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="is there already"):
        write_package(keep, card, b"w", b"t", overwrite=True)
    before = sorted(p.name for p in packages.iterdir())

    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        write_package(packages / "new", card, b"w", b"t")
    assert sorted(p.name for p in packages.iterdir()) == before
    monkeypatch.undo()
    write_package(packages / card.name, replace(card, summary="second"), b"w", b"t", overwrite=True)
    assert read_card(packages / card.name).summary == "second"


def test_figures_can_be_renewed_and_the_model_stays_the_same(packages):
    before = load_model("ffs-small", folder=packages)
    card = update_metrics(packages / "ffs-small", {"auc": Metric(0.8, 0.7, 0.9)}, {"test": "100 patients"})
    after = load_model("ffs-small", folder=packages)
    assert set(after.card.metrics) == {"dice", "auc"} and after.card.data == {"patients": 0, "test": "100 patients"}
    assert after.card == card and card.checksums == before.card.checksums
    np.testing.assert_array_equal(after.segment(FRAMES, KEYS).tumour, before.segment(FRAMES, KEYS).tumour)


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: ModelCard("FFS phantom", SegmenterConfig(), PREPARATION), "no name"),
        (lambda: ModelCard("a", SegmenterConfig(), PreparationConfig(size=200)), "multiple of 16"),
        (lambda: ModelCard("a", SegmenterConfig(frames=8), PREPARATION), "sees 8 frames"),
        (lambda: ModelCard("a", SegmenterConfig(), PREPARATION, liver_threshold=1.0), "liver_threshold"),
        (lambda: ModelCard("a", ResponseConfig(clinical=False), PreparationConfig(size=16)), "too small"),
        (lambda: ModelCard("a", ResponseConfig(n_clinical=27), PREPARATION), "no clinical encoder"),
        (lambda: replace(make_cards()[3], network=ResponseConfig(n_clinical=5)), "makes 27 numbers"),
    ],
)
def test_card_whose_parts_do_not_fit_is_refused(build, word):
    with pytest.raises(ModelError, match=word):
        build()


def test_impossible_figures_and_calibrations_are_refused():
    for build in (
        lambda: Metric(float("nan")),
        lambda: Calibration(slope=-1.0),
        lambda: Calibration(intercept=float("inf")),
        lambda: Calibration(prevalence=1.0),
    ):
        with pytest.raises(ValueError, match=r"nan|impossible|prevalence"):
            build()


def test_calibration_is_platts_and_is_told(written_packages):
    model = load_model("response-small", folder=written_packages)
    images, rows = np.random.default_rng(0).random((4, 3, SIZE, SIZE)), model.card.encode(clinical_records(4))
    logits = model.logits(images, rows).astype(float)
    z = 0.7 * (logits[:, 1] - logits[:, 0]) - 0.2
    np.testing.assert_allclose(model.predict(images, rows), 1 / (1 + np.exp(-z)))
    assert "20 phantom patients" in model.card.calibration_note and "55 %" in model.card.calibration_note
    assert "Not calibrated" in load_model("film-small", folder=written_packages).card.calibration_note
    assert Calibration().probability(np.array([[2000.0, -2000.0], [0, 0]])).tolist() == [pytest.approx(0), 0.5]


def test_card_tells_what_its_model_needs():
    needs = {card.name: (card.task, card.needs_image, card.needs_clinical) for card in make_cards()}
    assert needs["ffs-small"] == ("segmentation", True, False)
    assert needs["response-small"] == ("response", True, True)
    assert needs["film-small"] == ("response", True, False)
    assert needs["clinical-small"] == ("response", False, True)
    with pytest.raises(ModelError, match="takes no clinical values"):
        make_cards()[4].encode(clinical_records(1))


def test_arrays_of_another_shape_are_refused_with_the_shape_wanted(written_packages):
    ffs = load_model("ffs-small", folder=written_packages)
    with pytest.raises(ModelError, match=rf"frames have shape \(9, {SIZE}, {SIZE}\), the model takes \(10, "):
        ffs.segment(FRAMES[:9], KEYS)
    with pytest.raises(ModelError, match="keys have shape"):
        ffs.segment(FRAMES, KEYS[:0])
    with pytest.raises(ModelError, match="no numbers"):
        ffs.segment(FRAMES, np.full_like(KEYS, np.nan))
    both = load_model("response-small", folder=written_packages)
    images, rows = np.zeros((3, 3, SIZE, SIZE)), np.zeros((3, 27))
    with pytest.raises(ModelError, match="needs images"):
        both.predict(None, rows)
    with pytest.raises(ModelError, match="needs clinical"):
        both.predict(images)
    with pytest.raises(ModelError, match="differ in number"):
        both.predict(images, rows[:1])
    assert load_model("clinical-small", folder=written_packages).predict(None, rows).shape == (3,)
    assert load_model("film-small", folder=written_packages).predict(images, rows).shape == (3,)


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ({"runtime": "openvino"}, "no runtime 'openvino'"),
        ({"runtime": "onnx", "device": "cuda"}, "on the CPU, not on cuda"),
        ({"device": "tpu"}, "not on tpu"),
        ({"runtime": "torch", "device": "abacus"}, "no device 'abacus'"),
        ({"threads": 0}, "0 threads"),
    ],
)
def test_request_that_cannot_be_met_is_refused(written_packages, request_, word):
    with pytest.raises(ModelError, match=word):
        load_model("unet-small", folder=written_packages, **request_)


def test_cuda_means_torch_and_is_refused_where_there_is_none(written_packages):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        assert "cuda" in load_model("unet-small", folder=written_packages, device="cuda").runtime
    else:
        with pytest.raises(ModelError, match="no CUDA device"):
            load_model("unet-small", folder=written_packages, device="cuda")
    assert load_model("unet-small", folder=written_packages, device="auto").runtime.startswith("onnxruntime")


def test_auto_device_with_torch_takes_what_torch_finds(written_packages):
    torch = pytest.importorskip("torch")
    found = load_model("unet-small", folder=written_packages, runtime="torch", device="auto").runtime
    assert found.endswith("(cuda)" if torch.cuda.is_available() else "(cpu)")


@pytest.mark.parametrize(("absent", "runtime"), [("onnxruntime", "onnx"), ("torch", "torch"), ("monai", "torch")])
def test_missing_runtime_is_named_with_what_to_install(written_packages, monkeypatch, absent, runtime):
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(DependencyError, match="pip install"):
        load_model("unet-small", folder=written_packages, runtime=runtime)


def test_using_a_package_loads_no_torch(written_packages):
    code = (
        "import sys, numpy as np\n"
        "from DSANetLib.models import load_model\n"
        "assert not {'onnxruntime', 'scipy', 'cv2'} & set(sys.modules)\n"
        f"model = load_model('ffs-small', folder={str(written_packages)!r})\n"
        f"model.segment(np.zeros((10, {SIZE}, {SIZE})), np.zeros((1, {SIZE}, {SIZE})))\n"
        "sys.exit(bool({'torch', 'monai', 'onnx', 'safetensors'} & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_clinical_errors_in_a_card_come_as_model_errors(packages):
    card = json.loads((packages / "clinical-small" / "card.json").read_text(encoding="utf-8"))
    del card["clinical_encoder"]["median"]["afp"]
    (packages / "clinical-small" / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ModelError, match="clinical encoder") as error:
        load_model("clinical-small", folder=packages)
    assert not isinstance(error.value, ClinicalError)

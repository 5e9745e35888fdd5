"""A package from a folder or a file becomes the user's own: verified, whole or not at all, nothing overwritten."""

from __future__ import annotations

import shutil
import zipfile

import pytest

from DSANetLib.errors import ModelError, OutputError
from DSANetLib.models import import_package, list_packages, load_model, user_models_folder


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The user's folder of models, not there yet, in a place with other letters."""
    folder = tmp_path / "Modèle ł 中"
    monkeypatch.setenv("DSANET_MODELS", str(folder))
    return folder


def _zip(package, path, prefix=""):
    with zipfile.ZipFile(path, "w") as packed:
        for file in package.iterdir():
            packed.write(file, prefix + file.name)
    return path


@pytest.mark.parametrize("form", ["folder", "zip", "zip with a folder"])
def test_imported_package_is_found_by_its_name_and_computes(packages, own, tmp_path, form):
    source = packages / "ffs-small"
    if form != "folder":
        source = _zip(source, tmp_path / "model é.zip", "ffs-small/" if "with" in form else "")
    found = import_package(source)
    assert found.name == "ffs-small"
    assert found.folder == own / "ffs-small"
    assert user_models_folder() == own
    assert "ffs-small" in [package.name for package in list_packages()]
    assert load_model("ffs-small").card.name == "ffs-small"
    for name in ("card.json", "weights.safetensors", "twin.onnx"):
        assert (own / "ffs-small" / name).read_bytes() == (packages / "ffs-small" / name).read_bytes()


@pytest.mark.parametrize("name", ["weights.safetensors", "twin.onnx", "card.json"])
def test_altered_package_is_refused_and_leaves_nothing(packages, own, name):
    path = packages / "ffs-small" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError):
        import_package(packages / "ffs-small")
    assert not own.exists()


def test_package_that_is_there_is_replaced_only_when_asked(packages, own):
    import_package(packages / "ffs-small")
    (own / "ffs-small" / "note.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ModelError, match="is there already"):
        import_package(packages / "ffs-small")
    assert (own / "ffs-small" / "note.txt").is_file()
    import_package(packages / "ffs-small", overwrite=True)
    assert not (own / "ffs-small" / "note.txt").exists()


def test_name_of_a_shipped_package_is_refused(own):
    (shipped, *_others) = list_packages()
    with pytest.raises(ModelError, match="comes with DSANet"):
        import_package(shipped.folder)
    assert not own.exists()


def test_file_that_holds_no_package_is_said_with_its_name(own, tmp_path, packages):
    (tmp_path / "text.zip").write_text("text", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    _zip(tmp_path / "empty", tmp_path / "empty.zip")
    two = _zip(packages / "ffs-small", tmp_path / "two.zip", "a/")
    with zipfile.ZipFile(two, "a") as packed:
        packed.writestr("b/card.json", "{}")
    for name in ("text.zip", "empty", "empty.zip", "two.zip", "nowhere.zip"):
        with pytest.raises(ModelError, match=name):
            import_package(tmp_path / name)
    assert not own.exists()


def test_paths_that_lead_out_of_a_zip_are_not_followed(packages, own, tmp_path):
    packed = tmp_path / "evil.zip"
    _zip(packages / "ffs-small", packed)
    with zipfile.ZipFile(packed, "a") as file:
        file.writestr("../escaped.txt", "out")
        file.writestr("other.py", "out")
    import_package(packed)
    assert sorted(p.name for p in (own / "ffs-small").iterdir()) == ["card.json", "twin.onnx", "weights.safetensors"]
    assert not list(tmp_path.rglob("escaped.txt"))


def test_disk_that_runs_full_leaves_the_old_package(packages, own, monkeypatch):
    import_package(packages / "ffs-small")

    def full(_source, _target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OutputError, match="No space left"):
        import_package(packages / "ffs-small", overwrite=True)
    assert [path.name for path in own.iterdir()] == ["ffs-small"]
    assert load_model("ffs-small").card.name == "ffs-small"

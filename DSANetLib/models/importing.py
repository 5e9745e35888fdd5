"""Take a model package from a folder or a ZIP file into the user's own models: verified, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from ..errors import ModelError
from ..whole import whole_folder
from .card import is_model_name
from .folders import models_folder, user_models_folder
from .package import CARD, TWIN, WEIGHTS, PackageSummary, read_card, summarise, verify_file

_FILES = (CARD, WEIGHTS, TWIN)
_GIVE = "Give the folder of a package (card.json beside weights.safetensors), or a ZIP file of it"


def import_package(source: str | Path, folder: str | Path | None = None, *, overwrite: bool = False) -> PackageSummary:
    """Copy a package to the user's models, where `list_packages` and `load_model` find it by its name.

    Parameters
    ----------
    source
        Folder of a package, or a ZIP file that holds one (at its top or in one folder). Nothing else of it is taken.
    folder
        Where it is put; by default `user_models_folder`.
    overwrite
        Whether a package of the same name is replaced.

    Returns
    -------
    PackageSummary
        Of the copy; every file was compared with its SHA-256.

    Raises
    ------
    ModelError
        Where there is no package, or it is damaged, altered, or there already.
    OutputError
        Where it cannot be written; nothing is left behind, and a package that was there stays.
    """
    source = Path(source)
    with tempfile.TemporaryDirectory(prefix="dsanet-model-") as unpacked:
        package = source if source.is_dir() else _unpack(source, Path(unpacked))
        if not (package / CARD).is_file():
            raise ModelError("holds no model package (no card.json)", _GIVE, source)
        card = read_card(package)
        names = [CARD, *(name for name in (WEIGHTS, TWIN) if name in card.checksums)]
        for name in names[1:]:
            verify_file(package, card, name)
        if card.name != PurePosixPath(card.name).name or card.name.startswith("."):
            raise ModelError(f"the package's name {card.name!r} cannot be the name of a folder", _GIVE, source)
        if folder is None and (models_folder() / card.name / CARD).is_file():
            raise ModelError(
                f"a package {card.name!r} comes with DSANet", "Name it differently when exporting it", source
            )
        target = (user_models_folder() if folder is None else Path(folder)) / card.name
        if target.exists() and not overwrite:
            raise ModelError(f"a package {card.name!r} is there already", "Ask for it to be replaced", target)
        with whole_folder(target) as part:
            for name in names:
                shutil.copyfile(package / name, part / name)
            for name in names[1:]:
                verify_file(part, card, name)  # a disk that ran full may tell nobody
    return summarise(target)


def check_free_name(name: str) -> Path:
    """Return where a new package of the user's would lie; for work that takes long before it is written.

    Raises
    ------
    ModelError
        Where the name is none for a package, or taken.
    """
    if not is_model_name(name):
        raise ModelError(f"{name!r} is no name for a model", "Use lower-case letters, digits, - _ and .")
    if any((root / name).exists() for root in (models_folder(), user_models_folder())):
        raise ModelError(f"a model {name!r} is there already", "Choose another name")
    return user_models_folder() / name


def free_name(wish: str) -> str:
    """Return a name for a new package of the user's: `wish`, or with the first number that is free."""
    taken = {path.name for root in (models_folder(), user_models_folder()) for path in root.glob("*")}
    return next(name for name in (wish, *(f"{wish}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def _unpack(source: Path, folder: Path) -> Path:
    """Unpack the package of a ZIP file, by its three known names and under no other path; return its folder."""
    try:
        with zipfile.ZipFile(source) as packed:
            names = [PurePosixPath(name) for name in packed.namelist()]
            cards = [name for name in names if name.name == CARD and len(name.parts) <= 2]
            if len(cards) != 1:
                raise ModelError(f"holds {len(cards) or 'no'} model packages", _GIVE, source)
            for name in _FILES:
                inside = cards[0].with_name(name)
                if inside in names:
                    with packed.open(str(inside)) as content, (folder / name).open("wb") as file:
                        shutil.copyfileobj(content, file)
    except FileNotFoundError as error:
        raise ModelError("no such file or folder", "Check the path", source) from error
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"is no readable ZIP file ({error})", _GIVE, source) from error
    return folder

"""Where model packages lie: those that come with DSANet, and the user's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def models_folder() -> Path:
    """Return where the packages that come with DSANet lie: in the checkout or extension, or in the wheel."""
    library = Path(__file__).resolve().parents[1]
    beside, inside = library.parent / "Resources" / "Models", library / "_resources" / "Models"
    return inside if inside.is_dir() else beside


def user_models_folder() -> Path:
    """Return where a user's own packages lie; ``DSANET_MODELS`` names another place. It need not exist."""
    named = os.environ.get("DSANET_MODELS")
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share"))
    return base / "DSANet" / "models"

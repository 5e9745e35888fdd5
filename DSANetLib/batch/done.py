"""What a case was made with, so that a batch that is started again knows what is done and repeats nothing of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from .case import MARKER

if TYPE_CHECKING:
    from ..clinical import ClinicalRecord
    from ..models import ModelCard
    from ..readers import RunSource
    from .models import BatchOptions

# These change what is done about a case, or how fast, and not what it holds.
_NO_SETTINGS = ("model", "response_model", "threads", "overwrite")
_CHUNK = 1 << 20


def made_with(
    sources: Iterable[RunSource],
    options: BatchOptions,
    cards: Sequence[ModelCard],
    patient: str | None,
    record: ClinicalRecord | None,
) -> str:
    """Return a digest of everything a patient's results follow from: files, models, settings, clinical values.

    The number of threads is left out, as results do not depend on it; the files count by their content.
    """
    facts = {
        "dsanet": __version__,
        "options": {name: value for name, value in asdict(options).items() if name not in _NO_SETTINGS},
        "models": [[card.name, dict(card.checksums)] for card in cards],
        "patient": patient,
        "clinical": None if record is None else dict(record.values),
        "runs": sorted(_content(source) for source in sources),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def done_before(folder: Path, digest: str) -> Mapping[str, Any] | None:
    """Return what ``case.json`` says of a case that was made with just this; None where there is none such."""
    try:
        facts = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and facts.get("made_with") == digest else None


def _content(source: RunSource) -> str:
    """Return a digest of the bytes of a run's files, in their order."""
    digest = hashlib.sha256()
    for path in source.files or (source.path,):
        try:
            with Path(path).open("rb") as file:
                while block := file.read(_CHUNK):
                    digest.update(block)
        except OSError as error:
            digest.update(str(error.errno).encode())  # it counts once it can be read
        digest.update(b"\0end of file\0")
    return digest.hexdigest()

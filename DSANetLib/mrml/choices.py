"""What the user chose for one run, kept with the run: subtraction, mask frame, pixel shift, key frame, patient."""

from __future__ import annotations

from ..errors import SceneError
from .attributes import CASE, fact, number, numbers, set_facts
from .run_facts import USER_SUBTRACTED
from .sequence import RunNodes, item_number

KEY_FRAME, MASK_FRAME, PIXEL_SHIFT, PATIENT = "UserKeyFrame", "UserMaskFrame", "UserPixelShift", "Patient"
FOUND_KEY_FRAME = "KeyFrame"


def key_frame(run: RunNodes) -> int | None:
    """Return the key frame, 0-based: the user's, else the one found automatically, else None."""
    chosen = number(run.sequence, KEY_FRAME)
    found = number(run.sequence, FOUND_KEY_FRAME) if chosen is None else chosen
    return None if found is None else int(found)


def key_frame_by_user(run: RunNodes) -> bool:
    """Return whether the user chose the key frame."""
    return fact(run.sequence, KEY_FRAME) is not None


def choose_key_frame(run: RunNodes, frame: int | None) -> None:
    """Make a source frame (0-based) the key frame; None leaves it to the library again."""
    if frame is not None:
        item_number(run.sequence, frame)
    set_facts(run.sequence, {KEY_FRAME: frame})


def mask_choice(run: RunNodes) -> tuple[int, tuple[float, float]] | None:
    """Return the user's mask frame (0-based) and its shift (rows, columns) in px; None where the library chooses."""
    frame, shift = number(run.sequence, MASK_FRAME), numbers(run.sequence, PIXEL_SHIFT)
    return None if frame is None else (int(frame), (shift[0], shift[1]) if len(shift) == 2 else (0.0, 0.0))


def choose_mask(run: RunNodes, frame: int | None, shift_px: tuple[float, float] = (0.0, 0.0)) -> None:
    """Subtract a source frame (0-based), moved by (rows, columns); None leaves both to the library."""
    if frame is not None:
        item_number(run.sequence, frame)
    shift = None if frame is None else (float(shift_px[0]), float(shift_px[1]))
    set_facts(run.sequence, {MASK_FRAME: frame, PIXEL_SHIFT: shift})


def subtracted_choice(run: RunNodes) -> bool | None:
    """Return whether the run came subtracted, in the user's word; None where file or library decide."""
    return {"1": True, "0": False}.get(fact(run.sequence, USER_SUBTRACTED) or "")


def choose_subtracted(run: RunNodes, subtracted: bool | None) -> None:
    """Say that a run came subtracted (it is left as it is) or not (a mask is taken off); None takes it back."""
    set_facts(run.sequence, {USER_SUBTRACTED: subtracted})


def patient(run: RunNodes) -> str:
    """Return the patient of a run: what the user said, else the case itself."""
    return fact(run.sequence, PATIENT) or fact(run.sequence, CASE) or str(run.sequence.GetName())


def choose_patient(run: RunNodes, name: str) -> None:
    """Assign a run to a patient; empty makes the case a patient of its own.

    Raises
    ------
    SceneError
        For a name that no table can hold.
    """
    name = " ".join(name.split())
    if any(sign in name for sign in ",;\"'"):
        raise SceneError(f"{name!r} is no name for a patient", "Use letters, digits, spaces, - and _")
    set_facts(run.sequence, {PATIENT: name or None})

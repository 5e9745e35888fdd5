"""What a task takes along: the package that computes, and a case's run, masks, choices and values from the scene."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from DSANetLib.errors import ClinicalError
from DSANetLib.mrml.scene import CaseNodes

if TYPE_CHECKING:
    from DSANetLib.clinical import ClinicalRecord
    from DSANetLib.run import DSARun


def modelChoice(
    model: str | Path | None, runtime: str = "auto", device: str = "auto", threads: int | None = None
) -> Any:
    """Return what computes; the package is looked up here, so that a wrong name is said at once."""
    from DSANetLib.models.keeper import ModelChoice
    from DSANetLib.models.store import find_package
    from DSANetLib.pipeline import DEFAULT_MODEL

    package = find_package(model or DEFAULT_MODEL).absolute()
    return ModelChoice(str(package), runtime, device, threads)  # type: ignore[arg-type]


def runOf(case: CaseNodes) -> DSARun:
    """Return the run of a case with its frames copied out of the scene, to be handed over."""
    from DSANetLib.mrml.sequence import read_run

    run = read_run(case.run.sequence)
    return run.with_changes(frames=run.frames[:])


def userChoices(
    case: CaseNodes,
    keyFrame: int | None = None,
    maskFrame: int | None = None,
    pixelShift: tuple[float, float] | None = None,
) -> Any:
    """Return what the user fixes of a run, now or before; frames counted as the scene stores them."""
    from DSANetLib.mrml.attributes import number, numbers
    from DSANetLib.mrml.choices import KEY_FRAME, MASK_FRAME, PIXEL_SHIFT
    from DSANetLib.mrml.sequence import item_number
    from DSANetLib.worker.tasks import UserChoices

    sequence = case.run.sequence
    frames = (
        number(sequence, name) if given is None else given
        for name, given in ((KEY_FRAME, keyFrame), (MASK_FRAME, maskFrame))
    )
    key, mask = (None if frame is None else item_number(sequence, int(frame)) for frame in frames)
    shift = tuple(pixelShift or numbers(sequence, PIXEL_SHIFT))
    return UserChoices(key, mask, (shift[0], shift[1]) if len(shift) == 2 else None)


def maskedRun(case: CaseNodes) -> Any:
    """Return run, masks as they stand and choices of a case, for a prediction."""
    from dataclasses import replace

    from DSANetLib.mrml.attributes import fact
    from DSANetLib.mrml.choices import key_frame
    from DSANetLib.mrml.sequence import item_number
    from DSANetLib.mrml.standing import needed_masks
    from DSANetLib.worker.tasks import MaskedRun

    sequence = case.run.sequence
    masks = {item_number(sequence, frame): found for frame, found in needed_masks(case).items()}
    key = key_frame(case.run)
    assert key is not None  # or it would have no mask
    choices = replace(userChoices(case), key_frame=item_number(sequence, key))
    flags = () if case.masks is None else tuple((fact(case.masks.sequence, "Flags") or "").split())
    return MaskedRun(runOf(case), masks, choices, flags)


def clinicalRecord(clinical: Any, cases: list[CaseNodes]) -> ClinicalRecord | None:
    """Return the patient's values, whatever they were given as; from a table by the patient's or a case's name."""
    from DSANetLib.clinical import ClinicalRecord, read_clinical
    from DSANetLib.mrml.choices import patient
    from DSANetLib.mrml.clinical import read_clinical_node

    names = list(dict.fromkeys([*(patient(case.run) for case in cases), *(case.case_id for case in cases)]))
    if clinical is None or isinstance(clinical, ClinicalRecord):
        return clinical
    if isinstance(clinical, Mapping):
        return ClinicalRecord(names[0], clinical)
    if isinstance(clinical, (str, Path)):
        table, source = read_clinical(clinical), str(clinical)
    else:
        table, source = read_clinical_node(clinical), clinical.GetName()
    for name in names:
        if name in table:
            return table[name]
    raise ClinicalError(f"has no row for {' or '.join(names)}", "Add one, or predict without clinical values", source)

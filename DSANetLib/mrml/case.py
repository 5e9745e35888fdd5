"""What the pipeline found, as one case in the scene."""

from __future__ import annotations

from typing import Any

from ..correction.uncertainty import mask_uncertainty
from ..results import CaseResult, FrameMasks, Segmentation
from ..tables import LESION_COLUMNS, RESULT_COLUMNS, Cell, lesion_rows, result_row
from .attributes import Fact
from .scene import CaseNodes
from .segmentation import FrameState, StoredMasks, write_masks
from .sequence import frames_that_fit, write_run
from .table import find_table, read_table, write_table

RESULTS = "results"
LESIONS = "lesions"

# A scene holds its run in memory, and once more while it is saved: 2,000 frames of 1024² would be 2 GiB twice.
RUN_BYTES = 256 * 2**20


def write_case(case: CaseResult, *, run_bytes: int = RUN_BYTES) -> CaseNodes:
    """Put a case into the scene: run, masks of every frame, a row of results, its lesions.

    Parameters
    ----------
    case
        From `pipeline.process`.
    run_bytes
        Most bytes of frames to store; of a longer run the frames with masks and every n-th other are kept.

    Returns
    -------
    CaseNodes
        The results table is shared by the cases of a scene: a row a case, replaced where the case is known.

    Raises
    ------
    SceneError
        Where something does not fit into a scene.
    """
    seg = case.segmentation
    run = seg.prepared.run
    key = seg.key_frame.index
    frames = frames_that_fit(run, seg.frames, run_bytes)
    nodes = write_run(
        run,
        seg.prepared.frame_times,
        frames=frames,
        key_frame=key,
        shown_polarity=seg.prepared.polarity,
        visible=seg.prepared.visible_source,
    )
    masks = write_masks(
        nodes,
        {frame: (m.liver, m.tumour) for frame, m in seg.masks.items()},
        state={frame: _state(m) for frame, m in seg.masks.items()},
        facts=segmentation_facts(seg),
    )
    rows = [row for row in _rows_of(find_table(RESULTS)) if row["case"] != case.case_id]
    results = write_table(RESULT_COLUMNS, [*rows, result_row(case)], "DSANet results", role=RESULTS)
    lesions = write_table(
        LESION_COLUMNS, lesion_rows(seg), f"{case.case_id} lesions", role=LESIONS, case_id=case.case_id
    )
    return CaseNodes(nodes, masks, results, lesions)


def segmentation_facts(seg: Segmentation) -> dict[str, Fact]:
    """Return what is kept with the masks: model, runtime, thresholds, key frame (0-based), flags, version."""
    from .. import __version__

    return {
        "Model": seg.model,
        "Runtime": seg.runtime,
        "TumourThreshold": float(seg.tumour_threshold),
        "LiverThreshold": float(seg.liver_threshold),
        "KeyFrame": int(seg.key_frame.index),
        "KeyFrameBy": seg.key_frame.chosen_by,
        "Uncertainty": mask_uncertainty(seg.tumour_maps[seg.key_frame.index], seg.tumour_threshold),
        "Flags": " ".join(flag.code for flag in seg.flags),
        "Version": __version__,
    }


def frame_masks(stored: StoredMasks) -> FrameMasks:
    """Return masks of the scene as the pipeline takes them, to predict from a corrected mask."""
    liver = stored.liver if stored.liver.any() else None
    return FrameMasks(stored.tumour, liver, "edited" if stored.state == "edited" else "predicted")


def _state(masks: FrameMasks) -> FrameState:
    return "edited" if masks.origin == "edited" else "predicted"


def _rows_of(table: Any) -> list[dict[str, Cell]]:
    return read_table(table) if table is not None else []

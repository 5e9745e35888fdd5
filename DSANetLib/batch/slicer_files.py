"""What 3D Slicer opens, of one case: the scene, the masks of each frame, and Slicer's own view of the key frame."""

from __future__ import annotations

from pathlib import Path

from ..errors import SceneError
from ..results import CaseResult


def write_slicer_files(case: CaseResult, folder: Path) -> list[str]:
    """Write ``scene.mrb``, ``masks/frame_NNNN.seg.nrrd`` and ``slice_view.png``.

    Parameters
    ----------
    case
        What to write.
    folder
        The case's folder; its ``masks`` exists.

    Returns
    -------
    list of str
        A sentence where the slice view had to be left out.

    Raises
    ------
    DependencyError
        Where Slicer's core is not installed.
    SceneError
        Where this is Slicer itself, whose scene is the user's.
    OutputError
        Where a file cannot be written.
    """
    from ..mrml import headless
    from ..mrml.case import write_case
    from ..mrml.render import render_slice_view
    from ..mrml.scene import save_masks, save_scene

    if headless.in_slicer():
        raise SceneError("a batch inside Slicer would mix its cases with the open scene", "Use the command dsanet run")
    headless.clear()
    try:
        nodes = write_case(case)
        assert nodes.masks is not None  # a segmentation always has some
        save_scene(folder / "scene.mrb")
        for frame in case.segmentation.frames:
            save_masks(nodes.masks, frame, folder / "masks" / f"frame_{frame + 1:04d}.seg.nrrd")
        try:
            key = case.segmentation.key_frame.index
            render_slice_view(nodes.run, folder / "slice_view.png", masks=nodes.masks, frame=key)
        except SceneError as error:
            return [f"Slicer's slice view was left out: {error}"]
    finally:
        headless.clear()
    return []

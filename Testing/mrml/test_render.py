from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys

import numpy as np
import pytest

from DSANetLib.errors import OutputError, SceneError
from DSANetLib.mrml.render import PACKAGES, missing_libraries, render_slice_view, slice_view
from DSANetLib.mrml.segmentation import set_masks, write_masks
from DSANetLib.mrml.sequence import show_frame, shown_frame, write_run
from DSANetLib.mrml.terminology import SEGMENTS
from DSANetLib.run import DSARun, PixelSpacing

needs_graphics = pytest.mark.skipif(
    bool(missing_libraries()), reason=f"off-screen rendering needs: apt-get install {' '.join(missing_libraries())}"
)

ROWS, COLUMNS, SPACING = 100, 160, PixelSpacing(0.4, 0.2, "calibrated")
SPACINGS_THAT_ROUND = (0.6128619518651345, 0.7001728942195938, 0.700027975819189)
"""Of phantom films whose picture had once a black first column or last row."""
COLOURS = {meaning.identifier: np.array(meaning.colour) for meaning in SEGMENTS}


@pytest.fixture
def nodes():
    """A dark corner at the top left, a bright one at the bottom right, and a bar that moves with time."""
    frames = np.full((6, ROWS, COLUMNS), 150, np.uint8)
    frames[:, :20, :30] = 20
    frames[:, 80:, 120:] = 250
    for i, frame in enumerate(frames):
        frame[60:66, 20 * i : 20 * i + 10] = 0
    return write_run(DSARun(frames=frames, case_id="corner", spacing=SPACING, polarity="dark_contrast"), key_frame=2)


def box(top, bottom, left, right):
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def at(picture, row, column):
    """Colour of the picture at a source pixel's centre."""
    height, width = picture.shape[:2]
    return picture[int((row + 0.5) / ROWS * height), int((column + 0.5) / COLUMNS * width)].astype(int)


def outline(picture, identifier):
    """Bounds of a colour in the picture, in source pixels: top, bottom, left, right edge."""
    near = np.abs(picture.astype(int) - COLOURS[identifier]).max(axis=2) < 12
    assert near.any(), f"no outline of {identifier} in the picture"
    rows, columns = np.nonzero(near)
    height, width = near.shape
    edges = np.array([rows.min(), rows.max() + 1, columns.min(), columns.max() + 1], float)
    return edges * np.array([ROWS / height] * 2 + [COLUMNS / width] * 2)


@needs_graphics
@pytest.mark.parametrize("mm", SPACINGS_THAT_ROUND)
def test_the_frame_fills_the_picture_to_its_edges_whatever_its_spacing_rounds_to(mm):
    frames = np.full((2, 512, 512), 200, np.uint8)
    frames[:, 200:300, 200:300] = 60
    run = DSARun(frames=frames, case_id="even", spacing=PixelSpacing(mm, mm, "calibrated"), polarity="dark_contrast")
    picture = slice_view(write_run(run)).astype(int)
    assert picture[20, 20].min() > 0
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        assert (edge == picture[20, 20]).all()


@needs_graphics
def test_a_frame_looks_as_on_the_angiography_screen(nodes):
    picture = slice_view(nodes)
    assert at(picture, 5, 5).max() < 40, "the dark corner belongs to the top left"
    assert at(picture, 95, 155).min() > 230, "the bright corner belongs to the bottom right"
    assert abs(int(at(picture, 5, 155)[0]) - int(at(picture, 95, 5)[0])) < 3
    assert 100 < at(picture, 40, 100)[0] < 200
    assert at(picture, 63, 45).max() < 20, "the bar of frame 2"


@needs_graphics
def test_the_picture_has_the_frames_shape_in_mm(nodes):
    """100 rows of 0.4 mm, 160 columns of 0.2 mm: 40 x 32 mm."""
    assert slice_view(nodes, longest_side=500).shape == (500, 400, 3)


@needs_graphics
def test_the_mask_is_drawn_where_the_tumour_is(nodes):
    masks = write_masks(nodes, {2: (box(10, 75, 20, 110), box(30, 45, 125, 150))})
    picture = slice_view(nodes, masks=masks)
    assert outline(picture, "tumour") == pytest.approx([30, 45, 125, 150], abs=1)
    assert outline(picture, "liver") == pytest.approx([10, 75, 20, 110], abs=1)
    grey = picture.max(axis=2).astype(int) - picture.min(axis=2) == 0
    assert grey.mean() > 0.95, "outlines only: the film stays readable"


@needs_graphics
def test_a_changed_mask_and_another_frame_are_drawn_at_once(nodes):
    masks = write_masks(nodes, {2: (None, box(30, 45, 125, 150)), 4: (None, box(5, 15, 60, 90))})
    assert outline(slice_view(nodes, masks=masks, frame=4), "tumour") == pytest.approx([5, 15, 60, 90], abs=1)
    set_masks(masks, 2, None, box(70, 90, 40, 60), "edited")
    assert outline(slice_view(nodes, masks=masks), "tumour") == pytest.approx([70, 90, 40, 60], abs=1)


@needs_graphics
def test_a_frame_without_mask_shows_none(nodes):
    masks = write_masks(nodes, {2: (None, box(30, 45, 125, 150))})
    for picture in (slice_view(nodes, masks=masks, frame=3), slice_view(nodes, frame=2)):
        assert (picture.max(axis=2) == picture.min(axis=2)).all()


@needs_graphics
def test_taking_a_picture_changes_nothing_in_the_scene(nodes, scene, tmp_path):
    masks = write_masks(nodes, {2: (None, box(30, 45, 125, 150))})
    show_frame(nodes, 5)
    display = masks.segmentation.GetDisplayNode()
    display.SetVisibility(False)
    before = [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())]
    thickness = display.GetSliceIntersectionThickness()
    path = render_slice_view(nodes, tmp_path / "ł.png", masks=masks, frame=2)
    assert [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())] == before
    assert (shown_frame(nodes), display.GetVisibility(), display.GetSliceIntersectionThickness()) == (5, 0, thickness)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@needs_graphics
def test_the_same_view_gives_the_same_file(nodes, tmp_path):
    import cv2

    masks = write_masks(nodes, {2: (None, box(30, 45, 125, 150))})
    first, second = (render_slice_view(nodes, tmp_path / f"{i}.png", masks=masks) for i in range(2))
    assert first.read_bytes() == second.read_bytes()
    written = cv2.cvtColor(cv2.imread(str(first)), cv2.COLOR_BGR2RGB)
    assert np.array_equal(written, slice_view(nodes, masks=masks))


@needs_graphics
def test_pictures_that_cannot_be_written_are_named(nodes, tmp_path):
    (tmp_path / "a.png").write_text("mine")
    with pytest.raises(SceneError, match="exists already"):
        render_slice_view(nodes, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_text() == "mine"
    assert render_slice_view(nodes, tmp_path / "a.png", overwrite=True).stat().st_size > 500
    with pytest.raises(OutputError, match="cannot be written"):
        render_slice_view(nodes, tmp_path / "none" / "a.png")
    with pytest.raises(SceneError, match="frame 41 is not in the scene"):
        slice_view(nodes, frame=40)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux is there a choice of windows")
def test_without_graphics_library_the_packages_are_named_and_nothing_crashes():
    """VTK falls back on OSMesa, whether it is there or not, and would then crash."""
    code = (
        "import numpy as np\n"
        "from DSANetLib.errors import SceneError\n"
        "from DSANetLib.mrml.render import missing_libraries, slice_view\n"
        "from DSANetLib.mrml.sequence import write_run\n"
        "from DSANetLib.run import DSARun\n"
        "print(*missing_libraries())\n"
        "try:\n"
        "    slice_view(write_run(DSARun(frames=np.zeros((2, 4, 5), np.uint8), case_id='a')))\n"
        "except SceneError as error:\n"
        "    print(error)\n"
    )
    environment = {**os.environ, "VTK_DEFAULT_OPENGL_WINDOW": "vtkOSOpenGLRenderWindow"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    if ctypes.util.find_library("OSMesa"):
        assert done.stdout.strip() == ""
    else:
        first, second = done.stdout.strip().split("\n")
        assert first.split() == list(PACKAGES)
        assert f"apt-get install {' '.join(PACKAGES)}" in second


@needs_graphics
def test_a_colour_map_is_drawn_with_its_legend_and_leaves_no_node(nodes):
    from DSANetLib.maps import ParameterMap
    from DSANetLib.mrml import headless
    from DSANetLib.mrml.maps import write_map

    found = write_map(nodes, ParameterMap("time_to_peak", np.full((ROWS, COLUMNS), 4, np.float32), "s", 0, 8))
    before = {node.GetID() for node in headless.scene().GetNodes()}
    drawn = slice_view(nodes, overlay=found)
    assert {node.GetID() for node in headless.scene().GetNodes()} == before
    found.GetNthDisplayNode(1).SetVisibility(False)
    bare = slice_view(nodes, overlay=found)
    changed = np.argwhere((drawn != bare).any(axis=2))
    assert len(changed) > 500
    assert changed[:, 1].min() > drawn.shape[1] / 4, "the legend stands on the right"
    assert (bare != slice_view(nodes)).any(axis=2).mean() > 0.9

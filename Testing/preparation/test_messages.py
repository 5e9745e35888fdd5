"""What preparation and metrics say of bad input, word for word: the problem, and the remedy that users follow."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from films import film, film_run

from DSANetLib.errors import DSANetError, PreparationError
from DSANetLib.evaluation.metrics import Counts, count, match_lesions
from DSANetLib.preparation import FrameGeometry, PreparationConfig, network_inputs, prepare
from DSANetLib.preparation.arrival import find_arrival
from DSANetLib.preparation.keyframe import pick_key_frame
from DSANetLib.preparation.sampling import sample_frames
from DSANetLib.run import DSARun

SMALL = PreparationConfig(size=64)
STACK = np.zeros((3, 16, 16), np.float32)
TIMES = np.arange(3.0)
EVERYWHERE = np.ones((16, 16), bool)
MASK = np.zeros((4, 5), bool)

SAID = [
    (lambda: find_arrival(STACK, TIMES[:2], EVERYWHERE), "2 times for 3 frames", "Give one time a frame"),
    (
        lambda: pick_key_frame(STACK, TIMES, EVERYWHERE, chosen=3),
        "key frame 4 of a run of 3 frames",
        "Choose 1 to 3",
    ),
    (
        lambda: sample_frames(STACK, TIMES, 0, PreparationConfig(sampling="causal")),
        "causal sampling has no key frame",
        "Give key_frame",
    ),
    (
        lambda: FrameGeometry.whole(4, 0, 8),
        "a frame of 4 x 0 cannot become 8 pixels",
        "Give sides of 1 pixel or more",
    ),
    (
        lambda: FrameGeometry(4, 5, 1, 2, 3, 4, 8),
        "box 3 x 4 at (1, 2) does not lie in a frame of 4 x 5",
        "Give a box of 1 pixel or more inside the frame",
    ),
    (
        lambda: FrameGeometry(4, 5, 0, 0, 4, 5, 8, aspect="crop"),  # type: ignore[arg-type]
        "aspect is 'crop'",
        "Choose pad or squash",
    ),
    (
        lambda: FrameGeometry.whole(4, 5, 8).to_network(np.zeros((5, 4))),
        "the image is (5, 4), the geometry expects (4, 5)",
        "Give an image of the run that the geometry was made for",
    ),
    (
        lambda: FrameGeometry.whole(4, 5, 8).points_to_network(np.zeros((2, 3))),
        "points are (2, 3), not (N, 2)",
        "Give (row, column) pairs",
    ),
    (
        lambda: PreparationConfig(low_percentile=60.0, high_percentile=50.0),
        "low_percentile is not below high_percentile",
        "Give the lower one first",
    ),
    (
        lambda: PreparationConfig.from_dict({"sise": 64, "frame": 3}),
        "unknown preparation setting frame, sise",
        "Use a model package made for this version of DSANet, or correct the name",
    ),
    (lambda: PreparationConfig(aspect="crop"), "aspect is 'crop'", "Choose one of pad, squash"),  # type: ignore[arg-type]
    (lambda: Counts(1, -2, 3, 4), "fn is -2", "Give counts of 0 or more"),
    (
        lambda: count(MASK, MASK.T),
        "the prediction is (4, 5), the truth (5, 4)",
        "Compare masks of one frame",
    ),
    (
        lambda: match_lesions(MASK, MASK.T.astype(np.uint8)),
        "the prediction is (4, 5), the lesions (5, 4)",
        "Compare one frame",
    ),
    (
        lambda: match_lesions(MASK, MASK.astype(np.uint8), overlap=1.5),
        "the overlap is 1.5",
        "Give a share above 0 and up to 1",
    ),
]


@pytest.mark.parametrize(("call", "problem", "remedy"), SAID, ids=[problem for _, problem, _ in SAID])
def test_bad_input_is_told_with_its_remedy(call, problem, remedy):
    with pytest.raises(DSANetError) as caught:
        call()
    assert (caught.value.problem, caught.value.remedy) == (problem, remedy)


LIMITS = {
    "size": (8, 4096), "frames": (1, 256), "lead_s": (0.0, 60.0), "window_s": (0.1, 600.0),
    "key_blur": (0.0, 0.2), "key_smoothing_s": (0.0, 60.0), "stain_share": (0.001, 1.0),
    "stain_after_s": (0.0, 60.0), "stain_spread_s": (0.1, 1000.0), "frame_rate": (0.05, 240.0),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_a_setting_is_allowed_up_to_its_limits_and_refused_beyond(name):
    low, high = LIMITS[name]
    for allowed in (low, high):
        assert getattr(PreparationConfig(**{name: allowed}), name) == allowed
    step = 1 if isinstance(low, int) else 1e-3
    for refused in (low - step, high + step):
        with pytest.raises(PreparationError) as caught:
            PreparationConfig(**{name: refused})
        assert caught.value.problem == f"{name} is {refused!r}"
        assert caught.value.remedy == f"Give {low:g} to {high:g}"


def said_of(run: DSARun, **choices: object) -> tuple[str, ...]:
    return prepare(run, SMALL, **choices).warnings  # type: ignore[arg-type]


def test_what_was_assumed_of_a_run_is_said_word_for_word():
    frames, _ = film(count=1)
    assert said_of(DSARun(frames, "one", subtracted=False, polarity="dark_contrast")) == (
        "A single unsubtracted frame has no mask; it was used as it is.",
        "The run has one frame: it is repeated, and there is no temporal difference.",
    )
    assert said_of(film_run().with_changes(times_s=None)) == (
        "The frame times are unknown; 2 frames per second were assumed. Give the frame rate.",
    )
    assert said_of(film_run(), mask_frame=0) == ("The run is already subtracted; the mask frame was not used.",)
    still = DSARun(np.repeat(film(count=1, subtracted=False)[0], 24, axis=0), "still", subtracted=True)
    assert "The frames do not differ: no contrast passes, and there is no temporal difference." in said_of(
        still.with_changes(times_s=np.arange(24) / 2)
    )
    assert said_of(film_run(subtracted=False, inverted=True, unknown=True)) == (
        "Contrast looks bright in this run, so it was inverted.",
        "The run looks unsubtracted, so it was subtracted. If that is wrong, give 'subtracted' as yes.",
    )
    assert said_of(film_run().with_changes(subtracted=None)) == (
        "Taken as subtracted: it looks flat, and no header says so. If that is wrong, give 'subtracted' as no.",
    )


@pytest.mark.parametrize("subtracted", [True, False])
def test_single_pictures_and_masks_are_no_film(subtracted):
    still = film(count=1, subtracted=False, columns=120)[0][0]
    exposed = np.stack([still // divisor for divisor in (1, 2, 1, 2)])
    turned = np.stack([np.rot90(still, turns) for turns in range(4)])
    drawn = np.where(turned > np.median(still), 255, 0).astype(np.uint8)
    unlike = "The pictures hardly resemble each other: are they the frames of one run?"
    masks = "The pictures hold two values only: are they masks?"

    def said(frames: np.ndarray, kind: str = "images") -> set[str]:
        times = np.arange(float(len(frames)))
        run = DSARun(frames, "x", times_s=times, polarity="dark_contrast", subtracted=subtracted, kind=kind)
        return {unlike, masks} & set(said_of(run))

    assert said(exposed) == {unlike}
    # Frames before contrast of a subtracted film are noise, which does not resemble itself either.
    assert said(turned) == (set() if subtracted else {unlike})
    assert said(drawn) == {masks}
    assert said(film(subtracted=subtracted)[0]) == set()
    assert said(drawn, kind="dicom") == said(exposed, kind="video") == set()  # a file of many frames is one film


def test_two_unsubtracted_frames_are_subtracted():
    run = film_run(subtracted=False)
    two = replace(run, frames=np.asarray(run.frames)[[0, 12]], times_s=np.array([0.0, 6.0]))
    assert prepare(two, SMALL).subtraction.performed


def test_a_frame_that_the_run_does_not_have_is_refused_with_the_runs_name():
    run = film_run(count=5).with_changes(source="five.avi")
    for name, choices in (("key", {"key_frame": 5}), ("mask", {"mask_frame": -1})):
        with pytest.raises(PreparationError) as caught:
            prepare(run, SMALL, **choices)
        wrong = {"key": 6, "mask": 0}[name]
        assert str(caught.value) == f"five.avi: {name} frame {wrong} of a run of 5 frames. Choose 1 to 5."
    with pytest.raises(PreparationError) as caught:
        network_inputs(prepare(film_run(count=5), SMALL), 5)
    assert str(caught.value) == "frame 6 of a run of 5 frames. Choose 1 to 5."


def test_what_was_assumed_goes_to_the_log_under_the_cases_name(caplog):
    with caplog.at_level(logging.INFO, "DSANetLib"):
        prepare(film_run().with_changes(times_s=None, case_id="case-7"), SMALL)
    assert [record.getMessage() for record in caplog.records] == [
        "case-7: The frame times are unknown; 2 frames per second were assumed. Give the frame rate."
    ]

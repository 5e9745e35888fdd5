"""How one run is filmed: frame times, view, injection, detector, export, and the artefacts drawn with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .config import PhantomConfig
from .contrast import Injection
from .detector import Collimator, Detector, Export
from .geometry import View
from .motion import Motion, draw_motion

# Phases of (frames per second, seconds); the last one goes on to the end of the run.
PROTOCOLS: tuple[tuple[tuple[float, float], ...], ...] = (
    ((1.0, 99.0),),
    ((1.5, 99.0),),
    ((2.0, 99.0),),
    ((3.0, 99.0),),
    ((4.0, 99.0),),
    ((3.0, 4.0), (1.0, 99.0)),
    ((4.0, 3.0), (2.0, 99.0)),
    ((6.0, 2.0), (2.0, 99.0)),
    ((7.5, 2.0), (3.0, 3.0), (1.0, 99.0)),
    ((7.5, 99.0),),
)
PROTOCOL_SHARES = (0.07, 0.05, 0.22, 0.20, 0.12, 0.10, 0.11, 0.06, 0.04, 0.03)


@dataclass(frozen=True)
class Protocol:
    """Everything about one run that is not the patient."""

    times: tuple[float, ...]
    frame_rate: float
    view: View
    injection: Injection
    motion: Motion
    detector: Detector
    export: Export
    collimator: Collimator
    reflux: float
    peristalsis: float
    text: tuple[str, ...]
    text_corner: int
    artefacts: tuple[str, ...]


def _times(rng: np.random.Generator, config: PhantomConfig) -> tuple[tuple[float, ...], float, list[str]]:
    phases: tuple[tuple[float, float], ...]
    if config.frame_rates:
        phases = ((float(rng.choice(config.frame_rates)), 99.0),)
    else:
        phases = PROTOCOLS[int(rng.choice(len(PROTOCOLS), p=config.scanner.protocol_shares or PROTOCOL_SHARES))]
    artefacts = []
    count = int(rng.integers(20, 31))
    if phases[0][0] <= 1.5:
        count = int(rng.integers(14, 22))
    if not config.clean and rng.random() < 0.05:
        count = int(rng.integers(8, 13))
        artefacts.append("short run")
    times, t, end = [], 0.0, phases[0][1]
    phase = 0
    for _ in range(count):
        times.append(round(t, 4))
        t += 1 / phases[phase][0]
        if t >= end and phase + 1 < len(phases):
            phase += 1
            end += phases[phase][1]
    if len(phases) > 1:
        artefacts.append("varying frame rate")
    return tuple(times), phases[0][0], artefacts


def _view(rng: np.random.Generator, config: PhantomConfig) -> tuple[View, list[str]]:
    magnified = not config.clean and rng.random() < 0.13
    width = (rng.uniform(21, 27) if magnified else rng.uniform(31, 40)) * config.scanner.field
    x = rng.normal(-4.0 if magnified else -2.5, 1.2)
    view = View(config.rows, config.columns, width / config.columns, x, rng.normal(0.5, 1.0))
    return view, ["magnified"] if magnified else []


def _injection(rng: np.random.Generator, config: PhantomConfig, step_s: float) -> tuple[Injection, list[str]]:
    start, artefacts = rng.uniform(0.7, 2.2) + 0.5 * step_s, []
    chance = rng.random()
    if not config.clean and chance < 0.06:
        start = rng.uniform(3.0, 5.0)
        artefacts = ["late contrast"]
    elif not config.clean and chance < 0.09:
        start = rng.uniform(-0.4, 0.1)
        artefacts = ["early contrast"]
    injection = Injection(
        float(start),
        float(rng.uniform(2.2, 4.5)),
        float(np.exp(rng.normal(np.log(210), 0.25))),
        float(rng.uniform(3.5, 6.5)),
        float(rng.uniform(0.2, 0.4)),
    )
    return injection, artefacts


def _export(rng: np.random.Generator, config: PhantomConfig) -> tuple[Export, list[str]]:
    artefacts = []
    subtracted = bool(rng.random() < config.subtracted_share)
    bits = 8 if rng.random() < 0.8 else int(rng.choice([10, 12]))
    inverted = jpeg = None
    if not config.clean:
        inverted = rng.random() < 0.10
        jpeg = int(rng.integers(45, 93)) if bits == 8 and rng.random() < 0.45 else None
    if not subtracted:
        artefacts.append("not subtracted")
    if inverted:
        artefacts.append("inverted")
    if jpeg is not None:
        artefacts.append("lossy codec")
    scanner = config.scanner
    gain = float(np.exp(rng.normal(np.log(260), 0.3))) * scanner.contrast
    offset = float(rng.uniform(125, 205)) + scanner.brightness
    gamma = float(rng.uniform(0.40, 0.78)) * scanner.gamma
    return Export(subtracted, bits, gain, offset, bool(inverted), jpeg, gamma), artefacts


def _collimator(rng: np.random.Generator, config: PhantomConfig) -> tuple[Collimator, list[str]]:
    if config.clean or rng.random() > 0.35:
        return Collimator("none", 1, 0, 1), []
    shape = str(rng.choice(["round", "rectangle", "octagon"]))
    angle = float(rng.normal(0, 0.12)) if shape != "round" else 0.0
    collimator = Collimator(shape, float(rng.uniform(0.86, 1.02)), angle, float(rng.uniform(0.95, 1.15)))
    return collimator, ["collimator"]


def draw_protocol(rng: np.random.Generator, config: PhantomConfig) -> Protocol:
    """Draw how a run is filmed. Same generator state and settings, same protocol."""
    times, rate, artefacts = _times(rng, config)
    view, more = _view(rng, config)
    artefacts += more
    injection, more = _injection(rng, config, times[1])
    artefacts += more
    motion, moved = draw_motion(rng, times[-1], config.clean)
    motion = motion.times(config.scanner.motion)
    artefacts += moved
    export, more = _export(rng, config)
    artefacts += more
    collimator, more = _collimator(rng, config)
    artefacts += more
    reflux = 0.0 if config.clean or rng.random() < 0.55 else float(rng.uniform(0.05, 0.30))
    peristalsis = 0.0 if config.clean else float(np.clip(rng.normal(0.25, 0.35), 0, 1.2))
    if reflux:
        artefacts.append("reflux")
    if peristalsis > 0.6:
        artefacts.append("bowel movement")
    text: tuple[str, ...] = ()
    if not config.clean and rng.random() < 0.3:
        text = (f"{rate:g} F/s", "DSA" if export.subtracted else "XA", "HEPATIC A.")[: int(rng.integers(1, 4))]
        artefacts.append("burnt-in text")
    pixels = config.rows * config.columns / 512**2
    scanner = config.scanner
    detector = Detector(
        float(np.exp(rng.uniform(np.log(6000), np.log(30000)))) / pixels * scanner.dose,
        float(rng.uniform(0.3, 0.8)) * scanner.scatter,
        float(rng.uniform(0.02, 0.08)) * scanner.scatter,
        float(rng.uniform(0.55, 1.0)) * scanner.blur,
        0.0 if config.clean else float(rng.uniform(4, 14)) * scanner.noise,
    )
    corner = int(rng.integers(0, 4))
    return Protocol(
        times, rate, view, injection, motion, detector, export, collimator, reflux, peristalsis, text, corner,
        tuple(artefacts),
    )  # fmt: skip

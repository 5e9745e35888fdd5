"""A seed → a patient with one to three runs, the truth of each, clinical values and outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..run import DSARun, PixelSpacing
from .anatomy import Anatomy, catheter
from .bowel import Gas
from .circulation import Circulation, Opacification, opacify
from .config import PhantomConfig
from .contrast import IODINE_CM2_PER_MG
from .detector import burn_text
from .drawing import DrawnPatient, draw_patient
from .lesions import Lesion
from .motion import Displacement
from .patient import Outcome, Value
from .protocol import Protocol, draw_protocol
from .skeleton import bone_layers, moved_bones
from .station import Station, station_of
from .trunk import soft_tissue


@dataclass(frozen=True, eq=False)
class RunTruth:
    """What is known of a phantom run.

    Attributes
    ----------
    arrival, key_frame
        Frame indices: first frame with 3 % of the most iodine in the liver; frame with the most
        iodine in the tumours (in the liver where there is none), the paper's "full staining".
    arrival_s, peak_s
        The same moments on the run's clock, not bound to frames.
    tumour_free
        No tumour reaches into the exposed field.
    artefacts
        Names of what makes the run hard.
    lesions
        Per tumour: diameter_cm, kind, perfusion, core.
    spacing_mm
        Pixel spacing at the isocentre.
    frame_rate
        Frames per second at the start of the run.
    """

    arrival: int
    arrival_s: float
    key_frame: int
    peak_s: float
    tumour_free: bool
    artefacts: tuple[str, ...]
    lesions: tuple[dict[str, float | str], ...]
    spacing_mm: float
    frame_rate: float
    protocol: Protocol
    _liver: np.ndarray
    _lesions: np.ndarray
    _displacement: Displacement
    _inside: np.ndarray
    _station: Station = Station()

    def masks(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the liver and the lesions as they lie in a frame.

        Returns
        -------
        liver
            (rows, columns) of the frame, uint8, 0 or 1.
        lesions
            The same size, uint8, 0 outside, 1… the tumour's number; both cut by the collimator.
        """
        import cv2

        columns, rows = self._displacement.maps(self.protocol.times[frame])
        liver = cv2.remap(self._liver, columns, rows, cv2.INTER_NEAREST)
        lesions = cv2.remap(self._lesions, columns, rows, cv2.INTER_NEAREST)
        return self._station.turn(liver * self._inside), self._station.turn(lesions * self._inside)


@dataclass(frozen=True, eq=False)
class PhantomRun:
    """A run and its truth."""

    run: DSARun
    truth: RunTruth


@dataclass(frozen=True, eq=False)
class PhantomPatient:
    """A synthetic patient.

    Attributes
    ----------
    patient_id
        ``phantom-<seed>``.
    clinical
        The twelve variables (see ``draw_clinical`` for units); None where missing.
    outcome
        Response, its true probability, both scores and survival.
    factors
        The film's factors of the response model.
    runs
        One to three runs.
    """

    patient_id: str
    clinical: dict[str, Value]
    outcome: Outcome
    factors: dict[str, float]
    runs: tuple[PhantomRun, ...]

    @property
    def responder(self) -> bool:
        """Whether the patient responds to the first session."""
        return self.outcome.responder


def simulate_patient(seed: int, config: PhantomConfig = PhantomConfig()) -> PhantomPatient:
    """Make a patient.

    Parameters
    ----------
    seed
        Same seed and settings, same patient; see ``config.py`` for the seeds of the cohorts.
    config
        Settings.

    Returns
    -------
    PhantomPatient
        Frames are uint8 (8 bits) or uint16 (10 or 12 bits), all in memory.
    """
    drawn = draw_patient(seed, config)
    runs = tuple(
        simulate_run(np.random.default_rng([seed, 1 + i]), drawn, config, name) for i, name in enumerate(drawn.cases)
    )
    return PhantomPatient(drawn.patient_id, drawn.clinical, drawn.outcome, drawn.factors, runs)


def simulate_run(rng: np.random.Generator, drawn: DrawnPatient, config: PhantomConfig, case_id: str) -> PhantomRun:
    """Film one run of a patient."""
    anatomy, circulation, tumours = drawn.anatomy, drawn.circulation, drawn.tumours
    protocol = draw_protocol(rng, config)
    times = np.array(protocol.times)
    opacification = opacify(circulation, anatomy, protocol.view, protocol.injection, protocol.reflux, times)
    displacement = Displacement(protocol.view, protocol.motion, anatomy.dome_y_cm, float(times[-1]))
    inside = protocol.collimator.inside(config.rows, config.columns)
    station = station_of(config.scanner)
    frames = _film(rng, drawn, protocol, opacification, displacement, inside, station)
    liver, lesions = draw_labels(anatomy, tumours, protocol)
    truth = _truth(circulation, tumours, protocol, opacification, displacement, inside, liver, lesions, station)
    spacing = protocol.view.spacing_cm * 10
    export = protocol.export
    run = DSARun(
        frames,
        case_id,
        times_s=times,
        spacing=PixelSpacing(spacing, spacing, "calibrated"),
        polarity="bright_contrast" if export.inverted else "dark_contrast",
        subtracted=export.subtracted,
        bit_depth=export.bits,
        intensity="log" if export.subtracted else "display",
        source=case_id,
        kind="phantom",
    )
    return PhantomRun(run, truth)


def _film(
    rng: np.random.Generator,
    drawn: DrawnPatient,
    protocol: Protocol,
    opacification: Opacification,
    displacement: Displacement,
    inside: np.ndarray,
    station: Station,
) -> np.ndarray:
    import cv2

    anatomy, export, detector, view = drawn.anatomy, protocol.export, protocol.detector, protocol.view
    soft = soft_tissue(anatomy, drawn.trunk, view)
    recoil = 0.0 if protocol.detector.electronic == 0 else float(rng.uniform(0, 0.15))
    layers, gas = bone_layers(drawn.skeleton, view), Gas(drawn.bowel, view)
    # Automatic exposure looks at the middle of the field.
    middle = (soft + sum(layers))[view.rows // 4 : -view.rows // 4 : 4, view.columns // 4 : -view.columns // 4 : 4]
    reference = float(np.median(middle))
    tip = drawn.circulation.tree.start[0]
    wires = [catheter(anatomy, view, tip, push) for push in (0.0, recoil)]
    lead = [i for i, t in enumerate(protocol.times) if t < protocol.injection.start_s][:3] or [0]
    dtype = np.uint8 if export.bits <= 8 else np.uint16
    frames = np.empty((len(protocol.times), *station.turn(inside).shape), dtype)
    exposures: list[np.ndarray] = []
    log_mask: np.ndarray | None = None
    for i, t in enumerate(protocol.times):
        since = (t - protocol.injection.start_s) / protocol.injection.duration_s
        attenuation = soft + wires[0 <= since <= 1] + np.float32(IODINE_CM2_PER_MG) * opacification.iodine(i)
        # The bowel breathes with what it lies under.
        missing = gas.at(t, protocol.peristalsis)
        attenuation += cv2.resize(missing, (view.columns, view.rows), interpolation=cv2.INTER_LINEAR)
        columns, rows = displacement.maps(t)
        attenuation = cv2.remap(attenuation, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        down = protocol.motion.breath(t, float(protocol.times[-1]))
        attenuation += moved_bones(drawn.skeleton, layers, view, down, protocol.motion.jump(t))
        exposure = detector.expose(detector.expected(attenuation, reference), rng)
        if export.subtracted:
            exposures.append(exposure)
            if i < len(lead):
                continue
            if log_mask is None:
                log_mask = cv2.log(sum(exposures[: len(lead)]) / np.float32(len(lead)))
                for k in range(len(lead)):
                    frames[k] = _stored(export.subtract(exposures[k], log_mask), protocol, inside, station)
            frames[i] = _stored(export.subtract(exposure, log_mask), protocol, inside, station)
            exposures.clear()
        else:
            frames[i] = _stored(export.display(exposure, detector.quanta), protocol, inside, station)
    return frames


def _stored(grey: np.ndarray, protocol: Protocol, inside: np.ndarray, station: Station) -> np.ndarray:
    pixels = protocol.export.store(station.enhance(grey))
    pixels[~inside] = 0
    pixels = station.turn(pixels)
    if protocol.text:
        burn_text(pixels, protocol.text, protocol.text_corner, protocol.export.white)
    return protocol.export.lose(pixels)


def draw_labels(anatomy: Anatomy, tumours: list[Lesion], protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
    """Return liver (0, 1) and lesions (0, 1…) of the patient at rest, (rows, columns) uint8 each."""
    x, y = protocol.view.grid()
    liver = (anatomy.liver.thickness(x, y) > 0.8).astype(np.uint8)
    lesions = np.zeros(liver.shape, np.uint8)
    for i, lesion in enumerate(tumours, 1):
        lesions[lesion.silhouette(x, y) & (lesions == 0)] = i
    # A tumour that bulges out of the liver belongs to it.
    return liver | (lesions > 0), lesions


def _truth(
    circulation: Circulation,
    tumours: list[Lesion],
    protocol: Protocol,
    opacification: Opacification,
    displacement: Displacement,
    inside: np.ndarray,
    liver: np.ndarray,
    lesions: np.ndarray,
    station: Station,
) -> RunTruth:
    times = np.array(protocol.times)
    living = [i for i, t in enumerate(tumours, 1) if t.kind != "hypovascular"]
    stain = sum((opacification.course(f"tumour {i}") for i in living), np.zeros(len(times)))
    whole = opacification.course("liver") + stain
    if not living or stain.max() <= 0:
        stain = whole
    first, key = int(np.argmax(whole >= 0.03 * whole.max())), int(np.argmax(stain))
    visible = np.unique(lesions[inside & (lesions > 0)])
    return RunTruth(
        arrival=first,
        arrival_s=float(times[first]),
        key_frame=key,
        peak_s=float(times[key]),
        tumour_free=not len(visible),
        artefacts=protocol.artefacts + circulation.artefacts,
        lesions=tuple(
            {"number": float(i), "diameter_cm": t.diameter_cm, "kind": t.kind, "perfusion": t.perfusion, "core": t.core}
            for i, t in enumerate(tumours, 1)
            if i in visible
        ),
        spacing_mm=protocol.view.spacing_cm * 10,
        frame_rate=protocol.frame_rate,
        protocol=protocol,
        _liver=liver,
        _lesions=lesions,
        _displacement=displacement,
        _inside=inside.astype(np.uint8),
        _station=station,
    )

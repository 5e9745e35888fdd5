"""What a study leaves behind: a folder of small text files, from which every table and figure is made.

``study.json`` holds the facts; ``segmentation.jsonl``, ``response.jsonl``, ``trainings.jsonl`` and
``patients.jsonl`` hold a record a line. No image, no name, no date of a patient is in them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ..errors import CohortError
from ..whole import write_whole
from .records import RunRecord

FACTS = "study.json"
FORMAT = 1

_Record = TypeVar("_Record")


@dataclass(frozen=True)
class SegmentationResult:
    """One network, trained with one seed in one fold, on one run at its annotated key frame.

    Parameters
    ----------
    network
        Name of the experiment: ``unet``, ``unetpp``, ``attention-unet``, ``u2net``, ``nnunet``, ``tdl`` (+TDL),
        ``lrs`` (+LRS), ``ffs``, ``tempo`` (ours), ``tdl-5`` and so on for TDL with other numbers of frames.
    seed, fold
        Of the training; fold -1 where it used the one split.
    group
        ``test`` (internal), ``external``, or ``unseen-rate``; ``validation`` is never reported.
    record
        Prediction against truth on source pixels.
    surface_mm, hausdorff95_mm
        Mean surface distance and 95th percentile, mm; None without spacing or without both surfaces.
    failure
        Why it is wrong where Dice < 0.5: ``missed``, ``elsewhere``, ``too much``, ``too little`` or ``failed``.
    """

    network: str
    seed: int
    fold: int
    group: str
    record: RunRecord
    surface_mm: float | None = None
    hausdorff95_mm: float | None = None
    failure: str = ""


@dataclass(frozen=True)
class ResponseResult:
    """One input of model 2, trained with one seed in one fold, on one patient.

    Parameters
    ----------
    input
        ``film`` (key frame alone), ``clinical``, ``film+mask``, ``film+mask+clinical``; and the honest baselines
        ``logistic``, ``boosting`` on the clinical values.
    masks
        ``predicted``, ``true``, or empty where no mask is seen.
    seed, fold, group
        As for :class:`SegmentationResult`.
    patient
        Identifier of the cohort.
    responder
        True outcome, mRECIST CR or PR.
    score
        Probability of RESPONDER, 0-1, calibrated inside the fold.
    threshold
        From which the patient is called a responder, chosen inside the fold.
    calibrated
        False where the fold could not calibrate (one class only, say): such scores of several folds are never pooled.
    """

    input: str
    masks: str
    seed: int
    fold: int
    group: str
    patient: str
    responder: bool
    score: float
    threshold: float = 0.5
    calibrated: bool = True


@dataclass(frozen=True)
class TrainingResult:
    """One training: what it took and what came out.

    Parameters
    ----------
    experiment, seed, fold
        Which.
    parameters
        Trainable numbers of the network.
    gflop
        Operations for one run at inference, 10^9, a multiplication and an addition counted as two; None if unknown.
    samples, seconds
        Images trained on, wall time.
    figures
        What was measured on the inner validation patients: ``dice``, ``auc``, ``threshold``.
    package
        Folder of the package relative to the study; empty where there is none.
    failure
        Why there is no result; empty where there is.
    """

    experiment: str
    seed: int
    fold: int
    parameters: int = 0
    gflop: float | None = None
    samples: int = 0
    seconds: float = 0.0
    figures: Mapping[str, float] = field(default_factory=dict)
    package: str = ""
    failure: str = ""


@dataclass(frozen=True)
class StudyPatient:
    """One patient of the cohort, as table 1 needs it.

    Parameters
    ----------
    patient
        Identifier of the cohort.
    group
        ``train``, ``test`` or ``external``.
    clinical
        Variable → value in the unit of ``clinical.variables``; missing ones are left out.
    responder
        None where unknown.
    response
        mRECIST category CR, PR, SD, PD; empty where only the two classes are known.
    pfs_months, progressed
        Progression-free survival and whether it ended by progression or death; None where unknown.
    lesions_cm
        Longest diameters of the lesions.
    runs
        Number of runs.
    """

    patient: str
    group: str
    clinical: Mapping[str, float | str] = field(default_factory=dict)
    responder: bool | None = None
    response: str = ""
    pfs_months: float | None = None
    progressed: bool | None = None
    lesions_cm: tuple[float, ...] = ()
    runs: int = 1


@dataclass(frozen=True)
class Study:
    """A whole study.

    Parameters
    ----------
    facts
        ``title``, ``synthetic`` (bool: any part is phantom), ``size`` (smoke, desk, paper), ``cohort`` (name,
        digest, counts), ``split`` (seed, folds), ``versions``, ``hardware``, ``started``, ``seconds``, ``commands``,
        ``experiments`` (name → description), ``notes`` (sentences).
    segmentation, response, trainings, patients
        Records.
    """

    facts: Mapping[str, Any]
    segmentation: tuple[SegmentationResult, ...] = ()
    response: tuple[ResponseResult, ...] = ()
    trainings: tuple[TrainingResult, ...] = ()
    patients: tuple[StudyPatient, ...] = ()

    @property
    def synthetic(self) -> bool:
        """Whether any part is phantom; true where nothing is said of it."""
        return bool(self.facts.get("synthetic", True))


_TABLES: dict[str, Any] = {
    "segmentation": SegmentationResult,
    "response": ResponseResult,
    "trainings": TrainingResult,
    "patients": StudyPatient,
}


def write_study(study: Study, folder: str | Path) -> Path:
    """Write a study's files, each whole or not at all, replacing those of an earlier state of the same study.

    Raises
    ------
    OutputError
        Where the folder cannot be written.
    """
    folder = Path(folder)
    for name in _TABLES:
        lines = [json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in getattr(study, name)]
        write_whole(folder / f"{name}.jsonl", "".join(lines))
    facts = {"format": FORMAT, **study.facts}
    write_whole(folder / FACTS, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    return folder


def read_study(folder: str | Path) -> Study:
    """Read what :func:`write_study` wrote.

    Raises
    ------
    CohortError
        Where the folder is no study, or a file of it is damaged; the message names file and line.
    """
    folder = Path(folder)
    facts = _parsed(_text(folder / FACTS), folder / FACTS, 0)
    if facts.pop("format", None) != FORMAT:
        raise CohortError("is a study of another version", "Run 'dsanet reproduce' again with this version", folder)
    tables = {name: tuple(_records(folder / f"{name}.jsonl", kind)) for name, kind in _TABLES.items()}
    return Study(facts, **tables)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CohortError("cannot be read", "Name the folder that 'dsanet reproduce' wrote", path) from error


def _records(path: Path, kind: type[_Record]) -> Iterable[_Record]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        values = _parsed(line, path, number)
        if "record" in values:
            values["record"] = RunRecord.from_dict(values["record"])
        try:
            yield kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
        except TypeError as error:
            raise CohortError(f"line {number} has other fields", "Run 'dsanet reproduce' again", path) from error


def _parsed(text: str, path: Path, line: int) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (TypeError, ValueError) as error:
        place = f"line {line} " if line else ""
        raise CohortError(f"{place}is damaged", "Run 'dsanet reproduce' again", path) from error

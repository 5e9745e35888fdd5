"""What a cohort is: patients with their runs, annotated frames, clinical values and outcome."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..clinical import ClinicalRecord

COHORT, MANIFEST, CLINICAL, OUTCOME = "cohort.json", "manifest.csv", "clinical.csv", "outcome.csv"
RESPONSES = ("CR", "PR", "SD", "PD")
"""mRECIST: complete and partial response (the responders), stable and progressive disease."""


@dataclass(frozen=True)
class AnnotatedFrame:
    """A frame that somebody drew masks on.

    Parameters
    ----------
    frame
        Counted from 0; the tables, names of files and messages count from 1.
    tumour, liver
        Files of the masks; None where there is none. One file may hold both.
    """

    frame: int
    tumour: Path | None
    liver: Path | None


@dataclass(frozen=True)
class CohortRun:
    """One run of a cohort.

    Parameters
    ----------
    case_id
        Name of the case, unique in the cohort; no patient data.
    patient
        Whose it is.
    path
        File or folder that ``readers.read_run`` takes.
    frames
        Annotated frames in order; empty where nobody annotated the run.
    key_frame
        0-based, one of the annotated frames; None where there is none.
    spacing_mm, frame_rate
        Size of a pixel in the patient in mm, frames per second, where the file does not say or is wrong; else None.
    tumour_free
        The liver holds no tumour, so that an empty mask is the truth.
    artefacts
        What disturbs the run, in the cohort's own words: motion, gas, catheter; ``none`` alone where nothing does.
        Empty where nobody said.
    lesions_cm
        Longest diameters of the lesions, as measured by whoever made the cohort.
    site
        Hospital or scanner; empty where not said.
    """

    case_id: str
    patient: str
    path: Path
    frames: tuple[AnnotatedFrame, ...] = ()
    key_frame: int | None = None
    spacing_mm: float | None = None
    frame_rate: float | None = None
    tumour_free: bool = False
    artefacts: tuple[str, ...] = ()
    lesions_cm: tuple[float, ...] = ()
    site: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a patient.

    Parameters
    ----------
    responder
        mRECIST CR or PR; None where unknown.
    response
        CR, PR, SD or PD; empty where only the class is known, or nothing.
    pfs_months, progressed
        Progression-free survival, and whether it ended by progression or death (else the patient was last seen
        without either); None where unknown.
    probability
        True probability of response, 0-1: of the phantom alone.
    """

    responder: bool | None = None
    response: str = ""
    pfs_months: float | None = None
    progressed: bool | None = None
    probability: float | None = None


@dataclass(frozen=True)
class CohortPatient:
    """One patient of a cohort.

    Parameters
    ----------
    patient
        Identifier of the cohort; no name.
    external
        Of the external test set: never split, never trained on.
    runs
        In the order of the manifest.
    clinical, outcome
        None where the tables have no row of the patient.
    """

    patient: str
    external: bool
    runs: tuple[CohortRun, ...]
    clinical: ClinicalRecord | None = None
    outcome: Outcome | None = None

    @property
    def responder(self) -> bool | None:
        """Whether the patient responded; None where unknown."""
        return self.outcome.responder if self.outcome else None

    @property
    def lesions_cm(self) -> tuple[float, ...]:
        """Longest diameters of the lesions of the run with the most of them: runs show the same liver."""
        return max((run.lesions_cm for run in self.runs), key=lambda sizes: (len(sizes), max(sizes, default=0.0)))


@dataclass(frozen=True)
class Cohort:
    """A cohort folder, read.

    Parameters
    ----------
    folder
        Where it lies.
    name
        For reports.
    synthetic
        Whether any of it is phantom.
    patients
        In the order of the manifest.
    description
        A sentence of whoever made it.
    """

    folder: Path
    name: str
    synthetic: bool
    patients: tuple[CohortPatient, ...]
    description: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over the text files (without the split) and the sizes of runs and masks.

        It changes where a table, or a file to another size, changes; not by copying the folder.
        """
        digest = hashlib.sha256()
        for name in (COHORT, MANIFEST, CLINICAL, OUTCOME):
            path = self.folder / name
            # A table saved on Windows is the same table.
            digest.update(name.encode() + (path.read_bytes().replace(b"\r\n", b"\n") if path.is_file() else b""))
        for patient in self.patients:
            for run in patient.runs:
                masks = [mask for frame in run.frames for mask in (frame.tumour, frame.liver) if mask]
                digest.update(f"{run.case_id} {[_size(path) for path in (run.path, *masks)]}".encode())
        return digest.hexdigest()


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())

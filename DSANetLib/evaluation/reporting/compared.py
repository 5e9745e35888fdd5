"""What ``dsanet compare`` can set side by side: a study's folder, or the records of ``dsanet evaluate``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import CohortError
from ...models.package import CARD
from ..plan import UNSEEN_OFFSET
from ..records import PatientRecord, RunRecord
from ..study import FACTS, ResponseResult, SegmentationResult, Study, read_study

RECORDS = "records.jsonl"
_NAMED = 3
"""Patients that a refusal names."""


def read_compared(path: str | Path) -> Study:
    """Read one of the two sides.

    Parameters
    ----------
    path
        A study's folder, the folder of ``dsanet evaluate``, or a file in one of them.

    Raises
    ------
    CohortError
        Where it is neither, or its records are of several evaluations.
    """
    folder = Path(path)
    folder = folder.parent if folder.is_file() else folder
    if (folder / FACTS).is_file():
        return read_study(folder)
    if (folder / RECORDS).is_file():
        return _evaluation(folder / RECORDS)
    if (folder / CARD).is_file():
        remedy = (
            "Measure it with 'dsanet evaluate --cohort DIR --models PACKAGE --out DIR', and compare what that wrote"
        )
        raise CohortError("is a model package, which holds no results to compare", remedy, path)
    remedy = f"Name a folder with {FACTS} (of 'dsanet reproduce') or with {RECORDS} (of 'dsanet evaluate')"
    raise CohortError("holds neither a study nor an evaluation", remedy, path)


def _evaluation(path: Path) -> Study:
    """Return the records of an evaluation as a study of one seed, without a table of patients."""
    runs: dict[tuple[int, str], list[Any]] = {}
    people: dict[int, Mapping[str, Any]] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CohortError("cannot be read", "Name the folder of 'dsanet evaluate'", path) from error
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            seed, result = int(entry["seed"]), entry["result"]
            own, person = dict(result["runs"]), dict(result["patient"])
        except (KeyError, TypeError, ValueError):
            continue  # A line cut short by a kill was made anew further down, as the evaluation itself reads it.
        for model, rows in own.items():
            if runs.setdefault((seed, model), rows) != rows:
                raise CohortError("holds several evaluations", "Evaluate again with a fresh --out", path)
        if person["probabilities"] and people.setdefault(seed, person)["probabilities"] != person["probabilities"]:
            raise CohortError("holds several evaluations", "Evaluate again with a fresh --out", path)
    if not runs:
        raise CohortError("holds no result", "Run 'dsanet evaluate' to its end", path)
    first = min(seed for seed, _ in runs)
    segmentation = tuple(
        SegmentationResult(model, 0, -1, _group(seed - first), RunRecord.from_dict(row))
        for (seed, model), rows in sorted(runs.items())
        for row in rows
    )
    response = tuple(
        result
        for seed, person in sorted(people.items())
        for result in _responses(_group(seed - first), PatientRecord.from_dict(person))
    )
    return Study({"title": str(path.parent.name), "synthetic": True}, segmentation, response)


def _group(offset: int) -> str:
    return "unseen-rate" if offset >= UNSEEN_OFFSET else "test"


def _responses(group: str, person: PatientRecord) -> Iterable[ResponseResult]:
    for name, probability in person.probabilities.items():
        threshold = person.thresholds.get(name, 0.5)
        yield ResponseResult(name, "", 0, -1, group, person.patient, person.responder, probability, threshold)


def check_same_cohort(first: Study, second: Study, names: tuple[str, str]) -> None:
    """Refuse two studies that are not of one cohort.

    Raises
    ------
    CohortError
        Saying how they differ: digest, patients, the set a patient is in, or the truth of a run or patient.
    """
    for difference in _differences(first, second, names):
        raise CohortError(
            f"{names[0]} and {names[1]} are of different cohorts: {difference}",
            "Compare studies of one cohort with one split",
        )


def _differences(first: Study, second: Study, names: tuple[str, str]) -> Iterable[str]:
    groups = [{one.patient: one.group for one in study.patients} for study in (first, second)]
    if all(groups):
        for name, own, other in ((names[0], *groups), (names[1], *reversed(groups))):
            alone = sorted(set(own) - set(other))
            if alone:
                yield f"{len(alone)} patients are in {name} alone ({_some(alone)})"
        moved = [patient for patient, group in groups[0].items() if groups[1].get(patient, group) != group]
        if moved:
            yield f"{len(moved)} patients are in another set in {names[1]} ({_some(moved)})"
    truths = [_truths(study) for study in (first, second)]
    changed = [name for (kind, name), truth in truths[0].items() if truths[1].get((kind, name), truth) != truth]
    if changed:
        yield f"{len(changed)} runs or patients have another truth ({_some(changed)})"
    digests = [_digest(study) for study in (first, second)]
    if all(digests) and digests[0] != digests[1]:
        yield f"their digests are {digests[0][:12]} and {digests[1][:12]}"
    if not set(truths[0]) & set(truths[1]):
        yield "they have no run and no patient in common"


def _truths(study: Study) -> dict[tuple[str, str], object]:
    """Return what is true of each run and patient, whatever was predicted and on whichever frame."""
    found: dict[tuple[str, str], object] = {}
    for one in study.segmentation:
        found["run", one.record.run] = (one.group, one.record.true_key_frame, one.record.artefacts)
    for answer in study.response:
        found["patient", answer.patient] = (answer.group, answer.responder)
    return found


def _digest(study: Study) -> str:
    cohort = study.facts.get("cohort")
    return str(cohort.get("digest") or "") if isinstance(cohort, Mapping) else ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")


def renamed(study: Study, network: str, answer: tuple[str, str], label: str) -> Study:
    """Return one network's and one input's results alone, under a name of its own; an empty name gives none."""
    return Study(
        study.facts,
        tuple(replace(one, network=label) for one in study.segmentation if one.network == network),
        tuple(replace(one, input=label, masks="") for one in study.response if (one.input, one.masks) == answer),
    )

"""The shipped models on phantom patients used for nothing else: what ``dsanet evaluate`` prints.

Every patient goes the way of a real one: frames, preparation, exported twins, post-processing, masks on the
source pixels, response from *predicted* masks. Seeds decide the patients (``phantom/config.py`` keeps the
cohorts apart); results are kept by seed, so that an interrupted evaluation goes on where it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DSANetError
from .cache import RecordCache, digest, open_test_set, source_digest
from .metrics import dice, match_lesions, pixel_metrics
from .plan import UNSEEN_OFFSET, EvaluationPlan, Task
from .records import PatientRecord, RunRecord
from .report import Evaluation
from .work import map_seeds

if TYPE_CHECKING:
    from ..phantom import PhantomPatient, PhantomRun
    from ..results import Segmentation

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


@lru_cache(maxsize=8)
def _model(name: str) -> Any:
    from ..models import load_model

    return load_model(name, threads=1)


def evaluate_patient(seed: int, task: Task) -> dict[str, Any]:
    """Evaluate one phantom patient.

    Returns
    -------
    dict
        JSON-able: ``runs`` (model → list of run records) and ``patient`` (a patient record).
    """
    from ..phantom import simulate_patient

    patient = simulate_patient(seed, task.config)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in task.segmenters}
    segmentations: list[Segmentation] = []
    errors: list[str] = []
    for phantom in patient.runs:
        key_frame: int | None = None
        for name in task.segmenters:
            record, segmentation = evaluate_run(patient.patient_id, phantom, _model(name), key_frame)
            runs[name].append(record.to_dict())
            if name == task.segmenters[0]:
                # The others are compared on the frame that the first one chose: masks alone decide.
                key_frame = None if segmentation is None else segmentation.key_frame.index
                segmentations += [] if segmentation is None else [segmentation]
                errors += [record.error] if record.error else []
    answer = respond(patient, segmentations, task.responders)
    return {"runs": runs, "patient": replace(answer, errors=(*errors, *answer.errors)).to_dict()}


def evaluate_run(
    patient: str, phantom: PhantomRun, model: Any, key_frame: int | None = None
) -> tuple[RunRecord, Segmentation | None]:
    """Segment one phantom run and measure it against its truth; a run that fails has Dice 0."""
    from ..pipeline import segment

    truth = phantom.truth
    times = np.asarray(phantom.run.times_s)
    facts: dict[str, Any] = {
        "patient": patient,
        "run": phantom.run.case_id,
        "true_key_frame": int(truth.key_frame),
        "artefacts": tuple(truth.artefacts),
        "frame_rate": float(truth.frame_rate),
        "field_mm": float(truth.spacing_mm * phantom.run.columns),
    }
    try:
        result = segment(phantom.run, model, key_frame=key_frame)
    except DSANetError as error:
        _, lesions = truth.masks(int(truth.key_frame))
        sizes = _sizes(truth.lesions, lesions)
        missed = (False,) * len(sizes)
        largest = max(sizes, default=0.0)
        free = not sizes
        record = RunRecord(
            **facts, tumour_free=free, dice=0.0, lesions_found=missed, lesions_cm=sizes, largest_cm=largest,
            error=str(error),
        )  # fmt: skip
        return record, None
    index = int(result.key_frame.index)
    liver, lesions = truth.masks(index)
    masks = result.masks[index]
    match = match_lesions(masks.tumour, lesions)
    sizes = _sizes(truth.lesions, lesions)
    visible = max(1, int(np.count_nonzero(result.prepared.visible_source)))
    record = RunRecord(
        **facts,
        **asdict(pixel_metrics(masks.tumour, lesions)),
        tumour_free=not lesions.any(),
        liver_dice=None if masks.liver is None else dice(masks.liver, liver),
        lesions_found=match.found,
        lesions_cm=sizes,
        components=match.components,
        false_positives=match.false_positives,
        predicted_share=100.0 * int(np.count_nonzero(masks.tumour)) / visible,
        key_frame=index,
        key_error_s=float(times[index] - times[truth.key_frame]),
        largest_cm=max(sizes, default=0.0),
    )
    return record, result


def _sizes(lesions: Sequence[Mapping[str, Any]], labels: np.ndarray) -> tuple[float, ...]:
    """Return the true diameters in cm of the lesions that have pixels, in the order of their labels."""
    diameters = {int(lesion["number"]): float(lesion["diameter_cm"]) for lesion in lesions}
    return tuple(diameters.get(int(label), 0.0) for label in np.unique(labels) if label)


def respond(
    patient: PhantomPatient, segmentations: Sequence[Segmentation], responders: Sequence[tuple[str, str]]
) -> PatientRecord:
    """Predict the response of one patient from predicted masks, by each input."""
    from ..pipeline import predict

    probabilities: dict[str, float] = {}
    thresholds: dict[str, float] = {}
    errors: list[str] = []
    for name, package in responders:
        if not segmentations:
            break
        try:
            response = predict(segmentations, _model(package), clinical_record(patient))
        except DSANetError as error:
            errors.append(f"{package}: {error}")
            continue
        probabilities[name], thresholds[name] = float(response.probability), float(response.threshold)
    return PatientRecord(
        patient=patient.patient_id,
        responder=bool(patient.responder),
        probabilities=probabilities,
        thresholds=thresholds,
        bayes=float(patient.outcome.probability),
        errors=tuple(errors),
    )


def clinical_record(patient: PhantomPatient) -> Any:
    """Return a phantom patient's twelve values as the models take them."""
    from ..clinical import ClinicalRecord

    return ClinicalRecord(patient.patient_id, dict(patient.clinical))


def package_checksums(packages: Sequence[str]) -> dict[str, str]:
    """Package → checksum of its weights, twin and settings; figures in its card do not count."""
    return {name: _checksum(_model(name).card) for name in packages}


def _checksum(card: Any) -> str:
    return digest(card.checksums)


def evaluate_on_phantom(
    out: Path, plan: EvaluationPlan | None = None, *, workers: int = 2, progress: Progress | None = None
) -> Evaluation:
    """Run the plan, or go on with it, write ``evaluation.md`` and ``.json``, and return the evaluation.

    Parameters
    ----------
    out
        Folder for the report, ``records.jsonl`` and ``test-set-openings.jsonl``.
    plan
        Who is evaluated with what; all of the defaults where not given.
    workers
        Processes; 1 works in this one.
    progress
        Called with (part, done, of).

    Raises
    ------
    DSANetError
        Where a package is missing or damaged, or the folder cannot be written.
    """
    plan = plan or EvaluationPlan()
    checksums = package_checksums(plan.packages)
    facts = [plan.sentence()[0].upper() + plan.sentence()[1:]]
    if plan.cohort == "test":
        openings = open_test_set(out / "test-set-openings.jsonl", plan.sentence(), checksums)
        facts += [opening.sentence() for opening in openings]
    else:
        facts += [f"{name} {checksum[:12]}" for name, checksum in sorted(checksums.items())]
    whole = Task(plan.segmenters[:1], tuple(plan.responders.items()), plan.config)
    both = replace(whole, segmenters=plan.segmenters)
    start, split = plan.first_seed, min(plan.baseline_patients, plan.patients)
    unseen = Task(plan.segmenters, (), replace(plan.config, frame_rates=plan.unseen_rates))
    work = _Work(out / "records.jsonl", checksums, workers, progress)
    results = work.run("patients", range(start, start + split), both)
    results += work.run("more patients", range(start + split, start + plan.patients), whole)
    first_unseen = start + UNSEEN_OFFSET
    others = work.run("unseen frame rate", range(first_unseen, first_unseen + plan.unseen_patients), unseen)
    evaluation = Evaluation(
        facts=tuple(facts),
        models=_by_model(results, plan.segmenters),
        patients=tuple(PatientRecord.from_dict(result["patient"]) for result in results),
        unseen=_by_model(others, plan.segmenters) if others else {},
        seed=plan.seed,
    )
    evaluation.write(out)
    return evaluation


@dataclass(frozen=True)
class _Work:
    cache: Path
    checksums: Mapping[str, str]
    workers: int
    progress: Progress | None

    def run(self, part: str, seeds: range, task: Task) -> list[dict[str, Any]]:
        """Return the result of each seed, in order; those kept from before are not made again."""
        used = {name: self.checksums[name] for name in {*task.segmenters, *dict(task.responders).values()}}
        key = digest([asdict(task), used, source_digest()])
        kept = RecordCache(self.cache, key)
        missing = [seed for seed in seeds if seed not in kept]
        done = len(seeds) - len(missing)
        log.info("%s: %d of %d kept from before", part, done, len(seeds))
        for seed, result in map_seeds(evaluate_patient, missing, task, workers=self.workers):
            kept.add(seed, result)
            done += 1
            if self.progress:
                self.progress(part, done, len(seeds))
        return [kept[seed] for seed in seeds]


def _by_model(results: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, tuple[RunRecord, ...]]:
    models: dict[str, tuple[RunRecord, ...]] = {}
    for name in names:
        rows = [row for result in results for row in result["runs"].get(name, ())]
        if rows:
            models[name] = tuple(RunRecord.from_dict(row) for row in rows)
    return models

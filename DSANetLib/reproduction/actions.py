"""What each kind of step does: a function a kind, which leaves its results in the step's folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..cohort import Cohort, Split, check_cohort
from ..errors import CohortError
from ..evaluation.study import ResponseResult
from ..models import SegmentationModel, load_model
from ..training import train
from ..training.cases import TrainingPatient
from ..training.from_cohort import cohort_patients
from ..training.sources import CohortConfig
from ..whole import write_whole
from .measure import Masks, Trial, masks_by, measure_patients
from .plan import (
    Further,
    Plan,
    find,
    find_input,
    gflop_of,
    preparation_of,
    responder_config,
    segmenter_config,
    source_of,
)
from .steps import Desk, Step

PACKAGE = "package"
RECORDS = "records.jsonl"


@dataclass(frozen=True)
class Context:
    """What every step may look at.

    Parameters
    ----------
    plan, cohort, split
        Of the study.
    desk
        Folders of the steps.
    cache
        Folder of the prepared patients.
    say
        Takes a line of progress.
    further
        The cohorts of ``plan.further``.
    """

    plan: Plan
    cohort: Cohort
    split: Split
    desk: Desk
    cache: Path
    say: Callable[[str], None]
    further: Mapping[str, Further] = field(default_factory=dict)

    @property
    def held_out(self) -> dict[str, str]:
        """Patient → ``test`` or ``external``."""
        return dict.fromkeys(self.split.test, "test") | dict.fromkeys(self.split.external, "external")

    def on(self, name: str) -> Context:
        """Return the context with a further cohort in the place of the study's."""
        cohort = self.further[name].cohort
        return replace(self, plan=replace(self.plan, cohort=str(cohort.folder)), cohort=cohort)

    def of_patient(self, patient: str) -> Context:
        """Return the context whose cohort holds a patient."""
        held = (name for name, one in self.further.items() if any(p.patient == patient for p in one.cohort.patients))
        name = next(held, None)
        return self if name is None else self.on(name)

    def prepared(self, ids: Iterable[str], frames: int, workers: int = 1) -> list[TrainingPatient]:
        """Return patients of the cohort, prepared for networks that see so many frames."""
        config = CohortConfig(str(self.cache), preparation=preparation_of(self.plan, frames), workers=workers)
        return cohort_patients(self.plan.cohort, tuple(ids), config, self.say)


def check(context: Context, _step: Step, _folder: Path) -> dict[str, Any]:
    """Refuse a cohort that would spoil the study, pixels and all: the same run under two patients, for one."""
    findings = check_cohort(context.plan.cohort)
    severe = [finding for finding in findings if finding.severe]
    if severe:
        raise CohortError(
            f"{len(severe)} things would spoil the study; the first: {severe[0]}",
            f"See all with 'dsanet cohort check {context.plan.cohort}'",
        )
    return {"notes": [str(finding) for finding in findings]}


def prepare_all(context: Context, _step: Step, _folder: Path) -> dict[str, Any]:
    """Prepare all patients once, so that no two trainings do it side by side."""
    return _prepare(context, [patient.patient for patient in context.cohort.patients])


def prepare_further(context: Context, step: Step, _folder: Path) -> dict[str, Any]:
    """Prepare the patients of a further cohort once."""
    name = step.inputs["further"]
    return _prepare(context.on(name), list(context.further[name].groups(name)))


def _prepare(context: Context, ids: Sequence[str]) -> dict[str, Any]:
    patients = context.prepared(ids, 10, workers=2)
    refused = [sentence for patient in patients for sentence in patient.refused]
    return {"patients": len(patients), "runs": sum(len(p.runs) for p in patients), "refused": refused}


def train_segmenter(context: Context, step: Step, folder: Path) -> dict[str, Any]:
    """Train one segmenter of ours."""
    one = find(step.inputs["experiment"])
    source = source_of(context.plan, context.split, step.inputs["fold"])
    config = segmenter_config(context.plan, one, step.inputs["seed"], source, context.cache)
    package = folder / PACKAGE
    if not package.exists():
        train(config, package, progress=context.say)
    count, gflop = gflop_of(context.plan, one)
    return training_facts(package) | {"parameters": count, "gflop": round(gflop, 4)}


def training_facts(package: Path) -> dict[str, Any]:
    """Return what a package's card says of its training."""
    card = json.loads((package / "card.json").read_text(encoding="utf-8"))
    figures = {name: metric["value"] for name, metric in card["metrics"].items()}
    for name in ("tumour_threshold", "threshold"):
        if card.get(name) is not None:
            figures[name] = card[name]
    training = card["training"]
    return {"samples": training["samples"], "seconds": training["seconds"], "figures": figures}


def segment_held_out(context: Context, step: Step, folder: Path) -> dict[str, Any]:
    """Segment the held-out patients at their annotated key frames, and measure."""
    fold = step.inputs["fold"]
    groups = context.held_out if fold < 0 else dict.fromkeys(context.split.fold(fold)[1], f"fold-{fold}")
    return _segment(context, step, folder, groups)


def segment_further(context: Context, step: Step, folder: Path) -> dict[str, Any]:
    """Segment the patients of a further cohort at their annotated key frames, and measure."""
    name = step.inputs["further"]
    return _segment(context.on(name), step, folder, context.further[name].groups(name))


def _segment(context: Context, step: Step, folder: Path, groups: Mapping[str, str]) -> dict[str, Any]:
    """Segment the patients in `groups` (patient → group) with the network of the first step needed."""
    one = find(step.inputs["experiment"])
    trained = context.desk.folder(step.needs[0])
    masks: Masks
    if one.kind == "nnunet":
        from .nnunet import predicted_masks

        masks = predicted_masks(trained, context)
    else:
        model = load_model(trained / PACKAGE, threads=1)
        assert isinstance(model, SegmentationModel)
        masks = masks_by(model)
    trial = Trial(one.name, step.inputs["seed"], step.inputs["fold"], "")
    cases = [patient for patient in context.cohort.patients if patient.patient in groups]
    patients = context.prepared([patient.patient for patient in cases], one.frames)
    results = list(measure_patients(trial, groups, cases, patients, masks))
    write_records(folder / RECORDS, results)
    with_tumour = [r for r in results if not r.record.tumour_free]
    dice = {
        f"dice_{group}": float(np.mean([r.record.dice for r in with_tumour if r.group == group]))
        for group in sorted({r.group for r in with_tumour})
    }
    return {"runs": len(results)} | dice


def respond(context: Context, step: Step, folder: Path) -> dict[str, Any]:
    """Train one response model, or fit one baseline, and predict the held-out patients."""
    one = find_input(step.inputs["input"])
    source = source_of(context.plan, context.split, -1)
    if one.model in ("logistic", "boosting"):
        scores, facts = _baseline(context, one.model, step.inputs["seed"])
    else:
        from .response import train_and_predict

        segmenter = str(context.desk.folder(step.needs[-1]) / PACKAGE) if one.masks == "predicted" else None
        config = responder_config(context.plan, one, step.inputs["seed"], source, context.cache, segmenter)
        scores, facts = train_and_predict(config, folder / PACKAGE, context.held_out, context.say)
    outcome = {p.patient: p.responder for p in context.cohort.patients}
    masks = one.masks if one.masks in ("predicted", "true") else ""
    results = [
        ResponseResult(one.name, masks, step.inputs["seed"], -1, context.held_out[who], who, bool(outcome[who]), score)
        for who, score in scores.items()
    ]
    write_records(folder / RECORDS, results)
    return facts


def _baseline(context: Context, kind: Any, seed: int) -> tuple[dict[str, float], dict[str, Any]]:
    from .baselines import predict_baseline

    known = {
        p.patient: (p.clinical, p.responder)
        for p in context.cohort.patients
        if p.clinical is not None and p.responder is not None
    }
    train_ids = [who for who in context.split.train if who in known]
    test_ids = [who for who in context.held_out if who in known]
    scores = predict_baseline(
        kind,
        [known[who][0] for who in train_ids],
        [known[who][1] for who in train_ids],
        [known[who][0] for who in test_ids],
        seed,
    )
    return dict(zip(test_ids, map(float, scores), strict=True)), {"samples": len(train_ids)}


def shuffled(context: Context, step: Step, folder: Path) -> dict[str, Any]:
    """Train on outcomes dealt out anew among all patients, and predict: what is found then is a leak."""
    from .leak import auc_of_shuffled

    return {"auc": auc_of_shuffled(context, int(step.inputs["shuffle"]), folder)}


def write_records(path: Path, records: Iterable[Any]) -> None:
    """Write records, a JSON line each, whole."""
    write_whole(path, "".join(json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in records))


def read_records(path: Path) -> list[Mapping[str, Any]]:
    """Read what :func:`write_records` wrote."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _train_nnunet(context: Context, step: Step, folder: Path) -> dict[str, Any]:
    from .nnunet import train_nnunet

    return train_nnunet(context, step.inputs["epochs"], folder)


ACTIONS: dict[str, Callable[[Context, Step, Path], dict[str, Any]]] = {
    "check": check,
    "prepare": prepare_all,
    "train": train_segmenter,
    "nnunet": _train_nnunet,
    "segment": segment_held_out,
    "prepare-further": prepare_further,
    "segment-further": segment_further,
    "respond": respond,
    "shuffle": shuffled,
}

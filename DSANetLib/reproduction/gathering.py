"""What all steps left behind, put together into the study's records."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ..cohort import Cohort, Split
from ..evaluation.records import RunRecord
from ..evaluation.study import ResponseResult, SegmentationResult, Study, StudyPatient, TrainingResult
from .actions import PACKAGE, RECORDS, Context, read_records
from .experiments import RESPONDING
from .nnunet import cap_note
from .plan import MORE
from .steps import Step
from .study_folder import WORK

VERSIONS = (
    "dsanet",
    "numpy",
    "torch",
    "monai",
    "lightning-fabric",
    "onnxruntime",
    "scikit-learn",
    "lifelines",
    "scipy",
)


def gather(context: Context, facts: Mapping[str, Any]) -> Study:
    """Return the study as far as it is done.

    Parameters
    ----------
    context
        Of the study.
    facts
        ``started``, ``seconds``, ``commands``.
    """
    segmentation: list[SegmentationResult] = []
    response: list[ResponseResult] = []
    trainings: list[TrainingResult] = []
    for step in context.desk.steps.values():
        if step.action in ("train", "nnunet", "respond"):
            trainings.append(_training(context, step))
        if not context.desk.is_done(step.name):
            continue
        records = context.desk.folder(step.name) / RECORDS
        if step.action.startswith("segment"):
            segmentation += [_segmentation(values) for values in read_records(records)]
        elif step.action == "respond":
            response += [ResponseResult(**values) for values in read_records(records)]
    kept = tuple(one for one in segmentation if one.group in ("test", "external", "unseen-rate"))
    patients = tuple(study_patients(context.cohort, context.split))
    return Study({**_facts(context), **facts}, kept, tuple(response), tuple(trainings), patients)


def _segmentation(values: Mapping[str, Any]) -> SegmentationResult:
    return SegmentationResult(**{**values, "record": RunRecord.from_dict(values["record"])})


def _training(context: Context, step: Step) -> TrainingResult:
    name = str(step.inputs.get("experiment") or step.inputs["input"])
    which = (name, int(step.inputs["seed"]), int(step.inputs.get("fold", -1)))
    if not context.desk.is_done(step.name):
        reason = context.desk.failure(step.name)
        return TrainingResult(*which, failure=reason or "not done yet: start the study again to go on")
    facts = context.desk.facts(step.name)
    package = f"{WORK}/{step.name}/{PACKAGE}"
    return TrainingResult(
        *which,
        parameters=facts.get("parameters", 0),
        gflop=facts.get("gflop"),
        samples=facts.get("samples", 0),
        seconds=facts.get("seconds", 0.0),
        figures=facts.get("figures", {}),
        package=package if (context.desk.folder(step.name) / PACKAGE).exists() else "",
    )


def study_patients(cohort: Cohort, split: Split) -> list[StudyPatient]:
    """Return the cohort's patients as a study's Table 1 needs them."""
    found = []
    for patient in cohort.patients:
        outcome = patient.outcome
        values = patient.clinical.values if patient.clinical else {}
        found.append(
            StudyPatient(
                patient=patient.patient,
                group=split.set_of[patient.patient],
                clinical={name: value for name, value in values.items() if value is not None},
                responder=patient.responder,
                response=outcome.response if outcome else "",
                pfs_months=outcome.pfs_months if outcome else None,
                progressed=outcome.progressed if outcome else None,
                lesions_cm=patient.lesions_cm,
                runs=len(patient.runs),
            )
        )
    return found


def _facts(context: Context) -> dict[str, Any]:
    plan = context.plan
    inputs = {one.key: one.about for one in RESPONDING}
    return {
        "title": f"DSA-Net on {context.cohort.name}",
        "size": plan.size,
        **cohort_facts(context.cohort, context.split),
        "seeds": list(plan.seeds),
        "scale": {name: value for name, value in vars(plan.scale).items() if name != "segmenting"},
        **machine_facts(plan.scale.device),
        "experiments": {one.name: one.about for one in plan.experiments} | inputs,
        "leak_test": _leak_test(context),
        "notes": _notes(context),
    }


def cohort_facts(cohort: Cohort, split: Split) -> dict[str, Any]:
    """Return what a study's ``study.json`` says of its cohort and split."""
    sets = {name: len(getattr(split, name)) for name in ("train", "test", "external")}
    runs = dict.fromkeys(sets, 0)
    for patient in cohort.patients:
        runs[split.set_of[patient.patient]] += len(patient.runs)
    return {
        "synthetic": cohort.synthetic,
        "cohort": {"name": cohort.name, "digest": cohort.digest, "patients": sets, "runs": runs},
        "split": {"seed": split.seed, "folds": split.folds, "digest": split.digest},
    }


def machine_facts(device: str) -> dict[str, Any]:
    """Return what a study's ``study.json`` says of versions and hardware."""
    versions = {"python": platform.python_version()} | {n: v for n in VERSIONS if (v := _version(n))}
    return {"versions": versions, "hardware": _hardware(device)}


def _leak_test(context: Context) -> dict[str, Any]:
    steps = [step for step in context.desk.steps.values() if step.action == "shuffle"]
    areas = [context.desk.facts(step.name)["auc"] for step in steps if context.desk.is_done(step.name)]
    if not areas:
        return {}
    return {"shuffles": len(areas), "mean_auc": float(np.mean(areas)), "auc": [round(a, 4) for a in areas]}


def _notes(context: Context) -> list[str]:
    notes = [
        "All networks segment the annotated key frame of a run, as in the paper; key frames were not picked.",
        "Masks for the response models come from the first FFS, which has seen the training patients' masks: "
        "on them its masks are better than on new patients.",
        "Operations are those of one run with its key frame at the network's size; a multiplication and an addition "
        "count as two.",
    ]
    for name, one in context.further.items():
        if name == MORE:
            count = len(one.groups(name))
            notes.append(
                f"Networks were tested on {count} further held-out patients, of {one.cohort.name}, too, nnU-Net and "
                "response models not; Table 1 and the response are of the study's own cohort."
            )
    done = [s for s in context.desk.steps.values() if s.action == "nnunet" and context.desk.is_done(s.name)]
    return notes + [cap_note(int(s.inputs["epochs"]), context.desk.facts(s.name)["nnunet"]) for s in done]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _hardware(device: str) -> str:
    model = platform.processor() or platform.machine()
    table = Path("/proc/cpuinfo")
    if table.exists():
        lines: Sequence[str] = table.read_text(errors="replace").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    text = f"{os.cpu_count()} cores, {model}"
    if device == "cuda":
        import torch

        text += f"; {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return text

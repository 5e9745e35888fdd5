"""Made-up studies: no network was trained and no patient lived for these numbers. For tests of tables and reports."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from DSANetLib.evaluation.records import RunRecord
from DSANetLib.evaluation.study import ResponseResult, SegmentationResult, Study, StudyPatient, TrainingResult

# Shift of the made-up Dice: the orders that a report judges hold in it.
NETWORKS = {
    "unet": 0.0,
    "tdl": 0.03,
    "lrs": 0.025,
    "ffs": 0.08,
    "tempo": 0.12,
    "nnunet": 0.01,
    "unetpp": 0.004,
    "attention-unet": 0.002,
    "u2net": -0.01,
    "tdl-5": 0.01,
    "tdl-15": 0.02,
}
THREE_SEEDS = ("unet", "tdl", "lrs", "ffs", "tempo")
INPUTS = {
    ("film", ""): 0.9,
    ("clinical", ""): 0.5,
    ("film+mask", "predicted"): 1.2,
    ("film+mask+clinical", "predicted"): 1.7,
    ("film+mask", "true"): 1.3,
    ("film+mask+clinical", "true"): 1.9,
    ("logistic", ""): 0.6,
    ("boosting", ""): 0.55,
}
FACTS = {
    "title": "A made-up study",
    "synthetic": True,
    "size": "smoke",
    "cohort": {"name": "made-up", "digest": "0" * 64, "patients": 120, "runs": 130},
    "split": {"seed": 0, "folds": 5},
    "versions": {"dsanet": "0.0", "python": "3.11"},
    "hardware": "no machine: made up",
    "started": "2026-01-01T00:00:00+00:00",
    "seconds": 1234.5,
    "commands": ["dsanet reproduce made-up --size smoke"],
    "experiments": {"unet": "U-Net on the key frame", "ffs": "TDL and LRS fused"},
    "notes": ["All numbers are made up."],
}


def made_up_study(patients: int = 120, seed: int = 0, networks: Sequence[str] = tuple(NETWORKS)) -> Study:
    """A study with every part: a third of the patients each for training, test and external, up to eleven networks."""
    generator = np.random.default_rng(seed)
    groups = ("train", "test", "external")
    people = tuple(_patient(f"p{i:03d}", groups[i % 3], generator) for i in range(patients))
    judged = [person for person in people if person.group != "train"]
    return Study(FACTS, _segmentation(judged, networks, generator), _response(judged, generator), _trainings(), people)


def hand_study() -> Study:
    """Four internal patients whose tables can be worked out by hand: one seed, two networks, one input."""
    dice = {"unet": (0.5, 0.6, 0.7, 0.8), "ffs": (0.6, 0.7, 0.8, 0.9)}
    segmentation = tuple(
        SegmentationResult(network, 0, -1, "test", _record(f"h{i}", value, 2.0 + 2 * i, free=False))
        for network, values in dice.items()
        for i, value in enumerate(values)
    )
    called = ((0.9, True), (0.8, False), (0.3, True), (0.1, False))
    response = tuple(
        ResponseResult("film", "", 0, -1, "test", f"h{i}", responder, score)
        for i, (score, responder) in enumerate(called)
    )
    people = tuple(
        StudyPatient(f"h{i}", "test", {"age": 50.0 + 10 * i, "sex": "male"}, responder)
        for i, (_, responder) in enumerate(called)
    )
    return Study({**FACTS, "title": "Worked out by hand"}, segmentation, response, (), people)


def without(study: Study, **changes: object) -> Study:
    """The study with some parts replaced, by default nothing."""
    return dataclasses.replace(study, **changes)


def _patient(name: str, group: str, generator: np.random.Generator) -> StudyPatient:
    responder = bool(generator.random() < 0.55)
    months = float(min(36.0, generator.exponential(30.0 if responder else 12.0)))
    clinical = {
        "age": round(float(generator.normal(55, 12)), 1),
        "sex": "male" if generator.random() < 0.9 else "female",
        "hbv": "yes" if generator.random() < 0.87 else "no",
        "afp": round(float(np.exp(generator.normal(4.5, 2))), 1),
        "pt": round(float(generator.normal(12.8, 1.5)), 1),
        "child_pugh": float(generator.choice([5, 6, 7, 8], p=[0.7, 0.18, 0.09, 0.03])),
        "ascites": "yes" if generator.random() < 0.07 else "no",
        "tbil": round(float(np.exp(generator.normal(2.8, 0.4))), 1),
        "alb": round(float(generator.normal(40, 5)), 1),
        "ast": round(float(np.exp(generator.normal(3.8, 0.5))), 1),
        "alt": round(float(np.exp(generator.normal(3.7, 0.5))), 1),
    }
    if generator.random() < 0.8:
        clinical["crp"] = round(float(np.exp(generator.normal(1, 1))), 2)
    sizes = tuple(round(float(np.clip(np.exp(generator.normal(1.2, 0.5)), 0.8, 14)), 1) for _ in range(1 + responder))
    category = ("CR" if months > 30 else "PR") if responder else ("PD" if months < 6 else "SD")
    return StudyPatient(name, group, clinical, responder, category, round(months, 2), months < 36, sizes)


def _record(patient: str, dice: float, size: float, *, free: bool, lesions: tuple[float, ...] = ()) -> RunRecord:
    sizes = () if free else lesions or (size,)
    return RunRecord(
        patient, f"{patient}-r1", free, dice, 96 + 2 * dice, 100 * dice, 98.0, 90 * dice, 98.0,
        lesions_found=tuple(dice > 0.4 for _ in sizes), lesions_cm=sizes, components=2, false_positives=int(dice < 0.6),
        predicted_share=5.0, key_frame=10, true_key_frame=10, key_error_s=0.0,
        artefacts=("motion",) if dice < 0.6 else (), largest_cm=0.0 if free else max(sizes), frame_rate=3.0,
        field_mm=200.0 if dice < 0.5 else 300.0,
    )  # fmt: skip


def _segmentation(
    judged: list[StudyPatient], networks: Sequence[str], generator: np.random.Generator
) -> tuple[SegmentationResult, ...]:
    ease = {p.patient: float(generator.normal(0.6, 0.1)) + 0.03 * max(p.lesions_cm) for p in judged}
    results = []
    for network in networks:
        shift = NETWORKS[network]
        for seed in (0, 1, 2) if network in THREE_SEEDS else (0,):
            for i, person in enumerate(judged):
                free = i % 20 == 7
                dice = float(np.clip(ease[person.patient] + shift + generator.normal(0, 0.04), 0, 0.97))
                record = _record(
                    person.patient, float(dice > 0.7) if free else dice, 0, free=free, lesions=person.lesions_cm
                )
                failure = ("missed" if dice < 0.4 else "too little") if dice < 0.5 and not free else ""
                results.append(SegmentationResult(network, seed, -1, person.group, record, 2.0, 8.0, failure))
    return tuple(results)


def _response(judged: list[StudyPatient], generator: np.random.Generator) -> tuple[ResponseResult, ...]:
    results = []
    for (name, masks), strength in INPUTS.items():
        for seed in (0, 1, 2):
            for person in judged:
                logit = strength * (1 if person.responder else -1) + generator.normal(0, 1.3)
                score = round(float(1 / (1 + np.exp(-logit))), 4)
                results.append(
                    ResponseResult(name, masks, seed, -1, person.group, person.patient, bool(person.responder), score)
                )
    return tuple(results)


def _trainings() -> tuple[TrainingResult, ...]:
    done = [
        TrainingResult(
            network,
            seed,
            -1,
            100_000 * (1 + i),
            2.0 if network == "tempo" else 10.0 + i,
            5000,
            600.0 + i,
            {"dice": 0.7},
            f"p/{network}",
        )
        for i, network in enumerate(NETWORKS)
        for seed in ((0, 1, 2) if network in THREE_SEEDS else (0,))
    ]
    return (*done, TrainingResult("nnunet", 1, -1, failure="nnunetv2 is not installed"))

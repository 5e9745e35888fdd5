"""What a study's facts answer of the checklists; what they do not answer is said to be unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..study import Study
from .checklists import CLAIM, NOT_HERE, TRIPOD_AI, UNKNOWN, ChecklistItem
from .document import Cell, Grid, Section, Text

PHANTOM = "not applicable: a synthetic phantom, no patients"

# What holds of every study that this library makes.
_ALWAYS = {
    "outside": "outside a report of figures: to be written by the group",
    "context": "response of liver cancer to TACE from angiograms; see the paper, doi 10.1186/s40644-022-00457-3",
    "purpose": "research use only, not for diagnosis; the user checks key frame and masks",
    "objectives": "development and evaluation: repeat the paper's study, compare networks",
    "deidentified": "records hold identifiers of the cohort alone: no name, no date, no image of a patient",
    "private": "dates are not kept in a study, for privacy: to be filled in by the group",
    "retrospective": "retrospective, on stored runs",
    "preparation": "black border removed, polarity found, subtraction where needed, grey values scaled; section Method",
    "frames": "key frame and its neighbours in training, the annotated key frame in evaluation",
    "outcome": "mRECIST CR or PR against SD or PD 4–6 weeks after the first session; progression-free survival",
    "predictors": "the paper's twelve clinical values from the three days before; the film and its masks",
    "size": "the size of the cohort; no sample size was calculated",
    "missing": "clinical values: median with a flag that it was missing, fitted inside the fold",
    "encoding": "standardised, skewed values after a logarithm, categories one-hot; fitted inside the fold",
    "disjoint": "patient: all runs of one are in one partition",
    "selection": "on inner validation patients; test and external patients are measured once",
    "training": "section Trainings, and the model cards of the packages",
    "threshold": "probability of response, calibrated; class by a threshold chosen inside the fold",
    "imbalance": "no resampling and no weights; probabilities are calibrated on inner validation patients",
    "fairness": "none was examined; sex and age stand in Table 1",
    "measures": "Dice, pixel and lesion figures; score AUC, hard label, calibration, decision curve, Kaplan–Meier",
    "statistics": "bootstrap of 2,000 resamples of patients, DeLong, McNemar, log-rank, Holm; section Method",
    "explain": "masks beside the probability; no saliency maps",
    "robustness": "what fails is a stated error or flag of the run; section Failures",
    "no_updating": "not applicable: no model was updated after evaluation",
    "code": "github: the repository of this library, Apache-2.0; commands and versions in this report",
    "limits": "one retrospective cohort; groups are small; intervals say how little they hold",
    "acquisition": UNKNOWN,
    "people": UNKNOWN,
    "unknown": UNKNOWN,
}
_PHANTOM = {
    **dict.fromkeys(("private", "centres", "eligibility", "ethics", "people", "assessors", "retrospective"), PHANTOM),
    "annotators": "not applicable: the phantom knows its own truth",
    "agreement": "not applicable: the phantom knows its own truth",
    "reference": "the simulated tumour and liver, exact by construction",
    "outcome": "drawn from the phantom's own response model",
    "acquisition": "simulated; the physics is described with the phantom",
    "data": "made by one command from a seed",
    "limits": "a phantom: nothing here says how well the models do on real angiograms",
    "fairness": PHANTOM,
}
_REAL = dict.fromkeys(
    ("centres", "eligibility", "ethics", "assessors", "annotators", "agreement", "reference", "data"), UNKNOWN
)


def answers(study: Study) -> Mapping[str, str]:
    """Return key of a checklist's item → what the study says."""
    facts = study.facts
    cohort, split = facts.get("cohort"), facts.get("split")
    groups = {one.group for one in study.segmentation} | {one.group for one in study.response}
    counts = Counter(one.group for one in study.patients)
    shares = [f"{group}: {count}" for group, count in counts.items()]
    own = {
        "title": str(facts.get("title") or UNKNOWN),
        "cohort": _pairs(cohort),
        "split": f"by patient, stored: {_pairs(split)}" if split else UNKNOWN,
        "versions": _pairs(facts.get("versions")),
        "experiments": "the table of experiments in section Method" if facts.get("experiments") else UNKNOWN,
        "seeds": f"random, seeds {sorted({one.seed for one in study.trainings})}" if study.trainings else UNKNOWN,
        "models": "section Method, and the model cards of the packages" if study.trainings else UNKNOWN,
        "packages": _packages(study),
        "ensemble": "runs of a patient are averaged; models of folds, where trained, are stated in Trainings",
        "table1": "Table 1" if study.patients else UNKNOWN,
        "flow": f"patients {', '.join(shares)}; reasons of exclusion are not kept" if study.patients else UNKNOWN,
        "performance": "Tables 2 and 3" if groups else UNKNOWN,
        "groups": "section What makes a run hard" if study.segmentation else UNKNOWN,
        "failures": "section Failures" if study.segmentation else UNKNOWN,
        "internal": "Tables 2 and 3, internal cohort" if "test" in groups else NOT_HERE,
        "external": "Tables 2 and 3, external cohort" if "external" in groups else f"{NOT_HERE}: no external cohort",
    }
    return {**_ALWAYS, **(_PHANTOM if study.synthetic else _REAL), **own}


def checklist_sections(study: Study) -> list[Section]:
    """Return TRIPOD+AI and CLAIM, filled in as far as the facts go."""
    said = answers(study)
    return [
        _section("TRIPOD+AI", "Collins et al., BMJ 2024;385:e078378", TRIPOD_AI, said),
        _section("CLAIM", "Tejani et al., Radiology: Artificial Intelligence 2024;6:e240300", CLAIM, said),
    ]


def _section(name: str, source: str, items: tuple[ChecklistItem, ...], said: Mapping[str, str]) -> Section:
    rows = tuple((Cell(item.number), Cell(item.asks), Cell(said[item.key])) for item in items)
    text = f"Items in few words after {source}. Filled in from the study's facts; the group completes the rest."
    return Section(f"Checklist {name}", (Text(text), Grid(name, ("item", "asks for", "in this study"), rows)))


def _packages(study: Study) -> str:
    count = sum(bool(one.package) for one in study.trainings)
    return f"{count} model packages in the study's folder, each with its card" if count else UNKNOWN


def _pairs(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {one}" for name, one in value.items()) or UNKNOWN
    return str(value) if value else UNKNOWN

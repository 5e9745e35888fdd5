"""What a study consists of: its settings, kept beside it, and the steps that follow from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..cohort import Cohort, Split
from ..errors import CohortError, TrainingError
from ..networks.config import SegmenterConfig
from ..preparation import PreparationConfig
from ..training.config import TrainingConfig
from ..training.presets import default_config, paper_config
from ..training.sources import CohortConfig, CohortSource
from ..training.variation import AugmentationConfig
from ..whole import write_whole
from .experiments import RESPONDING, SEGMENTING, SIZES, Responding, Scale, Segmenting, Size
from .steps import Step

PLAN = "plan.json"
UNSEEN_RATE, MORE = "unseen-rate", "more"
ONE_SPLIT = -1
"""Number of the fold where there is one split: fold 0 of the training patients validates, the others train."""


@dataclass(frozen=True)
class Further:
    """A cohort that is segmented only; of one with a split the test and external patients, else all of it."""

    cohort: Cohort
    split: Split | None = None

    def groups(self, name: str) -> dict[str, str]:
        """Return patient → group in the tables, which is `name` where the cohort has no split."""
        if self.split is None:
            return dict.fromkeys((one.patient for one in self.cohort.patients), name)
        return dict.fromkeys(self.split.test, "test") | dict.fromkeys(self.split.external, "external")


@dataclass(frozen=True)
class Plan:
    """Settings of a study.

    Parameters
    ----------
    cohort
        Folder of the cohort.
    size
        ``smoke``, ``desk`` or ``paper``.
    seed
        Of the split, of statistics, and first seed of the trainings.
    segmenting
        Names of the segmenters to train; empty for those of the size.
    unseen_rate
        Folder of a further cohort, whose frame rate no training run has: all of it is segmented, nothing learned
        from it. Empty for none.
    more
        Folder of a further cohort, whose test and external patients are segmented beside those of the first: so many
        patients tell networks apart that a few do not. Empty for none.
    """

    cohort: str
    size: Size
    seed: int = 0
    segmenting: tuple[str, ...] = ()
    unseen_rate: str = ""
    more: str = ""

    @property
    def scale(self) -> Scale:
        """What the size means."""
        return SIZES[self.size]

    @property
    def experiments(self) -> tuple[Segmenting, ...]:
        """The segmenters, in the order of the table."""
        wanted = self.segmenting or self.scale.segmenting
        unknown = sorted(set(wanted) - {one.name for one in SEGMENTING})
        if unknown:
            names = ", ".join(one.name for one in SEGMENTING)
            raise TrainingError(f"there is no experiment {', '.join(unknown)}", f"Choose among {names}")
        capped = [one for one in SEGMENTING if one.kind != "nnunet" or self.scale.nnunet_epochs]
        return tuple(one for one in capped if one.name in wanted)

    @property
    def further(self) -> dict[str, str]:
        """Folders of the cohorts that are segmented only, by what they are there for."""
        return {name: folder for name, folder in ((UNSEEN_RATE, self.unseen_rate), (MORE, self.more)) if folder}

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the repeated trainings."""
        return tuple(self.seed + one for one in self.scale.seeds)

    def write(self, study: Path) -> None:
        """Keep the settings with the study."""
        write_whole(study / PLAN, json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, study: Path) -> Plan:
        """Return the settings of a study."""
        try:
            values: dict[str, Any] = json.loads((study / PLAN).read_text(encoding="utf-8"))
            return cls(**(values | {"segmenting": tuple(values["segmenting"])}))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CohortError("holds no study", "Name the folder that 'dsanet reproduce' wrote to", study) from error


def preparation_of(plan: Plan, frames: int) -> PreparationConfig:
    """Return how runs are prepared for networks that see so many frames."""
    if plan.size == "paper":
        return PreparationConfig.paper().with_changes(frames=frames)
    return PreparationConfig(size=plan.scale.pixels, frames=frames)


def source_of(plan: Plan, split: Split, fold: int, cohort: Path | None = None) -> CohortSource:
    """Return who trains and who validates in a fold."""
    training, validation = split.fold(max(fold, 0))
    return CohortSource(str(cohort or plan.cohort), training, validation)


def segmenter_config(
    plan: Plan, one: Segmenting, seed: int, source: CohortSource, cache: Path, threads: int = 1
) -> TrainingConfig:
    """Return the settings of a segmenter's training."""
    scale = plan.scale
    samples = round(one.longer * scale.samples)
    settings: dict[str, Any] = {"samples": samples, "width": scale.width, "seed": seed, "source": source}
    settings |= {"threads": threads, "checkpoint_s": 30.0, **one.settings}
    if one.augmentation:
        settings["augmentation"] = AugmentationConfig(**one.augmentation)
    cohort = CohortConfig(str(cache), preparation=preparation_of(plan, one.frames), workers=1)
    make = paper_config if plan.size == "paper" else default_config
    return make(one.kind, str(cache), cohort=cohort, **settings)  # type: ignore[arg-type]


def responder_config(
    plan: Plan, one: Responding, seed: int, source: CohortSource, cache: Path, segmenter: str | None, threads: int = 1
) -> TrainingConfig:
    """Return the settings of a response model's training."""
    scale = plan.scale
    settings: dict[str, Any] = {
        "samples": scale.response_passes * len(source.training), "width": scale.width, "seed": seed, "source": source,
        "threads": threads, "checkpoint_s": 30.0, "masks": one.masks or "none",
        "batch": min(32, len(source.training)), "warmup": 2 * len(source.training),
    }  # fmt: skip
    cohort = CohortConfig(str(cache), preparation=preparation_of(plan, 10), workers=1)
    make = paper_config if plan.size == "paper" else default_config
    return make(one.model, str(cache), cohort=cohort, segmenter=segmenter, **settings)  # type: ignore[arg-type]


def gflop_of(plan: Plan, one: Segmenting) -> tuple[int, float]:
    """Return parameters, and operations of one run at inference in 10^9, of a segmenter of ours."""
    from ..networks.operations import operations, parameters

    config = SegmenterConfig(kind=one.kind, width=plan.scale.width, frames=one.frames)  # type: ignore[arg-type]
    return parameters(config), operations(config, preparation_of(plan, one.frames).size)


def steps_of(plan: Plan, cohort: Cohort, split: Split, further: Mapping[str, Further] | None = None) -> list[Step]:
    """Return the steps of a study, each after those it needs; `further` are the cohorts of ``plan.further``."""
    scale = plan.scale
    common = {"cohort": cohort.digest, "split": split.digest, "seed": plan.seed}
    steps = [
        Step("check", "check", common),
        Step("prepare", "prepare", common | {"pixels": scale.pixels, "size": plan.size}, ("check",)),
    ]
    for one in plan.experiments:
        for seed in plan.seeds if one.repeated else plan.seeds[:1]:
            for fold in (ONE_SPLIT, *(range(split.folds) if scale.folds and one.name == "ffs" else ())):
                steps += _segmenter_steps(plan, one, seed, fold, common)
    trained = list(steps)
    for name, extra in (further or {}).items():
        steps += _further_steps(plan, name, extra, trained)
    with_outcome = any(patient.responder is not None for patient in cohort.patients)
    if with_outcome:
        steps += _response_steps(plan, common)
        steps += [
            Step(f"leak/shuffle-{i:02d}", "shuffle", common | {"shuffle": i, **_lengths(scale)}, ("prepare",))
            for i in range(scale.shuffles)
        ]
    return steps


def _segmenter_steps(plan: Plan, one: Segmenting, seed: int, fold: int, common: dict[str, Any]) -> list[Step]:
    name = f"{one.name}-s{seed}" + (f"-f{fold}" if fold != ONE_SPLIT else "")
    which = common | {
        "experiment": one.name,
        "settings": one.settings | one.augmentation,
        "longer": one.longer,
        "seed": seed,
        "fold": fold,
    }
    which |= {"epochs": plan.scale.nnunet_epochs} if one.kind == "nnunet" else _lengths(plan.scale)
    action = "nnunet" if one.kind == "nnunet" else "train"
    train = Step(f"train/{name}", action, which, ("prepare",))
    return [
        train,
        Step(f"segment/{name}", "segment", {"experiment": one.name, "seed": seed, "fold": fold}, (train.name,)),
    ]


def _further_steps(plan: Plan, name: str, further: Further, steps: Sequence[Step]) -> list[Step]:
    """Return the steps that segment a further cohort with every network of ours."""
    which = {"further": name, "cohort": further.cohort.digest, "pixels": plan.scale.pixels, "size": plan.size}
    which |= {"split": further.split.digest} if further.split else {}
    prepare = Step(f"prepare-{name}", "prepare-further", which)
    again = [
        Step(
            f"{name}/{one.name.partition('/')[2]}", "segment-further", {**one.inputs, "further": name},
            (*one.needs, prepare.name),
        )
        for one in steps
        if one.action == "segment" and one.inputs["fold"] == ONE_SPLIT and one.inputs["experiment"] != "nnunet"
    ]  # fmt: skip
    return [prepare, *again]


def _response_steps(plan: Plan, common: dict[str, Any]) -> list[Step]:
    steps = []
    names = [one.name for one in plan.experiments]
    for one in RESPONDING:
        if one.masks == "predicted" and "ffs" not in names:
            continue
        for seed in plan.seeds if one.model.startswith("response") else plan.seeds[:1]:
            which = common | {"input": one.key, "seed": seed, **_lengths(plan.scale)}
            needs = ("prepare", f"train/ffs-s{plan.seeds[0]}") if one.masks == "predicted" else ("prepare",)
            steps.append(Step(f"respond/{one.key}-s{seed}", "respond", which, needs))
    return steps


def _lengths(scale: Scale) -> dict[str, Any]:
    return {"pixels": scale.pixels, "width": scale.width, "samples": scale.samples, "passes": scale.response_passes}


def find(name: str, among: Sequence[Segmenting] = SEGMENTING) -> Segmenting:
    """Return the experiment of a name."""
    return next(one for one in among if one.name == name)


def find_input(key: str) -> Responding:
    """Return the input of a key."""
    return next(one for one in RESPONDING if one.key == key)

"""Model packages on the test and external patients of a split cohort, measured as a study measures its networks.

The masks are those of the annotated key frame: it is the one frame of a run on which there is a truth for certain, and
the one that ``dsanet reproduce`` and the paper judge, so that the figures can be set beside theirs. The frame that a
package would choose in use often has no annotation; how well it chooses is no part of these figures.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..cohort import Cohort, CohortPatient, Split, read_cohort, read_split
from ..errors import ChoiceError, CohortError, OutputError
from ..evaluation.network_tables import network_comparisons, table2
from ..evaluation.reporting.report import BANNER
from ..evaluation.study import FACTS, SegmentationResult, Study, read_study, write_study
from ..evaluation.table import Table
from ..models import ModelCard, SegmentationModel, list_packages, load_model
from ..models.store import find_package
from ..training.folds import source_of
from ..training.from_cohort import cohort_patients
from ..training.sources import CohortConfig, CohortSource
from ..whole import check_writable, write_whole
from .gathering import cohort_facts, machine_facts, study_patients
from .measure import Trial, has_truth, masks_by, measure_patients

SIZE = "evaluation"
"""``size`` in the facts of such a study."""
TABLES, CACHE = "evaluation.md", "cache"
GROUPS = ("test", "external")
_NAMED = 10


def evaluate_packages(
    cohort: str | Path,
    models: Sequence[str | Path],
    out: str | Path,
    *,
    workers: int = 2,
    progress: Callable[[str], None] = lambda _: None,
) -> Study:
    """Segment the held-out patients of a cohort with packages, measure, and write records and tables.

    Parameters
    ----------
    cohort
        Folder of a cohort that was split.
    models
        Names or folders of segmenters' packages; without any, all that ``dsanet models`` lists.
    out
        A new folder, or one that this wrote. Gets a study's records (``dsanet compare`` and ``dsanet report`` read
        them), ``evaluation.md``, and the prepared patients in ``cache``.
    workers
        Processes that prepare.
    progress
        Takes a line now and then.

    Raises
    ------
    ChoiceError
        Where a package is named twice, or predicts the response.
    DSANetError
        Where the cohort has no split or no held-out patient with masks, a package cannot be used, or `out` holds
        something else.
    """
    out = Path(out)
    _check_out(out)
    found = read_cohort(cohort)
    split = read_split(cohort, found)
    groups = {who: name for name in GROUPS for who in getattr(split, name)}
    cases, left_out = _with_truth([one for one in found.patients if one.patient in groups], cohort)
    loaded = _load(models)
    notes = [*left_out, *(text for name, model in loaded.items() for text in _remarks(name, model.card, found, split))]
    for note in notes:
        progress(note)
    results: list[SegmentationResult] = []
    for name, model in loaded.items():
        config = CohortConfig(str(out / CACHE), preparation=model.card.preparation, workers=workers)
        patients = cohort_patients(cohort, [case.patient for case in cases], config, progress)
        results += measure_patients(Trial(name, 0, -1, ""), groups, cases, patients, masks_by(model))
        progress(f"{name}: {len(cases)} patients segmented")
    facts = _facts(found, split, loaded, notes)
    study = Study(facts, tuple(results), patients=tuple(study_patients(found, split)))
    write_study(study, out)
    write_whole(out / TABLES, to_markdown(study))
    return study


def tables_of(study: Study) -> list[Table]:
    """Return Table 2 and, of several packages, each against the first."""
    names = list(dict.fromkeys(one.network for one in study.segmentation))
    return [table2(study), *([network_comparisons(study, names[0])] if len(names) > 1 else [])]


def to_markdown(study: Study) -> str:
    """Return what was measured as Markdown."""
    notes = "".join(f"- {note}\n" for note in study.facts["notes"])
    banner = f"> **{BANNER}**\n\n" if study.synthetic else ""
    return f"# {study.facts['title']}\n\n{banner}{notes}\n" + "\n".join(
        table.to_markdown() for table in tables_of(study)
    )


def _check_out(out: Path) -> None:
    if (out / FACTS).is_file():
        if read_study(out).facts.get("size") == SIZE:
            return
        raise OutputError("holds a study", "Name a new folder with --out", out)
    if out.exists() and not (out.is_dir() and {path.name for path in out.iterdir()} <= {CACHE}):
        raise OutputError("is there, and was not written by such an evaluation", "Name a new folder with --out", out)
    check_writable(out)


def _with_truth(held_out: Sequence[CohortPatient], cohort: str | Path) -> tuple[list[CohortPatient], list[str]]:
    """Return the patients that can be measured, and a sentence on those who cannot."""
    cases = [one for one in held_out if any(map(has_truth, one.runs))]
    if not cases:
        what = "has masks" if held_out else "is there"
        raise CohortError(
            f"no test or external patient {what}", "Annotate some of them, or split the cohort anew", cohort
        )
    notes = []
    without = [one.patient for one in held_out if one not in cases]
    if without:
        some = ", ".join(without[:_NAMED]) + (" …" if len(without) > _NAMED else "")
        notes.append(f"{len(without)} of {len(held_out)} held-out patients have no masks and are left out: {some}.")
    bare = sum(not has_truth(run) for one in cases for run in one.runs)
    if bare:
        notes.append(f"{bare} runs of the others have no masks and are left out.")
    return cases, notes


def _load(models: Sequence[str | Path]) -> dict[str, SegmentationModel]:
    """Return the packages under names that tell them apart: a folder's name, with its parent's where two share it."""
    chosen = [find_package(one) for one in models or [p.name for p in list_packages() if p.task == "segmentation"]]
    folders = [path.resolve() for path in chosen]
    if len(set(folders)) < len(folders):
        raise ChoiceError("a package is named twice", "Name each once with --models")
    loaded = {}
    for path in folders:
        twin = any(other != path and other.name == path.name for other in folders)
        model = load_model(path, threads=1)
        if not isinstance(model, SegmentationModel):
            raise ChoiceError(f"{path} predicts the response", "Name packages that segment with --models")
        loaded[f"{path.parent.name}/{path.name}" if twin else path.name] = model
    return loaded


def _remarks(name: str, card: ModelCard, cohort: Cohort, split: Split) -> Iterable[str]:
    """Yield what a reader of the figures must know of a package."""
    if card.warning:
        yield f"{name}: {card.warning}"
    trained = card.data.get("cohort", {})
    if trained.get("digest") == cohort.digest and card.data.get("patients_digest") not in _digests(cohort, split):
        yield (
            f"{name} was trained on this cohort, but not by this split: it may have seen patients on whom it is "
            "measured here."
        )


def _digests(cohort: Cohort, split: Split) -> set[str]:
    """Return the digests of all trainings that leave the held-out patients of this split alone."""
    folder = str(cohort.folder)
    sources = [CohortSource(folder, split.train, ())]
    if split.folds >= 2:
        sources.append(source_of(folder))
    if split.folds >= 3:
        sources += [source_of(folder, fold) for fold in range(split.folds)]
    return {source.to_dict()["patients_digest"] for source in sources}


def _facts(cohort: Cohort, split: Split, loaded: dict[str, SegmentationModel], notes: Sequence[str]) -> dict[str, Any]:
    return {
        "title": f"{', '.join(loaded)} on the held-out patients of {cohort.name}",
        "size": SIZE,
        **cohort_facts(cohort, split),
        **machine_facts("cpu"),
        "experiments": {name: model.card.summary for name, model in loaded.items()},
        "commands": [f"dsanet evaluate --cohort {cohort.folder.name} --models {shlex.join(loaded)}"],
        "notes": [
            "The packages segment the annotated key frame of a run, as in the paper; key frames were not picked.",
            *notes,
        ],
    }

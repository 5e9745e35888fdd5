"""Two studies, or two models of one study, side by side: paired tests on the patients that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...errors import ChoiceError
from ..crossed import holm
from ..measured import GROUPS
from ..statistics import Difference
from ..study import Study
from ..study_tables import network_comparisons, response_comparisons, table2, table3
from ..table import Cell, Column, Table
from .compared import check_same_cohort, read_compared, renamed
from .document import Block, Document, Items, Section, Text
from .names import TABLE2_NETWORKS, in_order
from .report import BANNER
from .tables import METRICS2, METRICS3, grid, rows_of

A, B = "A", "B"


def compare(inputs: Sequence[str | Path], networks: Sequence[str] = (), answers: Sequence[str] = ()) -> Document:
    """Set two studies, two evaluations, or two models of one side by side.

    Parameters
    ----------
    inputs
        Two folders, or one with two names in ``networks`` or ``answers``.
    networks
        Network of A and of B; by default every one that both have.
    answers
        Input of model 2 of A and of B, such as ``film`` or ``film+mask [true]``; by default every one both have.

    Raises
    ------
    ChoiceError
        Where there is nothing to set side by side.
    CohortError
        Where a folder cannot be read, or the cohorts differ, saying how.
    """
    studies = [read_compared(path) for path in inputs]
    if len(studies) == 1:
        if not (networks or answers):
            raise ChoiceError("one folder alone", "Name a second one, or two networks with --networks")
        studies *= 2
    first, second = studies
    if len(inputs) > 1:
        check_same_cohort(first, second, (str(inputs[0]), str(inputs[1])))
    pairs = _pairs(_network_names(first), _network_names(second), networks, "network", both=len(inputs) > 1)
    asked = _pairs(_answer_names(first), _answer_names(second), answers, "input", both=len(inputs) > 1)
    if not pairs and not asked:
        raise ChoiceError("they have no network and no input in common", "Name one of each with --networks A B")
    what = f"{inputs[0]} and {inputs[1]}" if len(inputs) > 1 else f"Models of {inputs[0]}"
    facts = _facts(first, second, inputs)
    sections = [Section("What is compared", facts), *_sections(first, second, pairs, asked)]
    banner = BANNER if first.synthetic or second.synthetic else ""
    return Document(f"{what} side by side", banner, tuple(sections))


def _facts(first: Study, second: Study, inputs: Sequence[str | Path]) -> tuple[Block, ...]:
    lines = [
        f"{A}: `{inputs[0]}`, {first.facts.get('title', '')}",
        f"{B}: `{inputs[-1]}`, {second.facts.get('title', '')}",
    ]
    common = _runs(first) & _runs(second)
    for name, study in ((A, first), (B, second)):
        left = len(_runs(study) - common)
        if left:
            lines.append(f"{left} runs of {name} are not in the other and are left out.")
    return (Items(tuple(lines)), Text("Differences are A minus B, on the patients and runs that both have."))


def _runs(study: Study) -> set[str]:
    return {one.record.run for one in study.segmentation}


def _network_names(study: Study) -> list[str]:
    return in_order((one.network for one in study.segmentation), TABLE2_NETWORKS)


def _answer_names(study: Study) -> list[str]:
    return list(dict.fromkeys(f"{one.input} [{one.masks}]" if one.masks else one.input for one in study.response))


def _pairs(
    ours: Sequence[str], theirs: Sequence[str], chosen: Sequence[str], what: str, *, both: bool
) -> list[tuple[str, str]]:
    """Return what of A is set beside what of B."""
    if not chosen:
        common = [(name, name) for name in ours if name in theirs] if both else []
        # Two packages under names of their own: each side has but one, so that there is no doubt which are meant.
        return common or ([(ours[0], theirs[0])] if both and len(ours) == len(theirs) == 1 else [])
    first, second = chosen
    for name, known in ((first, ours), (second, theirs)):
        if name not in known:
            raise ChoiceError(f"there is no {what} '{name}'", f"Choose of {', '.join(known) or 'none'}")
    return [(first, second)]


def _sections(
    first: Study, second: Study, pairs: Sequence[tuple[str, str]], asked: Sequence[tuple[str, str]]
) -> list[Section]:
    sections = []
    if pairs:
        merged = [_merged(first, second, pair, ("", "")) for pair in pairs]
        blocks = [grid(_paired([network_comparisons(m, reference=_label(p, 1)) for m, p in merged], "Dice", ("p",)))]
        columns = ("group", "network", "seeds", "patients", "runs", *METRICS2)
        blocks += [grid(table2(m), title=_title(p), columns=columns) for m, p in merged]
        sections.append(Section("Segmentation", tuple(blocks)))
    if asked:
        merged = [_merged(first, second, ("", ""), pair) for pair in asked]
        tables = [response_comparisons(m, reference=_label(p, 1)) for m, p in merged]
        blocks = [grid(_paired(tables, "score AUC", ("p", "p (DeLong)", "p (McNemar)")))]
        columns = ("group", "input", "seeds", "patients", "responders", "score AUC", *METRICS3)
        blocks += [grid(table3(m), title=_title(p), columns=columns) for m, p in merged]
        sections.append(Section("Response", tuple(blocks)))
    return sections


def _merged(
    first: Study, second: Study, pair: tuple[str, str], asked: tuple[str, str]
) -> tuple[Study, tuple[str, str]]:
    """Return one study that holds A's model and B's under different names, on common runs and patients."""
    names = pair if any(pair) else asked
    keys = [_key(name) for name in asked]
    sides = [renamed(study, pair[side], keys[side], _label(names, side)) for side, study in enumerate((first, second))]
    runs = {one.record.run for one in sides[0].segmentation} & {one.record.run for one in sides[1].segmentation}
    people = {one.patient for one in sides[0].response} & {one.patient for one in sides[1].response}
    whole = replace(
        sides[0],
        segmentation=tuple(one for side in sides for one in side.segmentation if one.record.run in runs),
        response=tuple(one for side in sides for one in side.response if one.patient in people),
    )
    return whole, names


def _key(name: str) -> tuple[str, str]:
    head, _, masks = name.partition(" [")
    return head, masks.rstrip("]")


def _label(names: tuple[str, str], side: int) -> str:
    """Return a model's name with its side: a letter, and no bracket, which would mean masks."""
    return f"{(A, B)[side]}: {names[side]}"


def _title(names: tuple[str, str]) -> str:
    return f"{names[0]} of A and {names[1]} of B, on common patients"


def _paired(tables: Sequence[Table], of: str, tests: Sequence[str]) -> Table:
    """Gather A minus B of every model in one table, its p corrected after Holm over the models of a cohort."""
    rows = [row for table in tables for row in rows_of(table)]
    groups = in_order((str(row["group"]) for row in rows), GROUPS)
    columns = (
        *(Column(name) for name in ("group", A, B)),
        Column("patients", "count"),
        *(Column(name, "fraction") for name in (f"{of} of A", f"{of} of B", "difference")),
        *(Column(name, "p") for test in tests for name in (test, f"{test}, Holm")),
    )
    cells: list[tuple[Cell, ...]] = []
    for group in groups:
        own = [row for row in rows if row["group"] == group]
        p = [[value if isinstance(value := row[test], float) else None for row in own] for test in tests]
        corrected = [holm(values) for values in p]
        for i, row in enumerate(own):
            found = row["difference"]
            sides = (found.first, found.second) if isinstance(found, Difference) else (None, None)
            names = [str(row[name]).partition(": ")[2] for name in ("first", "second")]
            values = [value for place in range(len(tests)) for value in (p[place][i], corrected[place][i])]
            cells.append((group, *names, row["patients"], *sides, found, *values))
    # Each table has the note on few patients where it has such rows; here any row may be the one.
    notes = sorted((table.note for table in tables), key=len)
    return Table(f"{of}, A minus B", columns, tuple(cells), notes[-1] if notes else "")

"""Model 2: Table 3, comparisons, ROC, calibration, decision curves, survival."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ..study import Study
from ..study_tables import (
    CalibrationCurve,
    DecisionCurve,
    RocCurve,
    SurvivalCurve,
    calibration_curves,
    calibration_tables,
    decision_curves,
    decision_table,
    paper_table3,
    roc_curves,
    survival,
    table3,
)
from . import paper
from .document import Block, Picture, Section, Text
from .figures import Line, Panel, Step, curves_figure, survival_figure
from .made import Made
from .names import INPUTS, group_name, in_order, input_name
from .tables import MISPRINT, NARROW, beside_table3, grid

NONE = "The study has no predictions of response; this part is left out."
NOTE3 = (
    "In grey: the paper's Table 3, on its own patients. What it prints as AUC is the balanced accuracy of the hard "
    "label, (sensitivity + specificity) / 2, in all twelve rows, and stands beside our balanced accuracy; our score "
    "AUC, the area under the score's curve, has no figure of the paper beside it. "
    f"{NARROW} The interval takes frames for patients (three frames a run) and is too narrow: at patient level 0.782 "
    f"has about 0.70 to 0.87. {MISPRINT} Probably a misprint: this external row fits only the internal cohort's "
    "denominators."
)
TITLES = {"film+mask+clinical": "the full input", "clinical": "the clinical values"}
HEADINGS = {"group": "cohort", "masks": "masks of"}
MONTHS = (0, 6, 12, 18, 24, 30, 36)

_Curve = TypeVar("_Curve", RocCurve, CalibrationCurve, DecisionCurve)


def response_sections(made: Made) -> list[Section]:
    """Return everything on Model 2."""
    study = made.study
    if not study.response:
        return [Section("Response (Table 3)", (Text(NONE),))]
    return [
        Section("Response (Table 3)", tuple(_table3(made))),
        Section(
            "The paper's Table 3 from its counts", (grid(paper_table3(), beside=beside_table3, headings=HEADINGS),)
        ),
        Section("Calibration", tuple(_calibration(study))),
        Section("Decision curves", tuple(_decision(study))),
        Section("Survival (Figure 4)", tuple(_survival(study))),
    ]


def _table3(made: Made) -> list[Block]:
    study = made.study
    table = table3(study)
    note = f"{table.note} {NOTE3}".strip()
    blocks: list[Block] = [
        grid(
            table,
            title="Table 3. Prediction of response, 95 % intervals",
            note=note,
            beside=beside_table3,
            headings=HEADINGS,
        )
    ]
    curves = roc_curves(study)
    if curves:
        panels = _panels(curves, lambda c: Line(_area(c), c.false_positive, c.true_positive))
        data = curves_figure(panels, "false positives (1 − specificity)", "sensitivity", diagonal=True)
        said = "; ".join(f"{group_name(c.group)}, {_area(c)}" for c in curves)
        caption = "ROC curves of the scores; positive is the non-responder. The area is in the legend."
        blocks.append(Picture("roc", data, "svg", f"ROC curves. Areas: {said}.", caption))
    else:
        blocks.append(Text("No cohort has both outcomes; the ROC curves are left out."))
    known = {one.input for one in study.response if one.masks != "true"}
    for name in TITLES:
        if name in known and len(known) > 1:
            blocks += [grid(made.inputs(name), title=f"Each input against {TITLES[name]}, paired")]
    return blocks


def _area(curve: RocCurve) -> str:
    return f"{input_name(curve.input)} {curve.area:.2f}"


def _calibration(study: Study) -> list[Block]:
    blocks: list[Block] = [
        grid(table, title=f"Calibration, {group_name(str(table.rows[0][0])) if table.rows else 'no'} cohort")
        for table in calibration_tables(study)
    ]
    curves = calibration_curves(study)
    if not curves:
        return [*blocks, Text("No cohort has ten patients and a fit; the calibration curves are left out.")]

    def line(curve: CalibrationCurve) -> Line:
        return Line(input_name(curve.input), [p for p, _, _ in curve.points], [share for _, share, _ in curve.points])

    panels = _panels(curves, line)
    data = curves_figure(panels, "predicted probability of response", "observed share", diagonal=True, points=True)
    alt = "Calibration curves; figures of slope and intercept are in the table above."
    caption = "Predicted against observed share of responders, by quantile; dotted: perfect."
    return [*blocks, Picture("calibration", data, "svg", alt, caption)]


def _decision(study: Study) -> list[Block]:
    curves = decision_curves(study)
    if not curves:
        return [Text("There is no cohort to draw a decision curve of; it is left out.")]
    panels = []
    for panel, own in _grouped(curves):
        everyone = Line("treat all", own[0].thresholds, own[0].treat_all, quiet=True)
        lines = (Line(input_name(c.input), c.thresholds, c.net_benefit) for c in own)
        panels.append(Panel(panel, (everyone, *lines)))
    highest = max(max(c.net_benefit) for c in curves)
    data = curves_figure(
        panels, "threshold probability of response", "net benefit",
        y_range=(-0.1, max(0.1, highest)),
    )  # fmt: skip
    alt = "Decision curves; the net benefit at a few thresholds is in the table above."
    caption = "Net benefit of treating those whose probability reaches a threshold; 0 is treating no one."
    return [grid(decision_table(study)), Picture("decision", data, "svg", alt, caption)]


def _survival(study: Study) -> list[Block]:
    if all(one.pfs_months is None for one in study.patients):
        return [Text("The study knows no progression-free survival; Kaplan-Meier curves are left out.")]
    found = survival(study)
    if not found.curves:
        return [Text(f"No curve can be drawn. {found.table.note}".strip())]
    rows = {(str(row[0]), str(row[1])): dict(zip([c.name for c in found.table.columns], row, strict=True))
            for row in found.table.rows}  # fmt: skip
    blocks: list[Block] = []
    for group in in_order((c.group for c in found.curves), ("test", "external")):
        own = [c for c in found.curves if c.group == group]
        panels, said = [], []
        for name in dict.fromkeys(c.input for c in own):
            pair = [c for c in own if c.input == name]
            p = rows.get((group, name), {}).get("p (log-rank)")
            sentence = "" if not isinstance(p, float) else f"log-rank p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}"
            panels.append((input_name(name), [_step(c) for c in pair], sentence))
            said.append(f"{input_name(name)}: {_ends(pair)}{', ' if sentence else ''}{sentence}")
        alt = f"Kaplan-Meier curves, {group_name(group)} cohort. {'; '.join(said)}."
        caption = f"Progression-free survival by predicted class, {group_name(group)} cohort, with 95 % bands."
        data = survival_figure(panels, MONTHS)
        blocks.append(Picture(f"survival-{group}", data, "svg", alt, caption))
    return [*blocks, grid(found.table), grid(found.at_risk), Text(f"The paper: {paper.SURVIVAL}")]


def _step(curve: SurvivalCurve) -> Step:
    at_risk = dict(curve.at_risk)
    label = f"predicted {curve.predicted} (n = {curve.patients})"
    line = Line(label, curve.months, curve.survival, curve.low, curve.high)
    return Step(line, tuple(at_risk.get(month, 0) for month in MONTHS))


def _ends(pair: Sequence[SurvivalCurve]) -> str:
    return ", ".join(f"predicted {c.predicted} {100 * c.survival[-1]:.0f} % at the end" for c in pair)


def _grouped(curves: Sequence[_Curve]) -> list[tuple[str, list[_Curve]]]:
    """Return the curves by cohort, those with true masks apart: no panel holds more than can be told apart."""
    panels = []
    for group in in_order((c.group for c in curves), ("test", "external")):
        for title, true in (("", False), (", true masks", True)):
            own = [c for c in curves if c.group == group and c.input.endswith("[true]") == true]
            names = in_order((c.input for c in own), INPUTS)
            if own:
                panels.append((f"{group_name(group)}{title}", sorted(own, key=lambda c: names.index(c.input))))
    return panels


def _panels(curves: Sequence[_Curve], line: Callable[[_Curve], Line]) -> list[Panel]:
    return [Panel(title, tuple(line(curve) for curve in own)) for title, own in _grouped(curves)]

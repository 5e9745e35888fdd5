"""Networks: Table 2, Tables S1 and S2, comparisons, what makes a run hard, failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..measured import GROUPS
from ..statistics import Estimate
from ..study import SegmentationResult, Study
from ..study_tables import (
    failure_circumstances,
    failure_table,
    group_tables,
    missed_lesion_table,
    tumour_free_networks,
)
from ..table import Table
from . import paper
from .document import Block, Picture, Section, Text
from .figures import Interval, Line, Panel, interval_figure, scatter_figure
from .made import Made
from .names import ALL_NETWORKS, S1_NETWORKS, group_name, in_order, is_frames_of_tdl, network_name
from .part_pictures import Overlay, failure_blocks, overlay_blocks
from .tables import HEADINGS, METRICS2, Row, beside_dice, beside_groups, beside_table2, grid, rows_of

NONE = "The study has no segmentation; this part is left out."
WHO = ("group", "network", "seeds", "patients", "runs")
PAPER_FORM = (*WHO, *METRICS2)
NOTE2 = (
    "In grey: the paper's Table 2, on its own patients. What it calls patient-level sensitivity is the pixel "
    "sensitivity. It states no rule for lesion sensitivity and FPR, and resampled images, not patients."
)
NOTE_S1 = (
    "The supplement is not public. Of Table S1 the text gives the Dice of nnU-Net and U-Net, printed in grey; it gives "
    "no number for U-Net++, Attention U-Net and U²-Net."
)
NOTE_S2 = (
    "The supplement is not public. Of Table S2 the text says that other numbers of frames were slightly below ten; it "
    "gives the Dice of ten frames only."
)


def segmentation_sections(made: Made, overlays: Sequence[Overlay], failures: Sequence[Overlay]) -> list[Section]:
    """Return everything on Model 1."""
    study, table = made.study, made.table2
    if not study.segmentation:
        return [Section("Segmentation (Table 2)", (Text(NONE),))]
    return [
        Section("Segmentation (Table 2)", tuple(_table2(table))),
        Section("Networks compared", tuple(_comparisons(made))),
        Section("Key-frame networks (Table S1)", tuple(_supplement(table, "S1"))),
        Section("Frames of TDL (Table S2)", tuple(_supplement(table, "S2"))),
        Section("What makes a run hard", tuple(_groups(study))),
        Section("Overlays", tuple(overlay_blocks(study, overlays))),
        Section("Failures", tuple(_failures(study, failures))),
    ]


def _table2(table: Table) -> list[Block]:
    def main(row: Row) -> bool:
        return str(row["network"]) not in {*S1_NETWORKS[1:]} and not str(row["network"]).startswith("tdl-")

    note = f"{table.note} {NOTE2}".strip()
    title = "Table 2. Segmentation of tumours, 95 % intervals"
    blocks: list[Block] = [
        grid(table, title=title, note=note, columns=PAPER_FORM, keep=main, beside=beside_table2, headings=HEADINGS)
    ]
    more = tuple(column.name for column in table.columns if column.name not in METRICS2)
    blocks.append(grid(table, title="Further figures of all networks", note="", columns=more))
    figure = _dice_figure(table)
    return [*blocks, figure] if figure else blocks


def _dice_figure(table: Table) -> Picture | None:
    """Draw the Dice of all networks in each cohort."""
    panels, said = [], []
    rows = [row for row in rows_of(table) if isinstance(row["Dice"], Estimate)]
    for group in in_order((str(row["group"]) for row in rows), ("test", "external", "unseen-rate")):
        own = {str(row["network"]): row for row in rows if row["group"] == group}
        intervals = [_interval(group, name, own[name]) for name in in_order(own, ALL_NETWORKS)]
        panels.append((group_name(group), intervals))
        said.append(f"{group_name(group)}: " + ", ".join(f"{one.label} {one.value:.2f}" for one in intervals))
    if not panels:
        return None
    caption = "Dice with 95 % interval; grey rings are the paper's figures on its own patients."
    return Picture("dice", interval_figure(panels, "Dice"), "svg", f"Dice of each network. {'; '.join(said)}.", caption)


def _interval(group: str, network: str, row: Row) -> Interval:
    dice = row["Dice"]
    assert isinstance(dice, Estimate)
    printed = paper.TABLE2.get((group, network), {}).get("dice")
    return Interval(network_name(network), dice.value, dice.low, dice.high, float(printed.value) if printed else None)


def _comparisons(made: Made) -> list[Block]:
    networks = {one.network for one in made.study.segmentation}
    if len(networks) < 2:
        return [Text("The study has one network; there is nothing to compare.")]
    references: list[str] = [name for name in ("ffs", "unet") if name in networks] or [min(networks)]
    title = "Dice of each network against {}, paired"
    tables = [grid(made.networks(name), title=title.format(network_name(name))) for name in references]
    return [*tables, grid(made.losses, title="What each network loses elsewhere, against what FFS loses")]


def _supplement(table: Table, which: str) -> list[Block]:
    first: Callable[[str], bool] = (lambda n: n in S1_NETWORKS) if which == "S1" else is_frames_of_tdl
    alone = {"unet"} if which == "S1" else {"tdl"}
    found = {str(row["network"]) for row in rows_of(table)} - alone
    if not any(first(name) for name in found):
        what = "other key-frame networks than U-Net" if which == "S1" else "other numbers of frames than ten"
        return [Text(f"The study has no {what}; Table {which} is left out.")]
    figures, note = (paper.TABLE_S1, NOTE_S1) if which == "S1" else (paper.TABLE_S2, NOTE_S2)
    what = "Networks on the key frame" if which == "S1" else "U-Net + TDL by number of frames"
    return [
        grid(
            table,
            title=f"Table {which}. {what}",
            note=note,
            columns=PAPER_FORM,
            keep=lambda row: first(str(row["network"])),
            beside=beside_dice(figures),
            headings=HEADINGS,
            order=_in_paper,
        )
    ]


def _in_paper(row: Row) -> tuple[int, int]:
    """Return a row's place: by cohort, then as the paper names networks, +TDL by its number of frames."""
    name = str(row["network"])
    place = int(name.partition("-")[2] or 10) if is_frames_of_tdl(name) else S1_NETWORKS.index(name)
    return GROUPS.index(str(row["group"])), place


def _groups(study: Study) -> list[Block]:
    blocks: list[Block] = [grid(table, beside=beside_groups) for table in group_tables(study)]
    smaller = ", ".join(f"{group_name(g)} {dice}" for (g, name), dice in paper.SUBGROUPS.items() if name == "< 5 cm")
    blocks.append(Text(f"The paper gives one Dice for all lesions below 5 cm: {smaller}."))
    figure = _size_figure(study.segmentation)
    blocks.append(figure or Text("No run has a lesion of known size; the figure of size against Dice is left out."))
    blocks.append(grid(tumour_free_networks(study)))
    return blocks


def _size_figure(results: Sequence[SegmentationResult]) -> Picture | None:
    """Draw the Dice of FFS (or of the first network) by the size of the largest lesion, averaged over seeds."""
    names = in_order((one.network for one in results), ("ffs", *ALL_NETWORKS))[:1]
    own = [one for one in results if one.network in names and not one.record.tumour_free and one.record.largest_cm > 0]
    panels, said = [], []
    for group in in_order((one.group for one in own), ("test", "external", "unseen-rate")):
        runs: dict[str, list[SegmentationResult]] = {}
        for one in own:
            if one.group == group:
                runs.setdefault(one.record.run, []).append(one)
        sizes = np.array([each[0].record.largest_cm for each in runs.values()])
        dice = np.array([np.mean([one.record.dice for one in each]) for each in runs.values()])
        panels.append(Panel(group_name(group), (Line(network_name(names[0]), sizes, dice),)))
        said += [f"{group_name(group)}: {_medians(sizes, dice)}"]
    if not panels:
        return None
    data = scatter_figure(panels, "largest lesion, cm", "Dice")
    caption = f"Dice of {network_name(names[0])} by the diameter of the largest lesion; bars are medians of thirds."
    return Picture("size-against-dice", data, "svg", f"Dice against lesion size. {'; '.join(said)}.", caption)


def _medians(sizes: np.ndarray, dice: np.ndarray) -> str:
    parts = []
    for name, chosen in (
        ("below 3 cm", sizes < 3),
        ("3 to 5 cm", (sizes >= 3) & (sizes < 5)),
        ("5 cm and more", sizes >= 5),
    ):
        parts.append(f"{name} median {np.median(dice[chosen]):.2f}" if chosen.any() else f"{name} none")
    return ", ".join(parts)


def _failures(study: Study, failures: Sequence[Overlay]) -> list[Block]:
    tables = [failure_table(study), failure_circumstances(study), missed_lesion_table(study)]
    paper_says = Text(f"The paper on its own patients: {paper.FAILURES}")
    return [*(grid(table) for table in tables), paper_says, *failure_blocks(failures)]

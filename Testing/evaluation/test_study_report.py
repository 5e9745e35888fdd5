"""A study's report: it opens offline, says what is phantom, prints what was worked out by hand, leaves out parts."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from made_up_studies import FACTS, hand_study, made_up_study, without

from DSANetLib.errors import CohortError, OutputError
from DSANetLib.evaluation.paper import PAPER_ROWS
from DSANetLib.evaluation.reporting import paper
from DSANetLib.evaluation.reporting.answers import answers
from DSANetLib.evaluation.reporting.checklists import CLAIM, TRIPOD_AI
from DSANetLib.evaluation.reporting.document import Cell, Document, Grid, Section, Text
from DSANetLib.evaluation.reporting.figures import Line, Panel, Step, curves_figure, survival_figure
from DSANetLib.evaluation.reporting.html import to_html
from DSANetLib.evaluation.reporting.made import Made
from DSANetLib.evaluation.reporting.markdown import to_markdown
from DSANetLib.evaluation.reporting.orders import dice_orders, judged, ours_orders, turned
from DSANetLib.evaluation.reporting.report import BANNER, make_document, write_report
from DSANetLib.evaluation.statistics import Difference
from DSANetLib.evaluation.study import Study, write_study

NETWORKS = ("unet", "tdl", "lrs", "ffs", "tempo", "nnunet", "tdl-5")


class Page(HTMLParser):
    """What a reader's browser would meet: tags with their attributes, and the text of each cell."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._words: list[str] | None = None
        self._table: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "table":
            self._table = []
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th", "caption"):
            self._words = []

    def handle_data(self, data):
        if self._words is not None:
            self._words.append(data)

    def handle_endtag(self, tag):
        if tag in ("td", "th", "caption"):
            text, self._words = " ".join(self._words or ()), None
            if tag == "caption":
                self.tables[text] = self._table
            else:
                self._table[-1].append(text)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def row(self, title: str, *names: str) -> dict[str, str]:
        head, *rows = next(table for name, table in self.tables.items() if name.startswith(title))
        found = [row for row in rows if tuple(row[: len(names)]) == names]
        assert len(found) == 1, (title, names)
        return dict(zip(head, found[0], strict=True))


def _png() -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", np.zeros((4, 6), np.uint8))[1])


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made-up")
    write_study(made_up_study(36, networks=NETWORKS), folder / "study")
    pictures = folder / "study" / "pictures"
    pictures.mkdir()
    for name in ("ffs-best-p001-r1", "ffs-median-p002-r1", "tdl-5-worst-p004-r1", "failure-too much-p005-r1", "other"):
        (pictures / f"{name}.png").write_bytes(_png())
    return write_report(folder / "study", folder / "out")


@pytest.fixture(scope="module")
def page(report):
    return Page(report[0].read_text(encoding="utf-8"))


def test_page_opens_offline_and_runs_nothing(report, page):
    loaded = [v for _, each in page.tags for k, v in each.items() if k in ("src", "href", "data", "action", "srcset")]
    assert loaded
    assert all(value.startswith(("data:image/", "#")) for value in loaded)
    assert not page.all("script") + page.all("link") + page.all("iframe")
    assert "http-equiv" in str(page.all("meta")) and "default-src 'none'" in str(page.all("meta"))
    assert "@import" not in (text := report[0].read_text(encoding="utf-8")) and "url(" not in text
    for image in page.all("img"):
        kind, _, data = image["src"].partition(";base64,")
        if kind.endswith("svg+xml"):
            tree = ET.fromstring(base64.b64decode(data))
            links = [v for node in tree.iter() for k, v in node.attrib.items() if k.endswith("href")]
            assert all(link.startswith("#") for link in links)


def test_page_can_be_read_without_seeing_it(page):
    assert len(page.all("h1")) == 1
    assert all(len(image["alt"]) > 20 for image in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table")) > 15
    assert all("scope" in cell for cell in page.all("th"))
    assert ("html", {"lang": "en"}) in page.tags
    anchors = [section["id"] for section in page.all("section")]
    assert len(anchors) == len(set(anchors))
    assert {link["href"][1:] for link in page.all("a")} == set(anchors)


def test_banner_stands_on_every_page_and_below_every_heading(report, page):
    html, markdown = (path.read_text(encoding="utf-8") for path in report)
    assert html.count(f">{BANNER}<") == 1 + len(page.all("section"))
    assert markdown.count(BANNER) == 1 + len(re.findall("^## ", markdown, re.MULTILINE))
    assert "position: fixed" in html


def test_markdown_finds_its_pictures(report):
    text = report[1].read_text(encoding="utf-8")
    named = re.findall(r"!\[[^\]]{20,}\]\(([^)\s]+)\)", text)
    assert sorted(named) == sorted(
        f"report-pictures/{p.name}" for p in (report[1].parent / "report-pictures").iterdir()
    )
    kinds = {"dice.svg", "roc.svg", "calibration.svg", "decision.svg", "survival-test.svg", "size-against-dice.svg"}
    assert kinds <= {name.rpartition("/")[2] for name in named}


def test_pictures_are_told_by_name(report):
    text = report[1].read_text(encoding="utf-8")
    assert "FFS, best: angiogram with true and predicted outline of the tumour, case p001-r1, internal, Dice 0." in text
    assert "There is no picture of its worst run." in text
    assert "U-Net + TDL, 5 frames, worst: case p004-r1" in text
    assert "**Too much**" in text
    assert "other.png" not in text


def test_papers_figures_stand_beside_ours(page):
    ffs = page.row("Table 2.", "internal", "FFS")
    assert "paper: 0.75 (0.73–0.78)" in ffs["Dice"] and "paper: 23.8 (20.4–27.3)" in ffs["FPR %"]
    assert "paper" not in page.row("Table 2.", "internal", "tempo (ours)")["Dice"]
    assert "paper: 0.72 (0.70–0.74)" in page.row("Table S1.", "internal", "nnU-Net")["Dice"]
    assert "paper" not in page.row("Table S2.", "internal", "U-Net + TDL, 5 frames")["Dice"]
    assert "paper: 530" not in str(page.tables["Table 1. Characteristics of the cohorts"])
    assert "paper: 330 (91.7)" in page.row("Table 1.", "sex", "male")["training"]


def test_balanced_accuracy_is_no_auc_and_the_misprint_is_marked(page):
    full = page.row("Table 3.", "external", "KF + KF·Pred + Pred + clinical", "predicted")
    assert "paper" not in full["score AUC"]
    assert "paper: 0.670 (0.612–0.726) ‡" in full["AUC (balanced accuracy)"]
    table = next(table for name, table in page.tables.items() if name.startswith("Table 3."))
    assert [row[1] for row in table if "†" in " ".join(row)] == ["KF + KF·Pred + Pred"]


def test_orders_are_judged_in_the_summary(page):
    head, *rows = page.tables["Orders of the paper, and the promises of the network of ours"]
    said = {(row[0], row[1]): row[3] for row in rows}
    assert head == ["claim", "cohort", "difference", "verdict"]
    assert said["FFS above U-Net + LRS in Dice", "internal"] == "held"
    assert said["tempo (ours) takes at most a quarter of FFS's operations", "–"] == "held"
    assert ("KF + KF·Pred + Pred above clinical values in score AUC", "external") in said


def test_a_failed_training_is_told_with_its_reason(report):
    assert "nnU-Net, seed 1: nnunetv2 is not installed" in report[1].read_text(encoding="utf-8")


def test_tables_hold_what_was_worked_out_by_hand(hand):
    page = Page(to_html(hand))
    assert page.row("Table 2.", "internal", "U-Net (baseline)")["Dice"].startswith("0.650 ")
    assert page.row("Table 2.", "internal", "FFS")["Dice"].startswith("0.750 ")
    assert page.row("Dice of each network against FFS", "internal", "U-Net (baseline)")["difference"].startswith(
        "-0.100"
    )
    # Scores 0.9, 0.3 of responders and 0.8, 0.1 of non-responders: three of four pairs in order; one of each label.
    film = page.row("Table 3.", "internal", "key frame (KF)")
    assert film["score AUC"].startswith("0.750 ")
    assert film["AUC (balanced accuracy)"].startswith("0.500 ")
    assert [film[name].split()[0] for name in ("sensitivity %", "specificity %", "PPV %", "NPV %")] == ["50.0"] * 4
    assert page.row("Table 1.", "age")["internal"].split("paper")[0].strip() == "65.0 ± 12.9"
    assert page.row("Table 1.", "patients")["internal"].startswith("4 ")


@pytest.fixture(scope="module")
def hand():
    return make_document(hand_study())


@pytest.mark.parametrize(
    "sentence",
    [
        "The study lists no trainings; the table is left out.",
        "The study knows no progression-free survival; Kaplan-Meier curves are left out.",
        "There is no external cohort",
        "There is one seed",
        "Table S1 is left out",
        "Table S2 is left out",
        "holds no pictures of overlays; they are left out",
    ],
)
def test_a_part_that_is_missing_is_left_out_with_a_sentence(hand, sentence):
    assert sentence in to_markdown(hand, "pictures")


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ({"response": ()}, "The study has no predictions of response; this part is left out."),
        ({"segmentation": ()}, "The study has no segmentation; this part is left out."),
        ({"response": (), "segmentation": (), "patients": (), "facts": {}}, "A study without a title"),
        ({"response": (), "segmentation": (), "patients": ()}, "The study lists no patients; Table 1 is left out."),
    ],
)
def test_a_study_without_a_whole_part_is_rendered(missing, sentence):
    assert sentence in to_markdown(make_document(without(hand_study(), **missing)), "pictures")


def test_one_network_and_one_class_are_no_trouble():
    study = hand_study()
    alone = tuple(one for one in study.segmentation if one.network == "unet")
    yes = tuple(replace(one, responder=True) for one in study.response)
    text = to_markdown(make_document(replace(study, segmentation=alone, response=yes)), "pictures")
    assert "The study has one network; there is nothing to compare." in text
    assert "the ROC curves are left out" in text


def test_a_real_cohort_has_no_banner_and_what_nobody_knows_is_not_made_up():
    study = replace(hand_study(), facts={**FACTS, "synthetic": False}, segmentation=(), response=())
    assert BANNER not in to_html(make_document(study))
    said = answers(study)
    assert said["ethics"].startswith("not known") and "phantom" not in " ".join(said.values())
    assert answers(hand_study())["ethics"].startswith("not applicable")


def test_checklists_are_whole_and_every_item_has_an_answer():
    assert [item.number for item in CLAIM] == [str(i) for i in range(1, 45)]
    assert sorted({int(re.match(r"\d+", item.number)[0]) for item in TRIPOD_AI}) == list(range(1, 28))
    assert {item.key for item in (*CLAIM, *TRIPOD_AI)} <= set(answers(Study({})))


def _difference(value, low, high, p=0.01, patients=10):
    return Difference(value, 0.0, value, low, high, p, patients, patients)


def test_a_table_that_goes_on_behind_the_edge_shows_it_and_not_in_print():
    document = make_document(made_up_study(30))
    style = re.search(r"<style>(.*?)</style>", to_html(document), re.DOTALL)[1]
    screen, printed = style.split("@media print")
    assert re.search(r"\.scroll \{[^}]*background-attachment: local, local, scroll, scroll", screen)
    assert ".scroll::-webkit-scrollbar" in screen
    assert re.search(r"\.scroll \{[^}]*background: none", printed)


@pytest.mark.parametrize(
    ("difference", "p", "verdict"),
    [
        (_difference(0.1, 0.05, 0.15), 0.01, "held"),
        (_difference(0.1, 0.05, 0.15), 0.2, "held, not after correction"),
        (_difference(0.1, -0.05, 0.25), 0.01, "held in the point estimate only"),
        (_difference(0.1, None, None, None), None, "held in the point estimate only"),
        (_difference(0.1, 0.05, 0.15, patients=9), 0.01, "held in the point estimate only"),
        (_difference(-0.1, -0.15, -0.05), 0.01, "did not hold"),
        (_difference(0.0, 0.0, 0.0), 1.0, "did not hold"),
        (None, None, "cannot be said"),
    ],
)
def test_an_order_is_said_as_it_fell(difference, p, verdict):
    assert judged(difference, p) == verdict


def test_an_order_that_did_not_hold_is_said():
    study = made_up_study(30, networks=("unet", "ffs", "tdl"))
    swap = {"unet": "ffs", "ffs": "unet"}
    swapped = tuple(replace(one, network=swap.get(one.network, one.network)) for one in study.segmentation)
    verdicts = {(o.group, o.claim): o.verdict for o in dice_orders(Made(replace(study, segmentation=swapped)))}
    assert verdicts["test", "FFS above U-Net + TDL (10 frames) in Dice"] == "did not hold"
    heavy = tuple(replace(one, gflop=13.0) for one in study.trainings)
    assert ours_orders(Made(replace(study, segmentation=(), trainings=heavy)))[0].verdict == "did not hold"


def test_a_difference_turned_twice_is_itself():
    one = Difference(0.7, 0.5, 0.2, 0.1, 0.4, 0.03, 7, 9)
    assert turned(one) == Difference(0.5, 0.7, -0.2, -0.4, -0.1, 0.03, 7, 9)
    assert turned(turned(one)) == one


def test_papers_figures_agree_with_its_counts_and_with_themselves():
    for row in PAPER_ROWS:
        printed = paper.TABLE3[row.group, row.input, row.masks]
        assert float(printed["auc"].value) == pytest.approx(row.counts.balanced_accuracy, abs=0.001)
        for name in paper.TABLE3_METRICS[1:]:
            assert float(printed[name].value) == pytest.approx(getattr(row.counts, name), abs=0.1)
    figures = [each for table in (paper.TABLE2, paper.TABLE3) for row in table.values() for each in row.values()]
    assert len(figures) == 8 * 8 + 12 * 6
    assert all(float(each.low) <= float(each.value) <= float(each.high) for each in figures)
    assert (len(paper.TABLE2), paper.MISPRINTED in paper.TABLE3) == (8, True)
    for name, row in paper.TABLE1.items():
        counts = [int(text.split()[0]) for text in row.values() if "±" not in text]
        # Three of the paper's totals are not the sum of its cohorts; they are kept as printed, and not shown.
        assert not counts or name in ("hbv", "child_pugh=8", "crp>=1") or counts[0] == sum(counts[1:])


def test_same_numbers_give_the_same_picture():
    line = Line("one", [0, 0.5, 1], [0, 0.7, 1], [0, 0.6, 0.9], [0.1, 0.8, 1])
    draw = (
        lambda: curves_figure([Panel("p", (line,))], "x", "y"),
        lambda: survival_figure([("p", [Step(line, (3, 1))], "")], (0, 1)),
    )
    for figure in draw:
        assert figure() == figure()
        assert b"<dc:date>" not in figure()


def test_words_of_a_study_stay_words():
    grid = Grid("a <b> | c", ("x|y", "z"), ((Cell("<script>alert(1)</script>|"), Cell("1", "2")),))
    document = Document("<script>", "", (Section("s", (Text('`"<i>"` **&** [x](http://y)'), grid)),))
    html, markdown = to_html(document), to_markdown(document, "p")
    assert "<script>" not in html and "<i>" not in html and "<strong>&amp;</strong>" in html
    assert "<script>" not in markdown and r"&lt;script>alert(1)&lt;/script>\|" in markdown
    assert not Page(html).all("a")[1:]


def test_a_table_with_a_short_row_is_refused():
    with pytest.raises(OutputError, match="row of 1 cells in 't'"):
        Grid("t", ("a", "b"), ((Cell("1"),),))


def test_no_file_of_another_is_replaced(tmp_path):
    write_study(without(hand_study(), response=()), tmp_path / "study")
    (tmp_path / "report.html").write_text("my own page")
    with pytest.raises(OutputError, match=r"report\.html: is there already and is no report of dsanet"):
        write_report(tmp_path / "study", tmp_path)
    assert (tmp_path / "report.html").read_text() == "my own page"
    first = [path.read_bytes() for path in write_report(tmp_path / "study", tmp_path / "out")]
    assert [path.read_bytes() for path in write_report(tmp_path / "study", tmp_path / "out")] == first


def test_a_picture_that_is_none_is_named(tmp_path):
    write_study(hand_study(), tmp_path)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "ffs-best-h1.png").write_text("no picture")
    with pytest.raises(OutputError, match=r"ffs-best-h1\.png: is no PNG"):
        write_report(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(CohortError, match="cannot be read"):
        write_report(tmp_path / "nowhere", tmp_path / "out")

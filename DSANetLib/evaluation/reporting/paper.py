"""The paper's printed figures, as data, to stand in grey beside ours.

Source: Cancer Imaging 2022, doi 10.1186/s40644-022-00457-3, Tables 1-3 and the text of the results. They describe the
authors' own patients. The supplement with Tables S1 and S2 is not public: of them is here what the text says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CITATION = "Cancer Imaging 2022, doi 10.1186/s40644-022-00457-3"

TABLE2_METRICS = ("dice", "accuracy", "sensitivity", "specificity", "ppv", "npv", "lesion_sensitivity", "fpr")
TABLE3_METRICS = ("auc", "accuracy", "sensitivity", "specificity", "ppv", "npv")

_TABLE2 = """
test unet 0.71 0.68 0.74 96.8 96.4 97.2 80.2 77.6 82.7 98.2 97.8 98.5
  75.5 72.3 78.5 98.1 97.8 98.4 84.8 81.9 87.8 34.0 30.5 37.4
test tdl 0.72 0.70 0.75 96.7 96.3 97.0 83.3 81.0 85.6 97.7 97.3 98.0
  73.4 70.2 76.3 98.4 98.2 98.7 81.8 78.6 85.0 32.2 28.8 35.5
test lrs 0.73 0.70 0.76 97.0 96.6 97.4 80.0 77.3 82.8 98.5 98.2 98.7
  75.5 72.3 78.4 98.0 97.7 98.4 83.2 80.1 86.3 22.7 19.3 26.1
test ffs 0.75 0.73 0.78 97.1 96.8 97.5 82.3 79.8 84.8 98.4 98.1 98.6
  77.9 75.0 80.6 98.3 97.9 98.6 87.2 84.4 89.9 23.8 20.4 27.3
external unet 0.71 0.68 0.73 96.8 96.5 97.2 73.1 70.5 75.5 99.3 99.2 99.4
  83.3 81.3 85.5 97.2 96.8 97.6 90.1 87.7 92.5 34.7 31.7 37.7
external tdl 0.72 0.70 0.75 96.6 96.3 97.0 86.6 84.8 88.4 97.9 97.6 98.1
  71.0 68.5 73.7 98.5 98.1 98.8 92.0 89.8 94.2 44.0 40.9 47.0
external lrs 0.71 0.69 0.74 96.9 96.6 97.2 78.2 75.6 80.4 98.7 98.5 98.9
  77.0 74.2 79.6 97.9 97.6 98.2 92.5 90.4 94.7 34.1 31.0 37.3
external ffs 0.73 0.71 0.75 97.1 96.7 97.4 79.0 76.4 81.1 98.7 98.5 98.9
  79.6 76.9 82.0 98.1 97.8 98.4 94.3 92.4 96.2 30.8 27.9 33.7
"""
_TABLE3 = """
test film - 0.681 0.637 0.725 70.4 65.3 75.0 47.3 39.5 55.2 88.9 84.5 93.0 77.2 69.1 85.4 67.9 61.5 73.5
test clinical - 0.670 0.623 0.719 67.7 62.9 72.6 60.0 52.5 67.3 73.9 67.6 79.7 64.7 56.7 71.8 69.9 63.9 75.7
test film+mask predicted 0.733 0.687 0.779 73.7 69.4 78.8 69.7 62.8 76.8 76.8 70.5 82.2 70.6 63.5 77.4 76.1 70.1 81.9
test film+mask+clinical predicted 0.782 0.738 0.826 78.2 74.2 82.3 77.6 70.7 84.0 78.7 72.9 84.1 74.4 67.2 81.4
  81.5 75.9 86.8
test film+mask true 0.727 0.684 0.770 74.7 70.2 78.8 55.2 47.4 63.2 90.3 86.3 94.1 82.0 75.0 89.0 71.6 65.9 77.2
test film+mask+clinical true 0.802 0.759 0.847 80.4 76.3 84.4 78.8 72.2 84.9 81.6 76.5 86.6 77.4 70.6 83.7
  82.8 77.4 88.0
external film - 0.628 0.573 0.684 69.4 64.5 74.6 49.5 38.6 59.4 76.2 71.2 81.5 41.4 32.1 50.4 81.6 77.0 86.0
external clinical - 0.593 0.529 0.646 63.1 58.5 68.3 51.6 42.1 63.1 67.0 61.6 72.7 34.8 26.8 42.8 80.3 75.0 86.1
external film+mask predicted 0.712 0.672 0.753 73.9 69.6 78.5 46.7 39.2 54.2 95.7 92.8 98.1 89.5 83.0 96.0
  69.2 63.8 74.5
external film+mask+clinical predicted 0.670 0.612 0.726 75.1 70.2 79.5 50.5 40.0 61.5 83.5 79.2 87.7 51.1 40.6 61.4
  83.2 78.9 87.5
external film+mask true 0.575 0.536 0.614 76.2 71.6 80.6 19.4 12.1 28.3 95.6 93.0 97.9 60.0 41.2 78.3 77.7 73.3 81.9
external film+mask+clinical true 0.817 0.777 0.856 77.9 73.8 82.0 89.2 82.2 95.2 74.0 68.1 79.2 53.9 46.2 61.8
  95.3 92.4 97.7
"""

MISPRINTED = ("external", "film+mask", "predicted")
"""Its counts fit the internal cohort's denominators only."""

TABLE1_GROUPS = ("all", "train", "test", "external")
# Number of patients, then a row a variable in the order of the groups above.
_TABLE1 = """
patients | 605 | 360 | 124 | 121
age | 55.0 ± 11.9 | 55.06 ± 12.2 | 55.5 ± 11.6 | 54.5 ± 11.3
sex | 548 (90.6) | 330 (91.7) | 107 (86.3) | 111 (91.7)
hbv | 530 (87.6) | 306 (85.0) | 107 (86.3) | 112 (92.6)
bclc=A | 67 (11.1) | 36 (10.0) | 16 (12.9) | 15 (12.4)
bclc=B | 538 (88.9) | 324 (90.0) | 108 (87.1) | 106 (87.6)
child_pugh=5 | 437 (72.2) | 263 (73.1) | 100 (80.6) | 74 (61.2)
child_pugh=6 | 106 (17.5) | 62 (17.2) | 15 (12.1) | 29 (24.0)
child_pugh=7 | 38 (6.3) | 21 (5.8) | 8 (6.5) | 9 (7.4)
child_pugh=8 | 17 (2.8) | 10 (2.8) | 2 (1.6) | 7 (5.8)
child_pugh=9 | 7 (1.2) | 4 (1.1) | 1 (0.8) | 2 (1.7)
ascites | 43 (7.1) | 24 (6.7) | 7 (5.6) | 12 (9.9)
pt | 12.8 ± 5.9 | 13.1 ± 7.6 | 12.3 ± 1.3 | 12.5 ± 1.6
tbil | 18.6 ± 16.6 | 19.1 ± 18.6 | 16.7 ± 8.7 | 17.5 ± 13.4
alb | 40.7 ± 23.9 | 41.8 ± 30.7 | 40.2 ± 4.7 | 38.0 ± 5.3
ast>=40 | 351 (58.0) | 230 (63.9) | 69 (55.6) | 52 (43.0)
alt>=40 | 311 (51.4) | 198 (55.0) | 69 (55.6) | 44 (36.4)
crp>=1 | 313 (86.9) | 313 (86.9) | 108 (87.1) | 96 (79.3)
afp>=200 | 267 (44.1) | 172 (47.8) | 51 (41.1) | 44 (36.4)
responder | 335 (55.4) | 176 (48.9) | 69 (55.6) | 90 (74.4)
non_responder | 270 (44.6) | 184 (51.1) | 55 (44.4) | 31 (25.6)
combined_treatment | 388 (64.1) | 237 (65.8) | 81 (65.3) | 70 (57.9)
tace_rounds>=2 | 523 (86.4) | 320 (88.9) | 104 (83.9) | 99 (81.8)
"""


@dataclass(frozen=True)
class Printed:
    """A figure as printed, with its 95 % interval where there is one."""

    value: str
    low: str = ""
    high: str = ""

    def __str__(self) -> str:
        """Return it as the paper prints it."""
        return f"{self.value} ({self.low}–{self.high})" if self.low else self.value


def _figures(text: str, keys: int, metrics: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, Printed]]:
    """Parse rows of `keys` words and three figures a metric; a row may go on in an indented line."""
    rows: dict[tuple[str, ...], dict[str, Printed]] = {}
    for line in text.replace("\n  ", " ").strip().splitlines():
        words = line.split()
        name = tuple("" if word == "-" else word for word in words[:keys])
        figures = [Printed(*words[start : start + 3]) for start in range(keys, len(words), 3)]
        rows[name] = dict(zip(metrics, figures, strict=True))
    return rows


TABLE2: Mapping[tuple[str, ...], Mapping[str, Printed]] = _figures(_TABLE2, 2, TABLE2_METRICS)
"""(group, network) → metric → figure; all but Dice in per cent."""

TABLE3: Mapping[tuple[str, ...], Mapping[str, Printed]] = _figures(_TABLE3, 3, TABLE3_METRICS)
"""(group, input, masks) → metric → figure; ``auc`` is the balanced accuracy of the hard label."""

TABLE1: Mapping[str, Mapping[str, str]] = {
    row[0].strip(): dict(zip(TABLE1_GROUPS, (cell.strip() for cell in row[1:]), strict=True))
    for row in (line.split("|") for line in _TABLE1.strip().splitlines())
}
"""Variable → group → as printed."""

TABLE_S1: Mapping[str, Printed] = {
    "nnunet": Printed("0.72", "0.70", "0.74"),
    "unet": Printed("0.71", "0.68", "0.74"),
}
"""Dice of the key-frame networks as the text gives it; U-Net++, Attention U-Net and U²-Net are in no number."""

TABLE_S2: Mapping[str, Printed] = {"tdl": Printed("0.72", "0.70", "0.75")}
"""Dice of +TDL with ten frames; other numbers of frames are called "slightly lower", without a number."""

SUBGROUPS: Mapping[tuple[str, str], str] = {
    ("test", "≥ 5 cm"): "0.87",
    ("test", "< 5 cm"): "0.64",
    ("external", "≥ 5 cm"): "0.84",
    ("external", "< 5 cm"): "0.65",
    ("test", "several lesions"): "0.68",
    ("external", "several lesions"): "0.67",
    ("test", "magnified field"): "0.79 (9 patients)",
    ("external", "magnified field"): "0.62 (31 patients)",
}
"""Dice of FFS by group, from the text."""

FAILURES = (
    "31 lesions in 21 patients were missed in the internal and 13 lesions in 13 patients in the external cohort; all "
    "were smaller than 5 cm, 72.7 % smaller than 3 cm. Of the lesions with a Dice below 0.5, 28.1 % had stomach and "
    "bowel beside them, 24.3 % motion of diaphragm and heart, and 23.2 % were smaller than 2 cm."
)
SURVIVAL = "p = 0.002 for responders against non-responders divided by Model 2 (Figure 4; abstract)."
"""What the text says of progression-free survival over three years."""
AGREEMENT = "ICC 0.930–0.944 between two observers of the response."

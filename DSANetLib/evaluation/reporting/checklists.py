"""TRIPOD+AI and CLAIM as data, and what a study's facts answer of them.

Items are given in a few words; the statements themselves are Collins et al., BMJ 2024;385:e078378 (TRIPOD+AI) and
Tejani et al., Radiology: Artificial Intelligence 2024;6:e240300 (CLAIM, 2024 update; numbers and order as in RSNA's own
table, https://rsna.github.io/claim/checklist.html).
"""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN = "not known: to be filled in by the group"
NOT_HERE = "not applicable"

# Number, item, key of the answer. A key that the study's facts do not answer is written as not known.
_TRIPOD = """
1 | title names a prediction model, its patients and outcome | title
2 | structured abstract | outside
3a | healthcare context and reasons, earlier models | context
3b | target population, purpose, users | purpose
3c | known health inequalities | unknown
4 | objectives: development, evaluation or both | objectives
5a | sources of the data of development and evaluation | cohort
5b | dates of the data | private
6a | setting, centres | centres
6b | eligibility | eligibility
6c | treatments received | unknown
7 | preparation and quality checks of the data | preparation
8a | outcome, horizon, how assessed | outcome
8b | who assessed a subjective outcome | assessors
8c | blinding of the outcome's assessment | assessors
9a | choice of the first predictors | predictors
9b | predictors, how and when measured | predictors
9c | who assessed subjective predictors | annotators
10 | how the study's size was arrived at | size
11 | missing data | missing
12a | how the data were used and partitioned | split
12b | how predictors were handled | encoding
12c | type of model, all steps of building, internal validation | models
12d | differences between centres | groups
12e | measures and plots of performance | measures
12f | updating of the model after evaluation | no_updating
12g | how predictions were calculated for the evaluation | code
13 | class imbalance | imbalance
14 | fairness | fairness
15 | output of the model, thresholds | threshold
16 | differences between development and evaluation data | table1
17 | ethics approval and consent | ethics
18a | funding | unknown
18b | conflicts of interest | unknown
18c | protocol | experiments
18d | registration | unknown
18e | availability of the data | data
18f | availability of the code | code
19 | patient and public involvement | people
20a | flow of participants, follow-up | flow
20b | characteristics of each source | table1
20c | predictors of evaluation against development | table1
21 | participants and events in each analysis | flow
22 | the full model, so that others can predict | packages
23a | performance with intervals, also by subgroup | performance
23b | differences of performance between centres | groups
24 | results of updating | no_updating
25 | interpretation | outside
26 | limitations | limits
27a | inputs of poor quality or missing, in use | robustness
27b | what the user must do and know | purpose
27c | next steps | outside
"""
_CLAIM = """
1 | title names AI and its kind | title
2 | structured summary | outside
3 | background, intended use and role | context
4 | aims, objectives, hypotheses | objectives
5 | prospective or retrospective | retrospective
6 | goal of the study | objectives
7 | sources of the data | cohort
8 | inclusion and exclusion | eligibility
9 | preprocessing | preparation
10 | selection of subsets of the data | frames
11 | de-identification | deidentified
12 | missing data | missing
13 | image acquisition | acquisition
14 | how the reference standard was obtained | reference
15 | why this reference standard | reference
16 | source of the annotations | annotators
17 | annotation of the test set | annotators
18 | agreement between and within annotators | agreement
19 | assignment to partitions | split
20 | level at which partitions are disjoint | disjoint
21 | intended sample size | size
22 | the model in detail | models
23 | software and versions | versions
24 | initial parameters | seeds
25 | training in detail | training
26 | choice of the final model | selection
27 | ensembles | ensemble
28 | metrics | measures
29 | significance and uncertainty | statistics
30 | robustness, sensitivity analysis | groups
31 | explainability | explain
32 | evaluation on internal data | internal
33 | testing on external data | external
34 | registration as a clinical trial | unknown
35 | patients included and excluded, numbers | flow
36 | characteristics of each partition | table1
37 | metrics and uncertainty | performance
38 | estimates of performance with their precision | performance
39 | analysis of failures | failures
40 | limitations | limits
41 | implications for practice | outside
42 | full protocol or technical details | experiments
43 | availability of software, models, data | code
44 | funding | unknown
"""


@dataclass(frozen=True)
class ChecklistItem:
    """One item: its number, what it asks in a few words, and which answer of the study it takes."""

    number: str
    asks: str
    key: str


def _items(text: str) -> tuple[ChecklistItem, ...]:
    return tuple(ChecklistItem(*(part.strip() for part in line.split("|"))) for line in text.strip().splitlines())


TRIPOD_AI = _items(_TRIPOD)
"""27 items, 52 with their parts."""
CLAIM = _items(_CLAIM)
"""44 items."""

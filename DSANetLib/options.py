"""The options of the command ``dsanet``, with their examples."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

RUN_EXAMPLES = """examples:
  dsanet run patient7.avi --out results
  dsanet run runs/ more/run9.dcm --out results --clinical clinical.csv --patients patients.csv
  dsanet run run.dcm --out results --key-frame 14 --spacing 0.31
  dsanet run runs/ --out results --json > results.jsonl

Frames are counted from 1. A clinical table has a row a patient and the columns that
docs/networks.md lists; without one the film-only model is used. Runs of one patient give one
result: the mean over key frame and neighbours of each run, then over the runs. Which run is whose is
said by --patients (a CSV with the columns case and patient, or the word "folders"), or by the
manifest.csv (columns case, patient, path) of a folder that 'dsanet phantom' made.

Research use only; the models that come with dsanet were trained on a synthetic phantom."""
PHANTOM_EXAMPLES = """examples:
  dsanet phantom phantom-data --patients 5 --seed 1 --format dicom
  dsanet run phantom-data --out results
  dsanet phantom study --cohort smoke --workers 2"""
TRAIN_EXAMPLES = """examples:
  dsanet train ffs --out my-ffs --cache cache --minutes 100
  dsanet train response --out my-response --cache cache --segmenter my-ffs
  dsanet train ffs --cohort my-cohort --out my-ffs --samples 20000 --patience 5
  dsanet train ffs --cohort my-cohort --folds --out my-folds --samples 20000
  dsanet train ffs --cohort my-corrections --from ffs-phantom --out my-ffs --samples 2000
  torchrun --nproc-per-node 4 -m DSANetLib.cli train ffs --preset paper --samples 216000 --out ffs-paper

A cohort is split by 'dsanet cohort split' first. The same command goes on where it was killed.
Needs the extra: pip install 'dsanet[train]'."""
EVALUATE_EXAMPLES = """examples:
  dsanet evaluate --out report
  dsanet evaluate --out trial --cohort validation --patients 20 --baseline-patients 20 --unseen-patients 0
  dsanet evaluate --cohort my-cohort --models my-ffs my-unet --out measured
  dsanet compare measured --networks my-ffs my-unet

On the phantom it goes on where it was when it is started again with the same --out. On a cohort that
'dsanet cohort split' has split, it measures packages that segment on the test and external patients, at the
annotated key frames."""
PHANTOM_SEEDS = ("test", "validation")
"""What --cohort of ``dsanet evaluate`` names where it names no folder."""

COHORT_EXAMPLES = """examples:
  dsanet cohort init study                   # tables for the runs in study/runs and the masks in study/masks
  dsanet cohort init study --runs films --masks labelme
  dsanet cohort check study                  # what would spoil a study; exit code 1 if anything would
  dsanet cohort split study --seed 1
  dsanet cohort describe study

The folder's format, step by step: docs/cohort.md."""


MODELS = (
    "ffs", "unet", "tdl", "lrs", "unetpp", "attention-unet", "u2net", "tempo",
    "response", "response-film", "response-clinical",
)  # fmt: skip


def run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``dsanet run``."""
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", type=_path, help="video, DICOM, .seq.nrrd, or a folder with runs")
    add("--out", required=True, type=_path, metavar="DIR", help="a folder a case is made here, and results.csv")
    add("--clinical", type=Path, metavar="CSV", help="clinical values, a row a patient")
    add("--patients", metavar="CSV|folders", help="which run is whose: columns case and patient, or 'folders'")
    add("--key-frame", type=_counted, metavar="N", help="key frame, counted from 1 (one run only)")
    add("--mask-frame", type=_counted, metavar="N", help="frame to subtract, counted from 1 (one run only)")
    add("--frame-rate", type=float, metavar="PER_S", help="frames per second, where the file does not say or is wrong")
    add("--subtracted", choices=("yes", "no"), help="are the frames subtracted already? where the file does not say")
    add("--spacing", type=float, metavar="MM", help="size of a pixel in the patient, mm; gives sizes in mm")
    add("--model", metavar="NAME", help="segmentation package: a name of 'dsanet models', or a folder")
    add("--response-model", metavar="NAME", help="response package; by default the one that fits the clinical values")
    add("--runtime", choices=("auto", "onnx", "torch"), default="auto", help="what computes (default: auto)")
    add("--device", default="auto", help="cpu, cuda, … (default: auto)")
    add("--threads", type=_counted, metavar="N", help="threads of the runtime")
    add("--json", action="store_true", help="a JSON line a case on stdout")
    add("--overwrite", action="store_true", help="replace earlier results of the same cases")
    add("--no-scene", action="store_true", help="no Slicer files (they take most of the time)")
    add("--no-picture", action="store_true", help="no picture")


def phantom_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``dsanet phantom``."""
    add = parser.add_argument
    add("out", type=Path, metavar="OUT", help="folder to make, or to complete where it was interrupted")
    add("--cohort", metavar="NAME", help="a whole study instead, with its split: paper, desk, smoke, unseen-rate, more")
    add("--patients", type=_counted, metavar="N", help="how many (default: 1)")
    add("--seed", type=_whole, metavar="S", help="seed of the first patient (default: 0)")
    add("--format", choices=("avi", "png", "dicom"), help="files to write (default: avi; dicom with --cohort)")
    add("--scanner", choices=("A", "B", "C"), help="A: what the models know (default); B, C: other hospitals'")
    add("--frame-rate", type=float, metavar="PER_S", help="one frame rate for all (default: as real protocols vary)")
    add("--workers", type=_counted, default=1, metavar="W", help="processes (default: 1)")


def train_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``dsanet train``."""
    add = parser.add_argument
    add("model", choices=MODELS, metavar="MODEL", help=f"what to train: {', '.join(MODELS)}")
    add("--out", required=True, type=Path, metavar="DIR", help="folder of the package")
    add("--cohort", type=Path, metavar="DIR", help="train on this cohort (split by 'dsanet cohort split')")
    add("--fold", type=int, metavar="K", help="hold out fold K (from 0), validate on the next one")
    add("--folds", action="store_true", help="a package a fold, in DIR/fold-0 and so on")
    add("--refit", action="store_true", help="the folds, then one package DIR/refit of all training patients")
    add("--from", dest="from_package", metavar="PACKAGE", help="fine-tune this package: its network, a lower rate")
    add("--preset", choices=("default", "paper"), default="default", help="settings to start from (default: default)")
    add(
        "--schedule",
        choices=("joint", "alone-joint", "key-frame"),
        help="all parts from the start, TDL and LRS first, or key frames without their neighbours",
    )
    add("--cache", type=Path, default=Path("dsanet-cache"), metavar="DIR", help="prepared patients are kept here")
    add("--patients", type=_counted, metavar="N", help="training patients")
    add("--validation", type=_counted, metavar="N", help="validation patients")
    add("--samples", type=_counted, metavar="N", help="images to train on, each pass counted")
    add("--minutes", type=float, metavar="M", help="as many samples as fit into this time")
    add("--width", type=_counted, metavar="W", help="channels of the first level")
    add("--size", type=_counted, metavar="P", help="side of the network's images, a multiple of 16")
    add("--frames", type=_counted, metavar="F", help="frames of the run that the network sees (10)")
    add("--lr", type=float, metavar="R", help="peak rate")
    add("--batch", type=_counted, metavar="N", help="samples a step, of all processes together")
    add("--accumulate", type=_counted, metavar="N", help="parts in which a batch is taken, where memory is short")
    add("--patience", type=_counted, metavar="N", help="stop after N reports without improvement, keep the best")
    add("--precision", choices=("bf16", "float32"), help="bf16 is automatic mixed precision")
    add("--device", help="auto, cpu or cuda")
    add("--tensorboard", action="store_true", help="write the log for TensorBoard, too")
    add("--seed", type=_whole, metavar="S", help="of weights, order and augmentation")
    add("--threads", type=_counted, metavar="N", help="threads of torch")
    add("--dice", choices=("batch", "image"), help="Dice loss of segmenters: over the batch (paper), or each image")
    add("--segmenter", metavar="NAME", help="whose masks a response model sees: package name or folder")
    add("--masks", choices=("predicted", "true", "none"), help="response models: whose masks, or the key frame alone")


def evaluate_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``dsanet evaluate``."""
    add = parser.add_argument
    add("--out", type=Path, default=Path("dsanet-evaluation"), metavar="DIR", help="report and what is done so far")
    add(
        "--cohort",
        metavar="DIR|test|validation",
        help="folder of a split cohort, whose held-out patients are segmented; or whose seeds of the phantom "
        "(default: test; each opening is recorded)",
    )
    add(
        "--models",
        nargs="+",
        default=(),
        metavar="NAME",
        help="of a cohort: packages, by name or folder (default: all)",
    )
    add("--patients", type=_counted, metavar="N", help="patients for the first segmenter and the response (1000)")
    add("--baseline-patients", type=int, metavar="N", help="the first so many also for the other segmenters (400)")
    add("--unseen-patients", type=int, metavar="N", help="patients at a frame rate never seen in training (100)")
    add("--workers", type=_counted, default=2, metavar="N", help="processes (default: 2)")
    add("--rules", type=_counted, metavar="N", help="instead: untrained rules on N validation patients of the phantom")


def _counted(text: str) -> int:
    """Parse a number that counts from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _whole(text: str) -> int:
    """Parse a seed."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def _path(text: str) -> Path:
    """Parse a path; an empty one would be the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty path names nothing")
    return Path(text)


def cohort_options(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``dsanet cohort`` with their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, text: str) -> Any:
        made = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        made.add_argument("folder", type=Path, metavar="COHORT", help="folder of the cohort")
        for flag in ("--verbose", "--quiet"):
            # Before or after the action; unsaid here, what was said before stays.
            made.add_argument(flag, action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return made.add_argument

    add = action("init", "make the tables from a folder of runs and one of annotations, matched by name")
    add("--runs", type=Path, metavar="DIR", help="runs (default: runs in the folder)")
    add("--masks", type=Path, metavar="DIR", help="annotations (default: masks, annotations or labels in the folder)")
    add("--patients", type=Path, metavar="CSV", help="which run is whose: columns case and patient")
    add = action("check", "find all that would spoil a study, with file, line and remedy")
    add("--tables-only", action="store_true", help="do not decode runs and masks")
    add("--json", action="store_true", help="a JSON line a finding on stdout")
    add = action("split", "split by patient into training folds and a test set, and store it")
    add("--folds", type=_counted, default=5, metavar="K", help="for cross-validation (default: 5)")
    add("--test-share", type=float, default=0.25, metavar="S", help="held out, of the internal patients (0.25)")
    add("--seed", type=_whole, default=0, metavar="N", help="of the shuffling (default: 0)")
    add("--overwrite", action="store_true", help="replace the split that is there")
    add = action("describe", "tables of what the cohort holds")
    add("--tables-only", action="store_true", help="do not open the runs")
    add("--json", action="store_true", help="a JSON line a table on stdout")

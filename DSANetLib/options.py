"""The options of the command ``dsanet``, with their examples."""

from __future__ import annotations

import argparse
from pathlib import Path

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
  dsanet run phantom-data --out results"""
TRAIN_EXAMPLES = """examples:
  dsanet train ffs --out my-ffs --cache cache --minutes 100
  dsanet train response --out my-response --cache cache --segmenter my-ffs

Needs the extra: pip install 'dsanet[train]'."""
EVALUATE_EXAMPLES = """examples:
  dsanet evaluate --out report
  dsanet evaluate --out trial --cohort validation --patients 20 --baseline-patients 20 --unseen-patients 0

Goes on where it was when it is started again with the same --out."""


def run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``dsanet run``."""
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", type=Path, help="video, DICOM, .seq.nrrd, or a folder with runs")
    add("--out", required=True, type=Path, metavar="DIR", help="a folder a case is made here, and results.csv")
    add("--clinical", type=Path, metavar="CSV", help="clinical values, a row a patient")
    add("--patients", metavar="CSV|folders", help="which run is whose: columns case and patient, or 'folders'")
    add("--key-frame", type=_counted, metavar="N", help="key frame, counted from 1 (one run only)")
    add("--mask-frame", type=_counted, metavar="N", help="frame to subtract, counted from 1 (one run only)")
    add("--frame-rate", type=float, metavar="PER_S", help="frames per second, where the file does not say or is wrong")
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
    add("out", type=Path, metavar="OUT", help="folder to make")
    add("--patients", type=_counted, default=1, metavar="N", help="how many (default: 1)")
    add("--seed", type=int, default=0, metavar="S", help="seed of the first patient (default: 0)")
    add("--format", choices=("avi", "png", "dicom"), default="avi", help="files to write (default: avi)")


def train_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``dsanet train``."""
    add = parser.add_argument
    add("model", choices=("ffs", "unet", "response", "response-film", "response-clinical"), help="what to train")
    add("--out", required=True, type=Path, metavar="DIR", help="folder of the package")
    add("--cache", type=Path, default=Path("dsanet-cache"), metavar="DIR", help="prepared patients are kept here")
    add("--patients", type=_counted, metavar="N", help="training patients")
    add("--validation", type=_counted, metavar="N", help="validation patients")
    add("--samples", type=_counted, metavar="N", help="images to train on, each pass counted")
    add("--minutes", type=float, metavar="M", help="as many samples as fit into this time")
    add("--width", type=_counted, metavar="W", help="channels of the first level")
    add("--seed", type=int, metavar="S", help="of weights, order and augmentation")
    add("--threads", type=_counted, metavar="N", help="threads of torch")
    add("--dice", choices=("batch", "image"), help="Dice loss of segmenters: over the batch (paper), or each image")
    add("--segmenter", metavar="NAME", help="whose masks a response model sees: package name or folder")


def evaluate_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``dsanet evaluate``."""
    add = parser.add_argument
    add("--out", type=Path, default=Path("dsanet-evaluation"), metavar="DIR", help="report and what is done so far")
    add("--cohort", choices=("test", "validation"), help="whose seeds (default: test; each opening is recorded)")
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

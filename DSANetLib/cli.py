"""The command ``dsanet``: it parses, calls the library, and says how it went.

Exit codes: 0 all well, 1 some input failed (each failure is one line on stderr), 2 wrong usage,
130 stopped by Ctrl-C (nothing half-written is left behind).
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .errors import DSANetError

OK, FAILED, USAGE, STOPPED = 0, 1, 2, 130

_RUN_EXAMPLES = """examples:
  dsanet run patient7.avi --out results
  dsanet run runs/ more/run9.dcm --out results --clinical clinical.csv --patients patients.csv
  dsanet run run.dcm --out results --key-frame 14 --spacing 0.31
  dsanet run runs/ --out results --json > results.jsonl

Frames are counted from 1. A clinical table has a row a patient and the columns that
docs/command-line.md lists; without one the film-only model is used. Runs of one patient give one
result: the mean over key frame and neighbours of each run, then over the runs. Which run is whose is
said by --patients (a CSV with the columns case and patient, or the word "folders"), or by the
manifest.csv (columns case, patient, path) of a folder that 'dsanet phantom' made.

Research use only; the models that come with dsanet were trained on a synthetic phantom."""
_PHANTOM_EXAMPLES = """examples:
  dsanet phantom phantom-data --patients 5 --seed 1 --format dicom
  dsanet run phantom-data --out results"""
_TRAIN_EXAMPLES = """examples:
  dsanet train ffs --out my-ffs --cache cache --minutes 100
  dsanet train response --out my-response --cache cache --segmenter my-ffs

Needs the extra: pip install 'dsanet[train]'."""
_EVALUATE_EXAMPLES = """examples:
  dsanet evaluate --out report
  dsanet evaluate --out trial --cohort validation --patients 20 --baseline-patients 20 --unseen-patients 0

Goes on where it was when it is started again with the same --out."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (by default those of this process) and return its exit code."""
    try:
        chosen = build_parser().parse_args(arguments)
    except SystemExit as end:  # argparse ends with 2 on wrong usage, with 0 after --help
        return int(end.code or 0)
    set_up_logging(chosen.verbose, chosen.quiet)
    _stop_cleanly()
    try:
        return chosen.call(chosen)
    except _WrongUsageError as error:
        _say(f"dsanet {chosen.command}: {error}", sys.stderr)
        return USAGE
    except DSANetError as error:
        logging.getLogger(__name__).debug("failed", exc_info=True)
        _say(" ".join(str(error).split()), sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        _say("Stopped; nothing half-written was left behind.", sys.stderr)
        return STOPPED
    except BrokenPipeError:
        # The reader of our output went away, as `head` does; there is nobody left to tell.
        sys.stdout = None
        return OK


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="dsanet",
        description="Liver tumours on angiograms (DSA): masks, response to TACE. Research use only.",
        epilog="Exit codes: 0 all well, 1 some input failed, 2 wrong usage, 130 stopped. "
        "'dsanet COMMAND --help' shows examples.",
    )
    parser.add_argument("--version", action="version", version=f"dsanet {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--verbose", action="store_true", help="say more on stderr, with tracebacks")
    common.add_argument("--quiet", action="store_true", help="no progress and no remarks; errors are still said")

    def add(name: str, text: str, examples: str, call: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", epilog=examples, parents=[common],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        made.set_defaults(call=call)
        return made

    _run_options(add("run", "segment runs and predict the response", _RUN_EXAMPLES, run_command))
    _phantom_options(add("phantom", "make synthetic patients with their truth", _PHANTOM_EXAMPLES, phantom_command))
    _train_options(add("train", "train a model on the phantom", _TRAIN_EXAMPLES, train_command))
    _evaluate_options(add("evaluate", "measure the models on phantom patients", _EVALUATE_EXAMPLES, evaluate_command))
    models = add("models", "list the model packages that are here", "examples:\n  dsanet models --json", models_command)
    models.add_argument("--json", action="store_true", help="JSON lines on stdout")
    return parser


def set_up_logging(verbose: bool = False, quiet: bool = False) -> None:
    """Send the library's log to stderr: warnings, all with ``verbose``, errors alone with ``quiet``."""
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(name)s: %(message)s" if verbose else "Note: %(message)s"))
    logger = logging.getLogger("DSANetLib")
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False


class _WrongUsageError(Exception):
    """What argparse cannot see."""


def _run_options(parser: argparse.ArgumentParser) -> None:
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


def _phantom_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("out", type=Path, metavar="OUT", help="folder to make")
    add("--patients", type=_counted, default=1, metavar="N", help="how many (default: 1)")
    add("--seed", type=int, default=0, metavar="S", help="seed of the first patient (default: 0)")
    add("--format", choices=("avi", "png", "dicom"), default="avi", help="files to write (default: avi)")


def _train_options(parser: argparse.ArgumentParser) -> None:
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
    add("--segmenter", metavar="NAME", help="whose masks a response model sees: package name or folder")


def _evaluate_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", type=Path, default=Path("dsanet-evaluation"), metavar="DIR", help="report and what is done so far")
    add("--cohort", choices=("test", "validation"), help="whose seeds (default: test; each opening is recorded)")
    add("--patients", type=_counted, metavar="N", help="patients for the first segmenter and the response (1000)")
    add("--baseline-patients", type=int, metavar="N", help="the first so many also for the other segmenters (400)")
    add("--unseen-patients", type=int, metavar="N", help="patients at a frame rate never seen in training (100)")
    add("--workers", type=_counted, default=2, metavar="N", help="processes (default: 2)")


def run_command(chosen: argparse.Namespace) -> int:
    """``dsanet run``: every run through the pipeline."""
    from .batch.many import run_many
    from .batch.patients import gather_runs, read_patients
    from .batch.report import Reporter

    sources, patients = gather_runs(chosen.inputs)
    if len(sources) > 1 and (chosen.key_frame is not None or chosen.mask_frame is not None):
        raise _WrongUsageError(f"--key-frame and --mask-frame are for one run, {len(sources)} were found")
    clinical = None
    if chosen.clinical is not None:
        from .clinical import read_clinical

        clinical = read_clinical(chosen.clinical)
    by_folder = chosen.patients == "folders"
    if chosen.patients and not by_folder:
        patients = patients | read_patients(chosen.patients)
    outcomes = run_many(
        sources, chosen.out, _batch_options(chosen), clinical=clinical, patients=patients, by_folder=by_folder
    )
    with Reporter(len(sources), json_lines=chosen.json, quiet=chosen.quiet) as reporter:
        for outcome in outcomes:
            reporter.add(outcome)
    return FAILED if reporter.failed else OK


def phantom_command(chosen: argparse.Namespace) -> int:
    """``dsanet phantom``: synthetic patients as files."""
    from .phantom import write_cohort

    write_cohort(chosen.out, chosen.patients, chosen.seed, format=chosen.format)
    _say(f"{chosen.patients} synthetic patient{'s' if chosen.patients > 1 else ''} in {chosen.out}", sys.stdout)
    return OK


def train_command(chosen: argparse.Namespace) -> int:
    """``dsanet train``: phantom → package."""
    from .training import default_config, train

    names = ("patients", "validation", "samples", "minutes", "width", "seed", "threads", "segmenter")
    changes = {name: getattr(chosen, name) for name in names if getattr(chosen, name) is not None}
    config = default_config(chosen.model, str(chosen.cache), **changes)
    package = train(config, chosen.out, progress=None if chosen.quiet else lambda text: _say(text, sys.stderr))
    _say(str(package), sys.stdout)
    return OK


def evaluate_command(chosen: argparse.Namespace) -> int:
    """``dsanet evaluate``: the figures of the models, on patients used for nothing else."""
    from .evaluation.phantom import evaluate_on_phantom
    from .evaluation.plan import EvaluationPlan

    names = ("cohort", "patients", "baseline_patients", "unseen_patients")
    given = {name: getattr(chosen, name) for name in names if getattr(chosen, name) is not None}
    evaluation = evaluate_on_phantom(
        chosen.out, EvaluationPlan(**given), workers=chosen.workers, progress=None if chosen.quiet else _say_progress
    )
    _say(evaluation.to_markdown(), sys.stdout)
    return OK


def models_command(chosen: argparse.Namespace) -> int:
    """``dsanet models``: what packages are here."""
    from .models import list_packages

    for package in list_packages():
        _say(json.dumps(package.to_dict(), ensure_ascii=False) if chosen.json else str(package), sys.stdout)
    return OK


def _batch_options(chosen: argparse.Namespace) -> Any:
    from .batch.many import BatchOptions

    given: dict[str, Any] = {"model": chosen.model} if chosen.model else {}
    return BatchOptions(
        **given,
        response_model=chosen.response_model,
        runtime=chosen.runtime,
        device=chosen.device,
        threads=chosen.threads,
        key_frame=chosen.key_frame and chosen.key_frame - 1,
        mask_frame=chosen.mask_frame and chosen.mask_frame - 1,
        frame_rate=chosen.frame_rate,
        spacing_mm=chosen.spacing,
        scene=not chosen.no_scene,
        picture=not chosen.no_picture,
        overwrite=chosen.overwrite,
    )


def _counted(text: str) -> int:
    """Parse a number that counts from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _say(text: str, stream: Any) -> None:
    stream.write(text + "\n")
    stream.flush()


def _say_progress(part: str, done: int, total: int) -> None:
    if done % 10 == 0 or done == total:
        _say(f"{part}: {done} of {total}", sys.stderr)


def _stop_cleanly() -> None:
    """Let SIGTERM end the work as Ctrl-C does: half-written folders are removed on the way out."""

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    try:
        signal.signal(signal.SIGTERM, stop)
    except ValueError:
        # Not the main thread: whoever called decides what a signal does.
        return


if __name__ == "__main__":
    sys.exit(main())

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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any

from . import __version__, options
from .errors import ChoiceError, DSANetError
from .evaluation.reporting import command as reporting

OK, FAILED, USAGE, STOPPED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (by default those of this process) and return its exit code."""
    try:
        chosen = build_parser().parse_args(arguments)
    except SystemExit as end:  # argparse ends with 2 on wrong usage, with 0 after --help
        return int(end.code or 0)
    set_up_logging(chosen.verbose, chosen.quiet)
    try:
        with _stops() as chosen.stopped:
            return chosen.call(chosen)
    except (_WrongUsageError, ChoiceError) as error:
        _say(f"dsanet {chosen.command}: {error}", sys.stderr)
        return USAGE
    except DSANetError as error:
        logging.getLogger(__name__).debug("failed", exc_info=True)
        _say(" ".join(str(error).split()), sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        _say("Stopped." if chosen.command != "run" else "Stopped; nothing half-written was left behind.", sys.stderr)
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

    options.run_options(add("run", "segment runs and predict the response", options.RUN_EXAMPLES, run_command))
    options.phantom_options(
        add("phantom", "make synthetic patients with their truth", options.PHANTOM_EXAMPLES, phantom_command)
    )
    options.cohort_options(
        add("cohort", "make, check, split and describe a cohort of one's own", options.COHORT_EXAMPLES, cohort_command)
    )
    options.train_options(
        add("train", "train a model on the phantom or a cohort", options.TRAIN_EXAMPLES, train_command)
    )
    options.evaluate_options(
        add(
            "evaluate",
            "measure the models on phantom patients, or packages on a cohort",
            options.EVALUATE_EXAMPLES,
            evaluate_command,
        )
    )
    from .reproduction import command as study

    study.reproduce_options(
        add("reproduce", "repeat the whole study on a cohort, with its report", study.EXAMPLES, study.reproduce_command)
    )
    reporting.report_options(
        add("report", "render a study's report again", reporting.REPORT_EXAMPLES, reporting.report_command)
    )
    reporting.compare_options(
        add("compare", "set two studies or models side by side", reporting.COMPARE_EXAMPLES, reporting.compare_command)
    )
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


def run_command(chosen: argparse.Namespace) -> int:
    """``dsanet run``: every run through the pipeline."""
    from .batch.many import run_inputs
    from .batch.report import Reporter

    try:
        total, outcomes = run_inputs(
            chosen.inputs, chosen.out, _batch_options(chosen), clinical=chosen.clinical, patients=chosen.patients
        )
    except ChoiceError as error:
        raise _WrongUsageError(str(error)) from error
    with Reporter(total, json_lines=chosen.json, quiet=chosen.quiet) as reporter:
        for outcome in outcomes:
            reporter.add(outcome)
            if chosen.stopped.is_set():
                raise KeyboardInterrupt
    return FAILED if reporter.failed else OK


def phantom_command(chosen: argparse.Namespace) -> int:
    """``dsanet phantom``: synthetic patients as files."""
    from .phantom.command import make_phantom

    progress = None if chosen.quiet else lambda done, total: _say_progress("phantom patients", done, total)
    _say(make_phantom(chosen, progress), sys.stdout)
    return OK


def cohort_command(chosen: argparse.Namespace) -> int:
    """``dsanet cohort``: one's own patients as a cohort."""
    from .cohort.command import run

    return run(chosen)


def train_command(chosen: argparse.Namespace) -> int:
    """``dsanet train``: phantom or cohort → package."""
    from .training.command import run_training

    try:
        package = run_training(chosen, None if chosen.quiet else lambda text: _say(text, sys.stderr))
    except ChoiceError as error:
        raise _WrongUsageError(str(error)) from error
    _say(str(package), sys.stdout)
    return OK


def evaluate_command(chosen: argparse.Namespace) -> int:
    """``dsanet evaluate``: the figures of the models, on patients used for nothing else."""
    if chosen.rules is not None:
        from .evaluation.rules import check_rules, rules_table

        _say(rules_table(check_rules(chosen.rules, workers=chosen.workers)).to_markdown(), sys.stdout)
        return OK
    if chosen.cohort not in (None, *options.PHANTOM_SEEDS):
        from .reproduction.command import held_out_command

        return held_out_command(chosen)
    if chosen.models:
        raise _WrongUsageError("--models needs --cohort DIR: on the phantom, all packages are measured")
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
        subtracted=None if chosen.subtracted is None else chosen.subtracted == "yes",
        scene=not chosen.no_scene,
        picture=not chosen.no_picture,
        overwrite=chosen.overwrite,
    )


def _say(text: str, stream: Any) -> None:
    stream.write(text + "\n")
    stream.flush()


def _say_progress(part: str, done: int, total: int) -> None:
    if done % 10 == 0 or done == total:
        _say(f"{part}: {done} of {total}", sys.stderr)


@contextmanager
def _stops() -> Iterator[Event]:
    """Let Ctrl-C and SIGTERM end the work in an orderly way; yield what says that one came.

    The exception alone may get lost, where it strikes in a callback from C.
    """
    stopped = Event()

    def stop(_signal: int, _frame: object) -> None:
        stopped.set()
        raise KeyboardInterrupt

    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not in the main thread: whoever called decides what a signal does.
        with suppress(ValueError):
            before[number] = signal.signal(number, stop)
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())

"""Steps: done once, done again when their inputs change, and ended with the process that runs them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from DSANetLib.errors import TrainingError
from DSANetLib.reproduction.steps import Desk, Step, run_steps

CHILD = """
import json, sys, time
from pathlib import Path
from DSANetLib.reproduction.steps import Desk, Step, end_with_parent
end_with_parent()
work, steps, name = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
desk = Desk(work, [Step(**{**s, "needs": tuple(s["needs"])}) for s in steps])
step = desk.steps[name]
if step.action == "fail":
    sys.exit("no tumour in fold 3")
if step.action == "sleep":
    (desk.folder(name) / "sleeps").touch()
    time.sleep(600)
with (desk.folder(name) / "times").open("a") as lines:
    lines.write("once\\n")
desk.end(name, {"twice": 2 * step.inputs.get("n", 0)}, 0.1)
"""


def command(work: Path, steps: list[Step]) -> list[str]:

    said = json.dumps([vars(step) | {"needs": list(step.needs), "inputs": dict(step.inputs)} for step in steps])
    return [sys.executable, "-c", CHILD, str(work), said]


def do(work: Path, steps: list[Step], jobs: int = 2) -> tuple[Desk, list[str]]:
    desk = Desk(work, steps)
    return desk, run_steps(desk, command(work, steps), jobs, lambda _: None)


def test_a_done_step_is_not_done_again_unless_what_it_rests_on_changed(tmp_path):
    first = [Step("a", "double", {"n": 1}), Step("deep/b", "double", {"n": 2}, ("a",)), Step("c", "double", {"n": 3})]
    desk, failed = do(tmp_path, first)
    assert not failed
    assert desk.facts("deep/b") == {"twice": 4}
    stamps = {name: (tmp_path / name / "done.json").stat().st_mtime_ns for name in ("a", "deep/b", "c")}
    changed = [Step("a", "double", {"n": 7}), *first[1:]]
    desk, failed = do(tmp_path, changed)
    assert not failed
    assert desk.facts("a") == {"twice": 14}
    assert (tmp_path / "deep/b/done.json").stat().st_mtime_ns != stamps["deep/b"]
    assert (tmp_path / "c/done.json").stat().st_mtime_ns == stamps["c"]
    assert (tmp_path / "a/times").read_text() == "once\n"


def test_a_step_that_fails_ends_those_that_need_it_and_no_other(tmp_path):
    steps = [Step("bad", "fail"), Step("after", "double", needs=("bad",)), Step("good", "double", {"n": 2})]
    desk, failed = do(tmp_path, steps, jobs=1)
    assert failed == ["bad", "after"]
    assert desk.failure("bad") == "no tumour in fold 3"
    assert "failed" in desk.failure("after")
    assert desk.facts("good") == {"twice": 4}
    _, failed = do(tmp_path, [Step("bad", "double", {"n": 1}), *steps[1:]])
    assert not failed


def test_a_step_ends_with_the_process_that_runs_it(tmp_path):
    steps = [Step("long", "sleep")]
    code = (
        "import sys; from pathlib import Path\n"
        "from DSANetLib.reproduction.steps import Desk, Step, run_steps\n"
        "import json; command = json.loads(sys.argv[2])\n"
        "run_steps(Desk(Path(sys.argv[1]), [Step('long', 'sleep')]), command, 1, lambda _: None)\n"
    )

    arguments = [sys.executable, "-c", code, str(tmp_path), json.dumps(command(tmp_path, steps))]
    with subprocess.Popen(arguments) as parent:
        _until(lambda: (tmp_path / "long/sleeps").exists())
        children = _processes_with(str(tmp_path))
        assert len(children) == 2
        parent.kill()
    _until(lambda: not _processes_with(str(tmp_path)))


def _until(what, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def _processes_with(text: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_steps_out_of_order_are_refused(tmp_path):
    with pytest.raises(TrainingError, match="needs b before it"):
        Desk(tmp_path, [Step("a", "double", needs=("b",)), Step("b", "double")])

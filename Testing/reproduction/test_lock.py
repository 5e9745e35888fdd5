"""A study belongs to one living process: no longer than it lives, whatever number stands in the file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from holding import holding

from DSANetLib.errors import OutputError
from DSANetLib.reproduction.lock import LOCK, only_one


def test_a_second_process_is_kept_out_and_told_who_is_at_work(tmp_path):
    with (
        holding(tmp_path) as other,
        pytest.raises(OutputError, match=f"process {other.pid} is at work"),
        only_one(tmp_path),
    ):
        pass
    with only_one(tmp_path):
        assert (tmp_path / LOCK).read_text() == str(os.getpid())
    with only_one(tmp_path):  # and again, after it ended well
        pass


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="no processes that wait to be reaped here")
def test_one_that_was_killed_and_not_reaped_yet_holds_nothing(tmp_path):
    with holding(tmp_path) as other:
        os.kill(other.pid, signal.SIGKILL)
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes
        os.kill(other.pid, 0)
        assert (tmp_path / LOCK).read_text() == str(other.pid)
        with only_one(tmp_path):
            pass


def test_the_number_of_another_living_process_holds_nothing(tmp_path):
    (tmp_path / LOCK).write_text(str(os.getppid()))
    with only_one(tmp_path):
        assert (tmp_path / LOCK).read_text() == str(os.getpid())


def test_a_step_that_outlives_the_study_does_not_hold_it(tmp_path):
    with only_one(tmp_path):
        step = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        with only_one(tmp_path):
            assert step.poll() is None, "it lives on"
            assert (tmp_path / LOCK).read_text() == str(os.getpid())
    finally:
        step.communicate()


def test_an_error_in_the_study_lets_go_of_it(tmp_path):
    with pytest.raises(ValueError, match="inside"), only_one(tmp_path):
        raise ValueError("inside")
    with only_one(tmp_path), pytest.raises(OutputError, match="is at work"), only_one(tmp_path):
        pass

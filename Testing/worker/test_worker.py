"""The worker process: same results, cancel in a second, one sentence for each death, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from worker_tasks import Die, DieOnDevice, Echo, Hang, Litter, ProcessId, Raise, Wait, Write

from DSANetLib.errors import ModelError, RunError, WorkerError
from DSANetLib.worker import Cancelled, Failure, Progress, Result, WorkerClient
from DSANetLib.worker.messages import send

SUPPORT = Path(__file__).resolve().parent.parent / "support"


@pytest.fixture(scope="module")
def temporary(tmp_path_factory):
    """A folder for temporary files whose path is as bad as users' are."""
    return tmp_path_factory.mktemp("dir with é ł 中")


@pytest.fixture(scope="module")
def client(temporary):
    """One client for all tests; whatever a test does to its process, the next one gets another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(temporary))
        patch.setenv("PYTHONPATH", str(SUPPORT))
        made = WorkerClient()
        threads = threading.active_count()
        yield made
        made.close()
        assert threading.active_count() == threads
        assert made.pid is None
        assert list(temporary.iterdir()) == []


def until(client, *kinds, seconds=60.0):
    """Poll until an event of these kinds comes; return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for event in client.poll():
            if isinstance(event, kinds):
                return event
        time.sleep(0.005)
    raise AssertionError(f"no {kinds} in {seconds} s")


def alive(pid):
    """Whether a process runs; one that ended and was not waited for is a zombie and counts."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_arrays_of_any_size_come_back_as_they_were(client, temporary):
    value = {"large": np.arange(300_000, dtype=np.int16).reshape(3, -1), "small": np.eye(3), "text": "é ł 中"}
    back = client.wait(Echo(value))
    assert back["text"] == value["text"]
    assert np.array_equal(back["large"], value["large"])
    assert back["large"].dtype == np.int16
    assert np.array_equal(back["small"], value["small"])
    assert [path.suffix for folder in temporary.iterdir() for path in folder.iterdir()] == [".txt"]


def test_what_a_library_leaves_in_the_temporary_folder_goes_with_the_process(client, temporary):
    """The worker ends at once, so nothing in it tidies up: the scene's cache folder stayed for each of them."""
    place = Path(client.wait(Litter()))
    assert place.is_dir()
    client.close()
    assert not place.exists()
    assert list(temporary.iterdir()) == []


def test_one_process_serves_many_tasks(client):
    first = client.wait(ProcessId())
    assert client.wait(ProcessId()) == first == client.pid != os.getpid()


def test_a_second_task_is_refused_while_one_runs(client):
    client.submit(Wait())
    with pytest.raises(WorkerError, match="under way"):
        client.submit(Wait())
    client.cancel()
    until(client, Cancelled)


@pytest.mark.parametrize("task", [Wait(), Hang()], ids=["in Python", "in C"])
def test_cancel_ends_the_work_within_a_second(client, task):
    client.submit(task)
    until(client, Progress)
    pid, start = client.pid, time.monotonic()
    client.cancel()
    assert until(client, Cancelled) == Cancelled()
    assert time.monotonic() - start < 1.0
    assert client.pid == (pid if isinstance(task, Wait) else None)
    assert not client.busy
    assert client.poll() == []
    assert client.wait(Echo("next")) == "next"


def test_a_task_that_is_cancelled_while_it_writes_leaves_nothing(client, tmp_path):
    client.submit(Write(tmp_path / "case"))
    until(client, Progress)
    assert [path.name.startswith(".case.part") for path in tmp_path.iterdir()] == [True]
    client.cancel()
    until(client, Cancelled)
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_dies_is_said_and_replaced(client):
    pid = client.wait(ProcessId())
    with pytest.raises(WorkerError, match="ended unexpectedly.*memory" if os.name == "posix" else "ended") as caught:
        client.wait(Die())
    assert str(caught.value).count(". ") == 1
    assert client.wait(ProcessId()) != pid


def test_a_crash_on_a_device_is_repeated_on_the_cpu(client):
    assert client.wait(DieOnDevice()) == "done on the CPU"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (MemoryError(), WorkerError, "memory is short. Close other"),
        (RuntimeError("std::bad_alloc"), WorkerError, "memory is short"),
        (RunError("is dark", "Use another", "run.avi"), RunError, "run.avi: is dark. Use another."),
        (KeyError("x"), WorkerError, "unexpected KeyError"),
    ],
)
def test_a_failure_is_one_sentence_of_the_library(client, error, kind, words):
    with pytest.raises(kind, match=words):
        client.wait(Raise(error))
    assert client.wait(Echo(1)) == 1


def test_a_task_that_cannot_be_handed_over_is_said(client):
    with pytest.raises(WorkerError, match="unexpected"):
        client.wait(Echo(lambda: None))
    assert client.wait(Echo(1)) == 1


def test_no_room_for_arrays_is_said_and_nothing_is_sent(tmp_path):
    class Stream:
        written = 0

        def write(self, data):
            self.written += len(data)

    stream = Stream()
    with pytest.raises(WorkerError, match=r"handed over.*Make room"):
        send(stream, np.zeros(100_000), tmp_path / "gone")
    assert stream.written == 0


def test_a_python_that_is_not_there_is_said(tmp_path):
    with pytest.raises(WorkerError, match=r"no-python.*cannot be started"):
        WorkerClient(str(tmp_path / "no-python")).submit(Wait())


def test_progress_knows_the_time_that_is_left_from_the_second_task_on(client):
    left = []
    for _ in range(2):
        client.submit(Wait(0.2))
        left.append(until(client, Progress).left_s)
        until(client, Result)
    assert left[0] is None or left[0] > 1  # another test may have waited before
    assert 0.15 < left[1] < 5


HOST = """
import sys
sys.path[:0] = sys.argv[1:3]
from DSANetLib.worker import WorkerClient
from worker_tasks import Wait
client = WorkerClient()
client.submit(Wait())
while not client.poll():
    pass
print(client.pid, flush=True)
import time; time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="asks for a process by POSIX means")
def test_the_worker_ends_when_its_host_is_killed(repository, tmp_path):
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, str(repository), str(SUPPORT)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SUPPORT), "TMPDIR": str(tmp_path)},
    )
    worker = int(host.stdout.readline())
    assert len(list(tmp_path.iterdir())) == 1
    host.send_signal(signal.SIGKILL)
    host.wait()
    host.stdout.close()
    end = time.monotonic() + 20
    while (any(tmp_path.iterdir()) or alive(worker)) and time.monotonic() < end:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []
    assert not alive(worker)


def test_a_client_that_is_forgotten_takes_its_process_along(temporary, client, monkeypatch):
    before = threading.active_count()
    other = WorkerClient()
    other.wait(Echo(1))
    pid = other.pid
    del other
    assert not alive(pid)
    assert threading.active_count() == before


def test_a_cancelled_result_is_not_given_any_more(client):
    client.submit(Echo(1))
    client.cancel()
    assert isinstance(until(client, Cancelled, Failure, Result), Cancelled)


def test_segmentation_is_the_pipelines_bit_for_bit(client, tiny_models, stained_frames):
    from DSANetLib.models import load_model
    from DSANetLib.models.keeper import ModelChoice
    from DSANetLib.pipeline import predict, segment
    from DSANetLib.run import DSARun
    from DSANetLib.worker.tasks import MaskedRun, PredictTask, SegmentTask, UserChoices

    run = DSARun(stained_frames, "stained", times_s=np.arange(16) * 0.5, polarity="dark_contrast", subtracted=True)
    package = tiny_models / "ffs-phantom"
    expected = segment(run, load_model(package))
    got = client.wait(SegmentTask(run, ModelChoice(str(package))))
    assert (got.model, got.runtime, got.flags) == (expected.model, expected.runtime, expected.flags)
    assert got.lesions == expected.lesions
    assert got.key_frame.index == expected.key_frame.index
    for frame, masks in expected.masks.items():
        assert got.tumour_maps[frame].tobytes() == expected.tumour_maps[frame].tobytes()
        assert got.masks[frame].tumour.tobytes() == masks.tumour.tobytes()
        assert got.masks[frame].liver.tobytes() == masks.liver.tobytes()
    responder = tiny_models / "response-film-phantom"
    flags = tuple(flag.code for flag in got.flags)
    masked = MaskedRun(run, got.masks, UserChoices(key_frame=got.key_frame.index), flags)
    response = client.wait(PredictTask((masked,), ModelChoice(str(responder))))
    assert response == predict([expected], load_model(responder))


def test_further_frames_and_another_threshold(client, tiny_models, stained_frames):
    from DSANetLib.models.keeper import ModelChoice
    from DSANetLib.run import DSARun
    from DSANetLib.worker.tasks import SegmentTask, UserChoices

    run = DSARun(stained_frames, "stained", times_s=np.arange(16) * 0.5, polarity="dark_contrast", subtracted=True)
    choice = ModelChoice(str(tiny_models / "ffs-phantom"))
    task = SegmentTask(run, choice, UserChoices(key_frame=8), frames=(1, 15), tumour_threshold=0.999)
    got = client.wait(task)
    assert sorted(got.masks) == [1, 7, 8, 9, 15]
    assert (got.tumour_threshold, got.masks[1].tumour.sum()) == (0.999, 0)
    with pytest.raises(Exception, match="frame 17 of a run of 16"):
        client.wait(SegmentTask(run, choice, frames=(16,)))
    with pytest.raises(ModelError, match="no-such"):
        client.wait(SegmentTask(run, ModelChoice("no-such")))

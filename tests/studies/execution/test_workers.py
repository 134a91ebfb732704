import ctypes
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import as_completed

import numpy as np
import psutil
import pytest

from studies.execution.workers import Slots, WorkerEnded, memory_share, within

MEGABYTE = 10**6
LIMIT = 700 * MEGABYTE  # a worker with its libraries holds less than half of it


def square(x):
    return x * x


def misbehave(x):
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if x == 5:
        os._exit(7)
    if x == 7:
        raise ValueError("seven")
    return x


def crash():
    ctypes.string_at(0)


def threads():
    import torch
    from threadpoolctl import threadpool_info

    return (
        torch.get_num_threads(),
        {library["num_threads"] for library in threadpool_info()},
        os.environ["OMP_NUM_THREADS"],
    )


def hang_somewhere():
    time.sleep(600)


def hang_in_lapack():
    while True:
        np.linalg.svd(np.ones((1500, 1500)))


def eat():
    eaten = []
    while True:
        eaten.append(np.ones(MEGABYTE // 8))


def gulp():
    """Take a lot in one call that never lets other threads of the process run."""
    return len([0.5] * (LIMIT // 4))


def hoard(megabytes):
    hoard.kept = np.ones(megabytes * MEGABYTE // 8)
    return os.getpid()


def ending(slots, fn, *args):
    with pytest.raises(WorkerEnded) as ended:
        slots.submit(fn, *args).result()
    return ended.value


@pytest.fixture(scope="module")
def slots():
    with Slots(1, LIMIT) as slots:
        yield slots


def test_tasks_are_run():
    with Slots(2) as slots:
        assert list(slots.map(square, range(6))) == [0, 1, 4, 9, 16, 25]


def test_a_dead_worker_costs_its_own_task_only():
    with Slots(2) as slots:
        futures = {slots.submit(misbehave, x): x for x in range(12)}
        ended = {futures[future]: future.exception() for future in as_completed(futures)}
    lost = {x: error.reason for x, error in ended.items() if isinstance(error, WorkerEnded)}
    assert lost == {
        3: "the worker process died before the task ended (SIGKILL)",
        5: "the worker process died before the task ended (exit code 7)",
    }
    assert [x for x, error in ended.items() if isinstance(error, ValueError)] == [7]
    assert sum(error is None for error in ended.values()) == 9


def die_at_once(_):
    os._exit(1)


def test_a_worker_that_dies_as_it_starts_costs_one_task_too():
    with Slots(1) as slots:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("studies.execution.workers.prepare", die_at_once)
            ended = ending(slots, square, 3)
        assert (ended.status, ended.reason.split(":")[0]) == ("lost", "the worker process died as it started")
        assert slots.submit(square, 3).result() == 9


def test_a_crash_tells_where(slots):
    ended = ending(slots, crash)
    assert ended.status == "lost"
    assert "in crash" in ended.stack


@pytest.mark.parametrize("hang", [hang_somewhere, hang_in_lapack])
def test_a_task_that_hangs_is_ended_and_leaves_its_stack(slots, hang):
    ended = ending(slots, within, 0.3, hang)
    assert (ended.status, ended.reason) == ("timeout", "no end within the time limit of 0:00:00.300000")
    assert f"in {hang.__name__}" in ended.stack


def test_the_clock_stops_with_its_task(slots):
    assert slots.submit(within, 0.3, square, 3).result() == 9
    time.sleep(0.6)
    first, second = (slots.submit(os.getpid).result() for _ in range(2))
    assert first == second


def test_a_time_limit_without_a_worker_to_end_is_refused():
    with pytest.raises(RuntimeError, match="needs workers that may be ended"):
        within(1, square, 3)


@pytest.mark.parametrize("eater", [eat, gulp])
def test_a_task_that_eats_memory_is_ended_and_leaves_its_stack(slots, eater):
    ended = ending(slots, eater)
    assert ended.status == "memory"
    assert ended.reason.endswith("the limit is 700 MB")
    assert f"in {eater.__name__}" in ended.stack


def test_what_a_task_leaves_behind_is_not_charged_to_the_next(slots):
    """Two tasks that each keep a third of the limit would be over it in one worker."""
    assert slots.submit(hoard, LIMIT // MEGABYTE // 3).result() != slots.submit(os.getpid).result()


def test_shares_of_memory_leave_some_of_the_machine():
    assert 8 * memory_share(8) <= memory_share(1) < psutil.virtual_memory().total


def test_workers_have_one_thread_each(slots):
    assert slots.submit(threads).result() == (1, {1}, "1")


def test_killing_ends_the_workers_at_once_and_starts_no_more():
    slots = Slots(1)
    slots.submit(square, 1).result()
    running, waiting = slots.submit(hang_somewhere), slots.submit(hang_somewhere)
    while not running.running():
        time.sleep(0.01)
    slots.kill()
    assert isinstance(running.exception(), WorkerEnded)
    assert waiting.cancelled()


def test_shutdown_cancels_what_waits_and_finishes_what_runs():
    slots = Slots(1)
    slots.submit(square, 1).result()
    running, waiting = slots.submit(time.sleep, 0.5), slots.submit(square, 2)
    while not running.running():
        time.sleep(0.01)
    slots.shutdown(cancel_futures=True)
    assert running.exception() is None
    assert waiting.cancelled()


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Slots(2) as slots:
        for future in [slots.submit(misbehave, x) for x in range(7)]:
            future.exception()
        assert list(tmp_path.glob("toymanifold*"))
    assert not list(tmp_path.glob("toymanifold*"))


def test_workers_end_with_a_driver_that_is_killed(tmp_path):
    program = """
        import os, time
        from studies.execution.workers import Slots
        if __name__ == "__main__":
            slots = Slots(1)
            print(slots.submit(os.getpid).result(), flush=True)
            slots.submit(time.sleep, 600).result()
    """
    program = [sys.executable, "-c", textwrap.dedent(program)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as driver:
        worker = psutil.Process(int(driver.stdout.readline()))
        driver.kill()
    assert psutil.wait_procs([worker], timeout=60)[1] == []
    assert not list(tmp_path.glob("toymanifold*"))

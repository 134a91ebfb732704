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

from studies.execution.workers import WorkerEnded, WorkerPool, memory_share, within

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
    """Allocate a lot in one call that blocks all other threads of the process."""
    return len([0.5] * (LIMIT // 4))


def hoard(megabytes):
    hoard.kept = np.ones(megabytes * MEGABYTE // 8)
    return os.getpid()


def ending(pool, fn, *args):
    with pytest.raises(WorkerEnded) as ended:
        pool.submit(fn, *args).result()
    return ended.value


@pytest.fixture(scope="module")
def pool():
    with WorkerPool(1, LIMIT) as pool:
        yield pool


def test_tasks_are_run():
    with WorkerPool(2) as pool:
        assert list(pool.map(square, range(6))) == [0, 1, 4, 9, 16, 25]


def test_a_dead_worker_costs_its_own_task_only():
    with WorkerPool(2) as pool:
        futures = {pool.submit(misbehave, x): x for x in range(12)}
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
    with WorkerPool(1) as pool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("studies.execution.workers.prepare", die_at_once)
            ended = ending(pool, square, 3)
        assert (ended.status, ended.reason.split(":")[0]) == ("lost", "the worker process died as it started")
        assert pool.submit(square, 3).result() == 9


def test_a_crash_leaves_its_stack(pool):
    ended = ending(pool, crash)
    assert ended.status == "lost"
    assert "in crash" in ended.stack


@pytest.mark.parametrize("hang", [hang_somewhere, hang_in_lapack])
def test_a_task_that_hangs_is_ended_and_leaves_its_stack(pool, hang):
    ended = ending(pool, within, 0.3, hang)
    assert (ended.status, ended.reason) == ("timeout", "not finished within the time limit of 0:00:00.300000")
    assert f"in {hang.__name__}" in ended.stack


def test_the_clock_stops_with_its_task(pool):
    assert pool.submit(within, 0.3, square, 3).result() == 9
    time.sleep(0.6)
    first, second = (pool.submit(os.getpid).result() for _ in range(2))
    assert first == second


def test_a_time_limit_outside_a_worker_is_an_error():
    with pytest.raises(RuntimeError, match="needs workers that can be ended"):
        within(1, square, 3)


@pytest.mark.parametrize("eater", [eat, gulp])
def test_a_task_above_the_memory_limit_is_ended_and_leaves_its_stack(pool, eater):
    ended = ending(pool, eater)
    assert ended.status == "memory"
    assert ended.reason.endswith("the limit is 700 MB")
    assert f"in {eater.__name__}" in ended.stack


def test_memory_that_a_task_leaves_behind_does_not_count_for_the_next(pool):
    """Two tasks that each keep a third of the limit would be over it in one worker."""
    assert pool.submit(hoard, LIMIT // MEGABYTE // 3).result() != pool.submit(os.getpid).result()


def test_shares_leave_a_part_of_the_memory_to_the_machine():
    assert 8 * memory_share(8) <= memory_share(1) < psutil.virtual_memory().total


def test_workers_have_one_thread_each(pool):
    assert pool.submit(threads).result() == (1, {1}, "1")


def test_kill_ends_the_workers_at_once_and_starts_no_more():
    pool = WorkerPool(1)
    pool.submit(square, 1).result()
    running, waiting = pool.submit(hang_somewhere), pool.submit(hang_somewhere)
    while not running.running():
        time.sleep(0.01)
    pool.kill()
    assert isinstance(running.exception(), WorkerEnded)
    assert waiting.cancelled()


def test_shutdown_cancels_waiting_tasks_and_finishes_running_ones():
    pool = WorkerPool(1)
    pool.submit(square, 1).result()
    running, waiting = pool.submit(time.sleep, 0.5), pool.submit(square, 2)
    while not running.running():
        time.sleep(0.01)
    pool.shutdown(cancel_futures=True)
    assert running.exception() is None
    assert waiting.cancelled()


def test_temporary_files_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with WorkerPool(2) as pool:
        for future in [pool.submit(misbehave, x) for x in range(7)]:
            future.exception()
        assert list(tmp_path.glob("toymanifold*"))
    assert not list(tmp_path.glob("toymanifold*"))


def test_workers_end_with_a_killed_driver(tmp_path):
    program = """
        import os, time
        from studies.execution.workers import WorkerPool
        if __name__ == "__main__":
            pool = WorkerPool(1)
            print(pool.submit(os.getpid).result(), flush=True)
            pool.submit(time.sleep, 600).result()
    """
    program = [sys.executable, "-c", textwrap.dedent(program)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as driver:
        worker = psutil.Process(int(driver.stdout.readline()))
        driver.kill()
    assert psutil.wait_procs([worker], timeout=60)[1] == []
    assert not list(tmp_path.glob("toymanifold*"))

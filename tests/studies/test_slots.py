import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import as_completed

import pytest

from studies.slots import Slots, WorkerLost


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


def threads(_):
    import torch

    return torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]


def nap(seconds):
    time.sleep(seconds)


def test_tasks_are_run():
    with Slots(2) as slots:
        assert list(slots.map(square, range(6))) == [0, 1, 4, 9, 16, 25]


def test_a_dead_worker_costs_its_own_task_only():
    with Slots(2) as slots:
        futures = {slots.submit(misbehave, x): x for x in range(12)}
        ended = {futures[future]: future.exception() for future in as_completed(futures)}
    assert [x for x, error in ended.items() if isinstance(error, WorkerLost)] in ([3, 5], [5, 3])
    assert [x for x, error in ended.items() if isinstance(error, ValueError)] == [7]
    assert sum(error is None for error in ended.values()) == 9


def test_workers_have_one_thread_each():
    with Slots(1) as slots:
        assert slots.submit(threads, 0).result() == (1, "1")


def test_cancelling_ends_the_workers_at_once():
    slots = Slots(1)
    slots.submit(square, 1).result()
    future = slots.submit(nap, 600)
    while not future.running():
        time.sleep(0.01)
    start = time.monotonic()
    slots.shutdown(cancel_futures=True)
    assert time.monotonic() - start < 60
    with pytest.raises(WorkerLost):
        future.result()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_end_with_a_driver_that_is_killed():
    program = """
        import os, time
        from studies.slots import Slots
        if __name__ == "__main__":
            slots = Slots(1)
            print(slots.submit(os.getpid).result(), flush=True)
            time.sleep(600)
    """
    driver = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    worker = int(driver.stdout.readline())
    assert os.path.exists(f"/proc/{worker}")
    driver.kill()
    driver.wait()
    driver.stdout.close()
    deadline = time.monotonic() + 60
    while os.path.exists(f"/proc/{worker}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{worker}")

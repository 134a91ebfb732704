"""No result is lost when drivers or workers are killed, two drivers share a store, or there are very many cells.

Each test has a short version, and a long one that is marked slow.
"""

import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest

from studies.execution.run import remaining, run
from studies.execution.workers import WorkerPool
from studies.results.results import Results
from studies.spec.cells import Cell, PlannedCell, plan_study
from studies.store.store import Outcome, Store

DRIVER = """
import sys
from studies.execution.run import remaining, run
from studies.execution.workers import WorkerPool
from studies.spec.cells import plan_study
from studies.spec.study import Study
from studies.store.store import Store
if __name__ == "__main__":
    study = Study.model_validate_json(sys.argv[1])
    with Store(sys.argv[2]) as store, WorkerPool(2) as pool:
        for planned, outcome in run(remaining(plan_study(study), store), store, pool):
            print(planned.cell.key, flush=True)
"""


def drive(study, url):
    """Start a driver that reports the key of each finished cell."""
    program = [sys.executable, "-c", DRIVER, study.model_dump_json(), url]
    return subprocess.Popen(program, stdout=subprocess.PIPE, text=True)


def reports(driver):
    """Return the remaining reports of a driver."""
    with driver:
        return driver.stdout.read().split()


def reports_until_killed(driver, moments, lines):
    """Return the reports of a driver that is killed a moment after a random number of lines."""
    reported = [driver.stdout.readline().strip() for _ in range(moments.randrange(lines))]
    time.sleep(moments.random() / 10)
    driver.send_signal(signal.SIGKILL)
    return [key for key in reported + reports(driver) if key]


@pytest.fixture(params=["sqlite_url", pytest.param("postgresql_url", marks=pytest.mark.slow)])
def url(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def undisturbed(tmp_path):
    """Return a function from a study to the results of an undisturbed run."""

    def frame(study):
        with Store(f"sqlite:///{tmp_path}/calm.db") as calm, ThreadPoolExecutor(2) as executor:
            list(run(remaining(plan_study(study), calm), calm, executor))
            return measured(study, calm)

    return frame


def measured(study, store):
    frame = Results(study, store).frame()
    return frame[~frame["metric"].str.endswith("seconds")].reset_index(drop=True)


def keys(study):
    return {p.cell.key for p in plan_study(study)}


def test_two_killed_drivers_lose_no_reported_cell(tiny, url, undisturbed):
    study = tiny.model_copy(update={"seeds": 6})
    moments = random.Random(0)
    drivers = [drive(study, url), drive(study, url)]
    reported = [key for driver in drivers for key in reports_until_killed(driver, moments, 12)]
    with Store(url) as store:
        done = store.statuses(keys(study))
    assert set(reported) <= set(done)
    rest = reports(drive(study, url))
    assert sorted(rest) == sorted(keys(study) - set(done))
    with Store(url) as store:
        assert measured(study, store).equals(undisturbed(study))


@pytest.mark.slow
def test_a_driver_killed_fifty_times_loses_and_repeats_no_cell(tiny, url, undisturbed):
    study = tiny.model_copy(update={"seeds": 120})
    moments = random.Random(0)
    reported = []
    for _ in range(50):
        reported += reports_until_killed(drive(study, url), moments, 6)
        with Store(url) as store:
            assert set(reported) <= set(store.statuses(keys(study)))
            assert remaining(plan_study(study), store)  # so that each of them was killed at work
    reported += reports(drive(study, url))
    assert len(reported) == len(set(reported))
    with Store(url) as store:
        assert measured(study, store).equals(undisturbed(study))


@pytest.mark.slow
def test_two_drivers_of_one_store_get_the_undisturbed_results(tiny, url, undisturbed):
    study = tiny.model_copy(update={"seeds": 40})
    drivers = [drive(study, url), drive(study, url)]
    assert [set(reports(driver)) for driver in drivers] == [keys(study)] * 2
    with Store(url) as store:
        assert measured(study, store).equals(undisturbed(study))


@pytest.mark.parametrize(("kills", "seeds"), [(4, 30), pytest.param(50, 400, marks=pytest.mark.slow)])
def test_killed_workers_do_not_change_the_results(tiny, url, undisturbed, kills, seeds):
    study = tiny.model_copy(update={"seeds": seeds})
    over = threading.Event()
    with Store(url) as store, WorkerPool(2) as pool, ThreadPoolExecutor(1) as killer:
        killed = killer.submit(kill_workers, kills, random.Random(0), over)
        while todo := remaining(plan_study(study), store, retry_failed=True):
            list(run(todo, store, pool))
        over.set()
        assert killed.result() == kills  # the study was still running at the last kill
        assert measured(study, store).equals(undisturbed(study))


def kill_workers(kills, moments, over):
    """Kill workers of this process, the children of its fork server, at random moments; return their number."""
    killed = 0
    while killed < kills and not over.is_set():
        time.sleep(moments.random() / 10)
        workers = [worker for server in psutil.Process().children() for worker in server.children()]
        if workers:
            moments.choice(workers).kill()
            killed += 1
    return killed


@pytest.mark.parametrize("n", [1000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_many_trivial_cells_take_no_memory(url, n):
    cell = Cell("spiral", {}, "knn-1", None, {}, 100, 0)
    planned = [PlannedCell("kNN", replace(cell, seed=seed)) for seed in range(n)]
    resident = psutil.Process().memory_info
    with Store(url) as store, WorkerPool(2) as pool:
        todo = remaining(planned, store)
        cpu, wall = time.process_time(), time.perf_counter()
        for ended, _ in enumerate(run(todo, store, pool, work=trivial), 1):
            if ended == n // 5:
                before = resident().rss
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        assert ended == n
        grown = resident().rss - before
    print(f"{n} cells: {1e3 * cpu / n:.2f} ms of the driver, {1e3 * wall / n:.2f} ms in all, {grown / 1e6:.0f} MB more")
    assert grown < 20e6


def trivial(task):
    return [Outcome(cell.key, cell.spec, "ok", {"accuracy": 1.0}) for cell in task]

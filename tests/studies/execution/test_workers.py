"""Workers are ended with all that they have started, and keep nothing of one learner for another."""

import atexit
import ctypes
import faulthandler
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import as_completed
from contextlib import suppress

import joblib
import numpy as np
import psutil
import pytest

from studies.execution.workers import Answer, Call, ExecutorError, Worker, WorkerEnded, WorkerPool

MEGABYTE = 10**6
LIMIT = 1000 * MEGABYTE  # a worker with its libraries holds less than half of it


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


def hang_without_a_clock():
    faulthandler.cancel_dump_traceback_later()
    hang_somewhere()


def stop_oneself():
    os.kill(os.getpid(), signal.SIGSTOP)


def stop_the_guard():
    os.kill(os.getppid(), signal.SIGSTOP)
    hang_somewhere()


def stop_the_guard_and_die():
    os.kill(os.getppid(), signal.SIGSTOP)
    os._exit(1)


def write_to_all_files():
    for descriptor in range(3, 64):
        with suppress(OSError):
            os.write(descriptor, b"\xff" * 100)


def ignore_all_signals():
    for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(signum, signal.SIG_IGN)
    hang_somewhere()


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


def let_a_child_eat():
    code = f"import time; kept = b'x' * {LIMIT}; time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", code])
    hang_somewhere()


def start_a_program():
    return [subprocess.Popen(["sleep", "600"]).pid]


def start_a_pool():
    return [process.pid for process in multiprocessing.get_context("fork").Pool(2)._pool]


def start_an_orphan():
    """Start a process of a session of its own whose parent has ended."""
    read, write = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            os.write(write, str(os.getpid()).encode())
            time.sleep(600)
        os._exit(0)
    return [int(os.read(read, 20))]


def start_loky():
    return joblib.Parallel(2)(joblib.delayed(os.getpid)() for _ in range(4))


def leave(start, how, path):
    """Start processes, and end well or not."""
    path.with_suffix(".new").write_text(" ".join(map(str, start())))
    path.with_suffix(".new").rename(path)
    if how == "die":
        os._exit(1)
    if how == "be killed":
        hang_somewhere()


def say_goodbye_for_long():
    atexit.register(hang_somewhere)
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


def test_workers_that_die_as_they_start_are_one_error():
    with WorkerPool(1) as pool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("studies.execution.workers.prepare", die_at_once)
            with pytest.raises(ExecutorError, match=r"workers die as they start: the worker process .*exit code 1"):
                pool.submit(square, 3).result()
        assert pool.submit(square, 3).result() == 9


def test_workers_outlive_their_server_and_a_new_one_starts_others():
    with WorkerPool(1) as pool:
        worker = psutil.Process(pool.submit(os.getpid).result())
        server = worker.parent().parent()
        server.kill()
        psutil.wait_procs([server])
        assert pool.submit(os.getpid).result() == worker.pid
        worker.kill()
        psutil.wait_procs([worker])
        following = [pool.submit(os.getpid) for _ in range(2)]
        assert following[0].exception() is None or following[0].exception().status == "lost"
        assert following[1].result() != worker.pid


def test_a_worker_that_dies_between_two_tasks_is_noticed(pool):
    """It may die before, while or after the next task is handed over."""
    for _ in range(10):
        psutil.Process(pool.submit(os.getpid).result()).kill()
        next_one = pool.submit(square, 3)
        assert next_one.exception(timeout=60) is None or next_one.exception().status == "lost"


def test_a_crash_leaves_its_stack(pool):
    ended = ending(pool, crash)
    assert ended.status == "lost"
    assert "in crash" in ended.stack


@pytest.mark.parametrize("hang", [hang_somewhere, hang_in_lapack, hang_without_a_clock])
def test_a_task_that_hangs_is_ended_and_leaves_its_stack(pool, hang):
    ended = ending(pool, Call(hang, 0.3))
    assert (ended.status, ended.reason) == ("timeout", "not finished within the time limit of 0:00:00.300000")
    assert f"in {hang.__name__}" in ended.stack


@pytest.mark.parametrize("escape", [stop_oneself, stop_the_guard, ignore_all_signals, write_to_all_files])
def test_no_task_can_escape_its_time_limit(pool, escape):
    processes = psutil.Process(pool.submit(os.getpid).result()), psutil.Process(pool.submit(os.getppid).result())
    assert ending(pool, Call(escape, 0.3)).status == "timeout"
    assert psutil.wait_procs(processes, timeout=60)[1] == []


def test_a_death_that_the_guard_cannot_report_is_noticed(pool):
    assert ending(pool, stop_the_guard_and_die).reason.endswith("(exit code unknown)")


def test_the_clock_stops_with_its_task(pool):
    assert pool.submit(Call(square, 2.0), 3).result().result == 9
    time.sleep(2.2)
    first, second = (pool.submit(os.getpid).result() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("seconds", [float("inf"), 1e300])
def test_a_time_limit_may_be_of_any_length(pool, seconds):
    assert pool.submit(Call(square, seconds), 3).result() == Answer(9)


@pytest.mark.parametrize("start", [start_a_program, start_a_pool, start_an_orphan, start_loky])
@pytest.mark.parametrize("how", ["end", "die", "be killed"])
def test_what_a_task_has_started_ends_with_it(tmp_path, start, how):
    path, pool = tmp_path / "pids", WorkerPool(1)
    submitted = pool.submit(leave, start, how, path)
    while how == "be killed" and not path.exists():
        time.sleep(0.05)
    if how == "be killed":
        pool.kill()
    assert isinstance(submitted.exception(), WorkerEnded) == (how != "end")
    pool.shutdown()
    left = [psutil.Process(pid) for pid in map(int, path.read_text().split()) if psutil.pid_exists(pid)]
    assert psutil.wait_procs(left, timeout=60)[1] == []


def test_the_memory_of_what_a_task_has_started_counts(pool):
    assert ending(pool, let_a_child_eat).status == "memory"


def test_an_idle_worker_that_does_not_end_is_killed():
    worker = Worker()
    process = psutil.Process(worker.run(say_goodbye_for_long))
    worker.close()
    assert psutil.wait_procs([process], timeout=60)[1] == []


def say(text, times=1):
    for _ in range(times):
        print(text)


def say_in_c(text):
    ctypes.CDLL(None).printf(text)
    os.system("echo from a program >&2")


@pytest.mark.parametrize(
    ("fn", "words", "expected"),
    [
        (say, ["caf\u00e9 \udc80 \0"], "caf\u00e9 \\udc80 \\x00\n"),
        (say_in_c, [b"from C\n"], "from C\nfrom a program\n"),
        (os.write, [2, b"\xff"], "\\xff"),
        (input, [], None),
    ],
)
def test_what_a_task_prints_is_kept_and_does_not_reach_the_terminal(pool, capfd, fn, words, expected):
    if expected is None:
        assert isinstance(pool.submit(Call(fn), *words).exception(), EOFError)
    else:
        assert sorted(pool.submit(Call(fn), *words).result().output.splitlines()) == sorted(expected.splitlines())
    assert capfd.readouterr() == ("", "")


def test_of_a_long_output_the_first_and_last_parts_are_kept(pool):
    output = pool.submit(Call(say), "x" * 10**5, 1000).result().output
    assert len(output) < 4100
    assert "\n... 99,997,000 bytes left out ...\n" in output.replace(f"{100_001_000 - 4000:,}", "99,997,000")
    assert pool.submit(Call(say), "next").result().output == "next\n"


def say_and_die():
    print("last words")
    os._exit(1)


def test_the_output_of_a_task_that_dies_is_kept(pool):
    assert ending(pool, say_and_die).output == "last words\n"


def spoil():
    """Change what all learners share."""
    sys.setrecursionlimit(50)
    np.argmin = None
    os.environ["SPOILED"] = "yes"
    sys.path.clear()


def is_spoiled():
    return np.argmin is None or "SPOILED" in os.environ


def spoil_imports():
    sys.path.clear()
    del sys.modules[__name__]


@pytest.mark.parametrize("act", [spoil, spoil_imports])
def test_what_foreign_code_leaves_behind_reaches_no_other_call(act):
    worker = Worker()
    assert not worker.run(Call(is_spoiled)).result
    first = worker.run(os.getpid)
    worker.run(Call(act, is_foreign=True))
    assert not worker.run(Call(is_spoiled, is_foreign=True)).result
    assert worker.run(Call(square), 3).result == 9
    assert worker.run(os.getpid) == worker.run(os.getpid) != first
    worker.close()


def test_what_no_worker_can_load_is_one_error(pool, monkeypatch):
    monkeypatch.setattr(square, "__module__", "nowhere")
    monkeypatch.setitem(sys.modules, "nowhere", sys.modules[__name__])
    with pytest.raises(ExecutorError, match="cannot load what it is to run: ModuleNotFoundError: No module named 'no"):
        pool.submit(square, 3).result()


class OddError(Exception):
    """It cannot be pickled, since it has more arguments than it keeps."""

    def __init__(self, text, number):
        super().__init__(text)


def raise_odd():
    raise OddError("odd", 3)


def return_lambda():
    return lambda: None


def test_what_cannot_be_pickled_is_an_error_of_its_task(pool):
    with pytest.raises(RuntimeError, match="OddError: odd"):
        pool.submit(raise_odd).result()
    with pytest.raises((AttributeError, RuntimeError), match="lambda"):
        pool.submit(return_lambda).result()


@pytest.mark.parametrize("eater", [eat, gulp])
def test_a_task_above_the_memory_limit_is_ended_and_leaves_its_stack(pool, eater):
    ended = ending(pool, eater)
    assert ended.status == "memory"
    assert ended.reason.endswith("the limit is 1,000 MB")
    assert f"in {eater.__name__}" in ended.stack


def test_memory_that_a_task_leaves_behind_does_not_count_for_the_next(pool):
    """Two tasks that each keep half of the limit would be over it in one worker."""
    assert pool.submit(hoard, LIMIT // MEGABYTE // 2).result() != pool.submit(os.getpid).result()


def test_the_memory_of_its_libraries_does_not_end_a_worker():
    """Under a limit of one and a half times their size, each task would otherwise start a worker."""
    new = Worker()
    limit = 3 * psutil.Process(new.run(os.getpid)).memory_info().rss // 2
    new.close()
    worker = Worker(limit)
    assert worker.run(os.getpid) == worker.run(os.getpid)
    worker.close()


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


def test_a_kill_while_the_server_starts_is_heeded_at_once(run_apart):
    program = """
        import time
        from studies.execution.workers import WorkerPool
        if __name__ == "__main__":
            pool = WorkerPool(1)
            future = pool.submit(abs, -1)
            time.sleep(0.1)
            pool.kill()
            print(type(future.exception()).__name__)
    """
    assert run_apart(textwrap.dedent(program)).split() == ["WorkerEnded"]


FOREIGN_FOLDER = ("random.py", "estimators/__init__.py", "studies/__init__.py", "signal.py", "torch.py")

FROM_ANYWHERE = """
import os, sys
from studies.execution.workers import Worker
if __name__ == "__main__":
    worker = Worker(10**9)
    print(worker.run(abs, -1), flush=True)
    for file in os.scandir(os.environ["TMPDIR"]):
        os.unlink(file)
    worker.close()
    print(worker.run(abs, -2), os.listdir(os.environ["TMPDIR"]))
    worker.close()
"""


def test_workers_need_neither_the_working_directory_nor_the_temporary_one(tmp_path):
    """Modules in the working directory are not imported, the temporary one may have a long name and be emptied."""
    temporary = tmp_path / ("long" * 30)
    temporary.mkdir()
    for name in FOREIGN_FOLDER:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("open('imported', 'w')\nraise ImportError")
    program = [sys.executable, "-P", "-c", FROM_ANYWHERE]
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.getcwd()}
    ran = subprocess.run(program, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120)
    assert (ran.stdout, ran.stderr) == ("1\n2 []\n", "")
    assert not (tmp_path / "imported").exists()


def test_a_script_without_a_main_guard_is_one_error(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from studies.execution.workers import WorkerPool\nWorkerPool(2).submit(abs, -1).result()")
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, timeout=120)
    assert ran.returncode == 1
    assert ran.stderr.count("Error: ") == 1
    assert "under if __name__ == '__main__':" in ran.stderr


HOLDING = """
import os, re, subprocess
from studies.execution.workers import WorkerPool
def hold():
    subprocess.Popen(["sleep", "600"])
    re.match("(a|aa)+$", "a" * 100 + "b")
if __name__ == "__main__":
    pool = WorkerPool(1)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(hold).result()
"""


def test_workers_end_with_a_killed_driver(tmp_path):
    """Even in a call that never releases the interpreter, and with all that they have started."""
    script = tmp_path / "script.py"
    script.write_text(HOLDING)
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    driver = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        worker = psutil.Process(int(driver.stdout.readline()))
        family = [worker, worker.parent(), worker.parent().parent()]
        while not (started := worker.children()):
            time.sleep(0.05)
    finally:
        driver.kill()
        driver.communicate()
    assert psutil.wait_procs([*family, *started], timeout=60)[1] == []

"""Local workers that fail one at a time.

A shared process pool is broken for good when one of its workers dies. Here each slot is a pool of one process, made
anew when it breaks, so that a worker that dies, hangs or eats memory costs its own task and no other.
"""

import faulthandler
import functools
import multiprocessing
import os
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TextIO

import psutil

ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
    "MKL_CBWR": "AUTO",
}
"""Of a worker, read by the libraries when they are loaded: one thread, and the same bits wherever an array begins."""

_stack: TextIO | None = None


def prepare(stack_path: str) -> None:
    """Make this process a worker.

    Parameters
    ----------
    stack_path : str
        File to which the stack goes when the worker crashes, runs out of time, or is sent SIGUSR1.
    """
    import torch  # here, since the driver imports this module and does without torch
    from threadpoolctl import threadpool_limits

    global _stack
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's
    torch.set_num_threads(1)
    threadpool_limits(1)
    _stack = Path(stack_path).open("w")  # noqa: SIM115  as long as the process
    faulthandler.enable(_stack)
    if hasattr(faulthandler, "register"):  # not on Windows
        faulthandler.register(signal.SIGUSR1, _stack, all_threads=False)
    threading.Thread(target=_end_with_driver, args=(stack_path,), daemon=True).start()


def within(seconds: float, fn: Callable[..., Any], /, *args: Any) -> Any:
    """Return ``fn(*args)``; if it takes longer, write the stack and end this worker.

    Raises
    ------
    RuntimeError
        If this process is no worker of its own, which may be ended.
    """
    if _stack is None:
        raise RuntimeError("a time limit needs workers that may be ended: WorkerPool or a Dask cluster")
    faulthandler.dump_traceback_later(seconds, exit=True, file=_stack)
    try:
        return fn(*args)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _end_with_driver(stack_path: str) -> None:
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        Path(stack_path).unlink(missing_ok=True)
        os._exit(1)


_PRELOAD = ["studies.execution.run", "studies.library", "estimators.nets.building", "sklearn.ensemble", "sklearn.svm"]

_GLANCE = 0.02  # seconds between looks at a worker's memory, which grows by some 2 GB/s at most
_LAST_WORD = 0.2  # seconds that a worker over its limit has to write its stack
_MACHINE_SHARE = 0.8  # of the memory; the rest is for the driver and the system


class ExecutorError(RuntimeError):
    """An executor cannot be had, or is gone; the message says why."""


class WorkerEnded(RuntimeError):  # noqa: N818  a fact and not a mistake
    """The worker process ended before its task.

    Parameters
    ----------
    status : {"lost", "timeout", "memory"}
        It died; it was ended at the time limit; it was ended at the memory limit.
    reason : str
    stack : str
        Where it was, if it could still tell.
    """

    def __init__(self, status: str, reason: str, stack: str = "") -> None:
        super().__init__(status, reason, stack)
        self.status, self.reason, self.stack = status, reason, stack


def memory_share(n_workers: int) -> int:
    """Return the bytes that each of `n_workers` may hold so that together they leave the machine some."""
    return int(_MACHINE_SHARE * psutil.virtual_memory().total / n_workers)


class _Process:
    """A worker process: a pool of one, and the file for its last word."""

    def __init__(self) -> None:
        handle, path = tempfile.mkstemp(prefix="toymanifold-stack-")
        os.close(handle)
        self._stack = Path(path)
        self.pool = ProcessPoolExecutor(1, mp_context=start_method(), initializer=prepare, initargs=(path,))
        try:
            pid = self.pool.submit(os.getpid).result()
            self._vitals = psutil.Process(pid)
            self.process = {process.pid: process for process in multiprocessing.active_children()}[pid]
        except (BrokenProcessPool, EOFError, OSError, psutil.Error, KeyError) as error:
            self.close()
            raise WorkerEnded("lost", f"the worker process died as it started: {error!r}") from error

    def resident(self) -> int:
        """Return the bytes of memory that it holds."""
        try:
            return int(self._vitals.memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def ask_for_stack(self) -> None:
        """Have it write where it is, if it still can."""
        if hasattr(signal, "SIGUSR1"):
            with suppress(psutil.Error):
                self._vitals.send_signal(signal.SIGUSR1)
            deadline = time.monotonic() + _LAST_WORD
            while not self._stack.stat().st_size and time.monotonic() < deadline:
                time.sleep(_LAST_WORD / 20)

    def close(self) -> str:
        """End it when it is idle, and return its last word."""
        self.pool.shutdown()
        stack, _, _ = self._stack.read_text(errors="replace").partition("\n\nExtension modules:")
        self._stack.unlink()
        return stack


class Worker:
    """One single-threaded worker process, started when there is a task and anew when it has ended.

    Parameters
    ----------
    memory_limit : int or None, default=None
        Bytes of resident memory at which the worker is ended.
    """

    def __init__(self, memory_limit: int | None = None) -> None:
        self.memory_limit = memory_limit
        self.killed = False
        self._worker: _Process | None = None

    def run(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Return ``fn(*args, **kwargs)``, done by the worker.

        Raises
        ------
        WorkerEnded
            If the worker ended first. The slot can be used again.
        """
        worker = self._worker = self._worker or _Process()
        if self.killed:
            worker.process.kill()
        excess = 0
        try:
            future = worker.pool.submit(fn, *args, **kwargs)
            excess = self._watch(worker, future)
            result = future.result()
        except BrokenProcessPool:
            self._worker = None
            raise self._ended(worker, excess) from None
        if self.memory_limit and worker.resident() > self.memory_limit / 2:
            self.close()  # what a task leaves behind is not charged to the next
        return result

    def close(self) -> None:
        """End the worker when it is idle."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def kill(self) -> None:
        """End the worker at once, and any later one."""
        self.killed = True
        if self._worker is not None:
            self._worker.process.kill()

    def _watch(self, worker: _Process, future: Future[Any]) -> int:
        """Wait for the task, and return 0; or end the worker for the bytes that it holds, and return those."""
        while self.memory_limit and not wait([future], timeout=_GLANCE).done:
            held = worker.resident()
            if held > self.memory_limit:
                worker.ask_for_stack()
                worker.process.kill()
                return held
        return 0

    def _ended(self, worker: _Process, excess: int) -> WorkerEnded:
        stack = worker.close()
        if excess:
            limit = f"{(self.memory_limit or 0) / 1e6:,.0f} MB"
            return WorkerEnded("memory", f"its worker held {excess / 1e6:,.0f} MB; the limit is {limit}", stack)
        if stack.startswith("Timeout"):
            limit = stack[len("Timeout (") : stack.index(")")]
            return WorkerEnded("timeout", f"no end within the time limit of {limit}", stack)
        return WorkerEnded("lost", f"the worker process died before the task ended ({_exit(worker.process)})", stack)


class WorkerPool(Executor):
    """An executor of `n_workers` slots: a task whose worker ends raises `WorkerEnded`, and all others go on.

    Parameters
    ----------
    n_workers : int
    memory_limit : int or None, default=None
        Bytes for each worker.
    """

    def __init__(self, n_workers: int, memory_limit: int | None = None) -> None:
        self.n_workers = n_workers
        self._workers = [Worker(memory_limit) for _ in range(n_workers)]
        self._free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)
        self._threads = ThreadPoolExecutor(n_workers, thread_name_prefix="worker")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn(*args, **kwargs)`` in the next free worker."""
        return self._threads.submit(self._run, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks, and end the workers when theirs have ended."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        if wait:
            for worker in self._workers:
                worker.close()

    def kill(self) -> None:
        """End the workers at once, whatever they do."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.kill()
        self.shutdown()

    def _run(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        worker = self._free.get()
        try:
            return worker.run(fn, *args, **kwargs)
        finally:
            self._free.put(worker)


def _exit(process: BaseProcess) -> str:
    code = process.exitcode
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


@functools.cache
def start_method() -> BaseContext:
    """Return how workers are started: from a server that has loaded the libraries once, where the system has one.

    The server loads them in the background from the first call on, so it is called before the driver loads its own.
    """
    os.environ.update(ENVIRONMENT)  # inherited by the workers
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # for the server, which inherits it: Ctrl-C is not for it
    forkserver.ensure_running()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return context

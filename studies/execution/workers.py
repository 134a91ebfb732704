"""Local worker processes that fail one at a time.

A `ProcessPoolExecutor` cannot be used any more after one of its processes has died. Here each worker is a pool of one
process, which is replaced when it breaks: a process that dies, hangs or uses too much memory costs only its own task.
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
"""Environment of workers, read by libraries when they load: one thread, and results independent of array alignment."""

_stack: TextIO | None = None


def prepare(stack_path: str) -> None:
    """Make this process a worker.

    Parameters
    ----------
    stack_path : str
        File for the stack if the worker crashes, reaches the time limit, or receives SIGUSR1.
    """
    import torch  # here, since the driver imports this module and does not need torch
    from threadpoolctl import threadpool_limits

    global _stack
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver handles Ctrl-C
    torch.set_num_threads(1)
    threadpool_limits(1)
    _stack = Path(stack_path).open("w")  # noqa: SIM115  open until the process ends
    faulthandler.enable(_stack)
    if hasattr(faulthandler, "register"):  # not on Windows
        faulthandler.register(signal.SIGUSR1, _stack, all_threads=False)
    threading.Thread(target=_end_with_driver, args=(stack_path,), daemon=True).start()


def within(seconds: float, fn: Callable[..., Any], /, *args: Any) -> Any:
    """Return ``fn(*args)``; if it takes longer, write the stack and end this worker.

    Raises
    ------
    RuntimeError
        If this process is not a worker.
    """
    if _stack is None:
        raise RuntimeError("a time limit needs workers that can be ended: WorkerPool or a Dask cluster")
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

_POLL_SECONDS = 0.02  # between checks of a worker's memory, which grows by about 2 GB/s at most
_STACK_SECONDS = 0.2  # for a worker over its memory limit to write its stack
_MACHINE_SHARE = 0.8  # of the machine's memory for workers; the rest is for the driver and the system


class ExecutorError(RuntimeError):
    """An executor cannot be opened, or is gone; the message gives the reason."""


class WorkerEnded(RuntimeError):  # noqa: N818  its status can be that of a limit
    """The worker process ended before its task.

    Parameters
    ----------
    status : {"lost", "timeout", "memory"}
        It died, or was ended at the time limit or the memory limit.
    reason : str
    stack : str
        The stack at the end, if the process could write it.
    """

    def __init__(self, status: str, reason: str, stack: str = "") -> None:
        super().__init__(status, reason, stack)
        self.status, self.reason, self.stack = status, reason, stack


def memory_share(n_workers: int) -> int:
    """Return each worker's share, in bytes, of 80 % of the machine's memory."""
    return int(_MACHINE_SHARE * psutil.virtual_memory().total / n_workers)


class _Process:
    """A worker process: a pool of one, and the file for its stack."""

    def __init__(self) -> None:
        handle, path = tempfile.mkstemp(prefix="toymanifold-stack-")
        os.close(handle)
        self._stack = Path(path)
        self.pool = ProcessPoolExecutor(1, mp_context=start_method(), initializer=prepare, initargs=(path,))
        try:
            pid = self.pool.submit(os.getpid).result()
            self._info = psutil.Process(pid)
            self.child = {process.pid: process for process in multiprocessing.active_children()}[pid]
        except (BrokenProcessPool, EOFError, OSError, psutil.Error, KeyError) as error:
            self.close()
            raise WorkerEnded("lost", f"the worker process died as it started: {error!r}") from error

    def resident(self) -> int:
        """Return its resident memory in bytes."""
        try:
            return int(self._info.memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def request_stack(self) -> None:
        """Make it write its stack, if it still can."""
        if hasattr(signal, "SIGUSR1"):
            with suppress(psutil.Error):
                self._info.send_signal(signal.SIGUSR1)
            deadline = time.monotonic() + _STACK_SECONDS
            while not self._stack.stat().st_size and time.monotonic() < deadline:
                time.sleep(_STACK_SECONDS / 20)

    def close(self) -> str:
        """End it when it is idle, and return the stack that it has written."""
        self.pool.shutdown()
        stack, _, _ = self._stack.read_text(errors="replace").partition("\n\nExtension modules:")
        self._stack.unlink()
        return stack


class Worker:
    """A single-threaded worker, whose process starts with its first task and is replaced when it has ended.

    Parameters
    ----------
    memory_limit : int or None, default=None
        Largest resident memory in bytes; a process above it is ended.
    """

    def __init__(self, memory_limit: int | None = None) -> None:
        self.memory_limit = memory_limit
        self.killed = False
        self._process: _Process | None = None

    def run(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Return ``fn(*args, **kwargs)``, computed in the process.

        Raises
        ------
        WorkerEnded
            If the process ended first. The worker can be used again.
        """
        process = self._process = self._process or _Process()
        if self.killed:
            process.child.kill()
        excess = 0
        try:
            future = process.pool.submit(fn, *args, **kwargs)
            excess = self._watch(process, future)
            result = future.result()
        except BrokenProcessPool:
            self._process = None
            raise self._ended(process, excess) from None
        if self.memory_limit and process.resident() > self.memory_limit / 2:
            self.close()  # memory that a task leaves behind must not count for the next
        return result

    def close(self) -> None:
        """End the process when it is idle."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def kill(self) -> None:
        """End the process at once, and any later one."""
        self.killed = True
        if self._process is not None:
            self._process.child.kill()

    def _watch(self, process: _Process, future: Future[Any]) -> int:
        """Wait for the task and return 0; above the memory limit, end the process and return its bytes."""
        while self.memory_limit and not wait([future], timeout=_POLL_SECONDS).done:
            resident = process.resident()
            if resident > self.memory_limit:
                process.request_stack()
                process.child.kill()
                return resident
        return 0

    def _ended(self, process: _Process, excess: int) -> WorkerEnded:
        stack = process.close()
        if excess:
            limit = f"{(self.memory_limit or 0) / 1e6:,.0f} MB"
            return WorkerEnded("memory", f"its worker used {excess / 1e6:,.0f} MB; the limit is {limit}", stack)
        if stack.startswith("Timeout"):
            limit = stack[len("Timeout (") : stack.index(")")]
            return WorkerEnded("timeout", f"not finished within the time limit of {limit}", stack)
        return WorkerEnded("lost", f"the worker process died before the task ended ({_exit(process.child)})", stack)


class WorkerPool(Executor):
    """An executor on local workers, where a task whose worker process ends raises `WorkerEnded` and all others go on.

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
        """Accept no more tasks, and end the workers when the running ones have ended."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        if wait:
            for worker in self._workers:
                worker.close()

    def kill(self) -> None:
        """End the workers and their tasks at once."""
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
    """Return the context that starts workers: a fork server that has loaded the libraries once, or else spawn.

    The server starts to load them in the background at the first call, which should come before the driver's imports.
    """
    os.environ.update(ENVIRONMENT)  # inherited by the workers
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by the server, so that it ignores Ctrl-C
    forkserver.ensure_running()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return context

"""Local workers that fail one at a time.

A shared process pool is broken for good when one of its workers dies. Here each slot is a pool of one process, made
anew when it breaks, so that a dead worker costs its own task and no other.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class WorkerLost(RuntimeError):  # noqa: N818  a fact and not a mistake
    """The worker process died before its task ended."""


class Slots(Executor):
    """An executor of `n_workers` single-threaded processes, each replaced when it dies.

    A task whose worker dies raises `WorkerLost`; all others go on.
    """

    def __init__(self, n_workers: int) -> None:
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload(["estimators", "studies.runner"])
        os.environ.update(_ONE_THREAD)  # inherited by the workers; the libraries of this process have read it already
        self._pools: dict[ProcessPoolExecutor, int] = {}  # and the process of each
        self._mine = threading.local()
        self._threads = ThreadPoolExecutor(n_workers, thread_name_prefix="slot")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn(*args, **kwargs)`` in the next free worker."""
        return self._threads.submit(self._run, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers: at once if tasks are cancelled, else when their tasks have ended."""
        if cancel_futures:
            self._threads.shutdown(wait=False, cancel_futures=True)
            for process in tuple(self._pools.values()):
                os.kill(process, signal.SIGTERM)
        self._threads.shutdown(wait=wait)
        for pool in tuple(self._pools):
            pool.shutdown(wait=wait)

    def _run(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        pool = getattr(self._mine, "pool", None)
        if pool is None:
            pool = ProcessPoolExecutor(1, mp_context=self._context, initializer=_prepare_worker)
            self._pools[pool] = pool.submit(os.getpid).result()
            self._mine.pool = pool
        try:
            return pool.submit(fn, *args, **kwargs).result()
        except BrokenProcessPool as error:
            self._mine.pool = None
            del self._pools[pool]
            raise WorkerLost("the worker process died before the task ended") from error


def _prepare_worker() -> None:
    """Leave Ctrl-C to the driver, and end with it even if it is killed."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_driver, daemon=True).start()


def _end_with_driver() -> None:
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)

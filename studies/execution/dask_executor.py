"""Slots in the workers of a Dask cluster.

A cell that kills its Dask worker puts the blame on all that the worker held, and one that hangs holds it for ever. So
each task runs in a `Worker` beside the Dask worker that it came to: limits and failures are the same as on one machine,
and a Dask worker is lost only when its machine is.
"""

import concurrent.futures
import multiprocessing
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any
from uuid import uuid4

from distributed import Client, KilledWorker, get_worker
from distributed import Future as DaskFuture

from studies.execution.workers import ExecutorError, Worker, WorkerEnded

_CONNECT = 20  # seconds for the scheduler to answer

_free: list[Worker] = []  # of this Dask worker; there come to be as many as it runs tasks at once
_busy: dict[str, set[Worker]] = defaultdict(set)  # by the driver for which they work


class DaskExecutor(Executor):
    """An executor on the workers of a Dask cluster: a task whose worker ends raises `WorkerEnded`.

    A task whose Dask worker dies is given to another by Dask itself, up to three times, before it counts as lost.

    Parameters
    ----------
    address : str
        Of the scheduler, ``host:port``. Each Dask worker has as many workers as threads.
    memory_limit : int or None, default=None
        Bytes for each worker; by default, its share of what its Dask worker may use.

    Raises
    ------
    OSError
        If no scheduler answers at the address.
    """

    def __init__(self, address: str, memory_limit: int | None = None) -> None:
        self._client = Client(f"tcp://{address}", timeout=_CONNECT)
        self._executor = self._client.get_executor()
        self._memory_limit = memory_limit
        self._keys: dict[Future[Any], str] = {}
        self.n_workers: int = sum(self._client.nthreads().values()) or 1

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn(*args, **kwargs)`` in a worker of the cluster.

        Raises
        ------
        ExecutorError
            If the scheduler is gone.
        """
        if self._client.status != "running":
            raise ExecutorError("the Dask scheduler is gone")
        future: Future[Any] = Future()
        self._keys[future] = key = f"toymanifold-{uuid4()}"
        driver = self._client.id
        task = self._executor.submit(_run_in_worker, driver, self._memory_limit, fn, args, kwargs, key=key)
        task.add_done_callback(lambda task: self._pass_on(task, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks, and let the cluster go when those that run have ended."""
        if cancel_futures:
            started = {key for keys in self._client.processing().values() for key in keys}
            self._cancel(set(self._keys.values()) - started)
        if wait:
            concurrent.futures.wait(tuple(self._keys))
            self._close()

    def kill(self) -> None:
        """End at once what runs on the cluster for this driver, and let the cluster go."""
        if self._client.status == "running":
            self._cancel(set(self._keys.values()))
        self._close()
        self._keys.clear()  # nothing will be told of them any more

    def _cancel(self, keys: set[str]) -> None:
        self._client.cancel([DaskFuture(key, self._client) for key in keys])

    def _close(self) -> None:
        if self._client.status == "running":
            self._client.run(_leave, self._client.id)
        self._client.close()

    def _pass_on(self, task: Future[Any], future: Future[Any]) -> None:
        """Tell `future` how its task ended."""
        self._keys.pop(future, None)
        if task.cancelled():
            future.cancel()
        elif isinstance(error := task.exception(), KilledWorker):
            future.set_exception(WorkerEnded("lost", str(error)))
        elif error is not None:
            future.set_exception(error)
        elif isinstance(ended := task.result(), WorkerEnded):
            future.set_exception(ended)
        else:
            future.set_result(task.result())


def _run_in_worker(
    driver: str, memory_limit: int | None, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Run a task in a worker; in a Dask worker. That the worker's worker ended is returned: raised, Dask would log it."""
    multiprocessing.current_process().daemon = False  # it may have children, for ours end with it
    try:
        worker = _free.pop()
    except IndexError:
        worker = Worker()
    worker.memory_limit = memory_limit or _memory_share()
    _busy[driver].add(worker)
    try:
        return worker.run(fn, *args, **kwargs)
    except WorkerEnded as ended:
        return ended
    finally:
        _busy[driver].discard(worker)
        if not worker.killed:
            _free.append(worker)


def _memory_share() -> int | None:
    """Return what a task may hold of the memory that this Dask worker may use."""
    worker = get_worker()
    limit = worker.memory_manager.memory_limit
    return limit and limit // worker.state.nthreads


def _leave(driver: str) -> None:
    """End what this Dask worker does for a driver, and the processes that have nothing to do."""
    for worker in tuple(_busy.pop(driver, ())):
        worker.kill()
    while _free:
        _free.pop().close()

"""An executor on a Dask cluster.

If a cell killed its Dask worker, Dask would suspect all tasks of that worker, and a cell that hangs would occupy it
without end. So each Dask worker runs its tasks in a separate process, a `Worker`: limits and failures are those of
local workers, and a Dask worker is lost only with its machine.
"""

import concurrent.futures
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any
from uuid import uuid4

from distributed import Client, KilledWorker, get_worker
from distributed import Future as DaskFuture

from studies.execution.workers import ExecutorError, Worker, WorkerEnded

_CONNECT = 20  # seconds for the scheduler to answer

_free: list[Worker] = []  # in this Dask worker; their number grows to that of its threads
_busy: dict[str, set[Worker]] = defaultdict(set)  # by driver


class DaskExecutor(Executor):
    """An executor on a Dask cluster, where a task whose worker process ends raises `WorkerEnded`.

    If a worker lacks a module, its tasks raise `ExecutorError`.

    If a Dask worker dies, Dask gives its task to another one, up to three times, before the task counts as lost.

    Parameters
    ----------
    address : str
        Address of the scheduler, ``host:port``. Each thread of a Dask worker has a worker process.
    memory_limit : int or None, default=None
        Bytes for each worker process; by default its share of the memory of its Dask worker.

    Raises
    ------
    OSError
        If no scheduler answers at the address.
    """

    keeps_limits = True

    def __init__(self, address: str, memory_limit: int | None = None) -> None:
        self._client = Client(f"tcp://{address}", timeout=_CONNECT)
        self._executor = self._client.get_executor()
        self._memory_limit = memory_limit
        self._keys: dict[Future[Any], str] = {}
        self.n_workers: int = sum(self._client.nthreads().values()) or 1

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn(*args, **kwargs)`` in a worker process of the cluster.

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
        """Accept no more tasks, and disconnect from the cluster when the running ones have ended."""
        if cancel_futures:
            started = {key for keys in self._client.processing().values() for key in keys}
            self._cancel(set(self._keys.values()) - started)
        if wait:
            concurrent.futures.wait(tuple(self._keys))
            self._close()

    def kill(self) -> None:
        """End the tasks of this driver at once, and disconnect from the cluster."""
        if self._client.status == "running":
            self._cancel(set(self._keys.values()))
        self._close()
        self._keys.clear()  # their futures get no more results

    def _cancel(self, keys: set[str]) -> None:
        self._client.cancel([DaskFuture(key, self._client) for key in keys])

    def _close(self) -> None:
        if self._client.status == "running":
            self._client.run(_leave, self._client.id)
        self._client.close()

    def _pass_on(self, task: Future[Any], future: Future[Any]) -> None:
        """Set the result or exception of `future` to that of its task."""
        self._keys.pop(future, None)
        if task.cancelled():
            future.cancel()
        elif isinstance(error := task.exception(), KilledWorker):
            future.set_exception(WorkerEnded("lost", str(error)))
        elif isinstance(error, ImportError):
            future.set_exception(ExecutorError(f"a Dask worker lacks a module: {error}"))
        elif error is not None:
            future.set_exception(error)
        elif isinstance(ended := task.result(), WorkerEnded | ExecutorError):
            future.set_exception(ended)
        else:
            future.set_result(task.result())


def _run_in_worker(
    driver: str, memory_limit: int | None, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Run a task in a worker process of this Dask worker; return an error of it, since Dask would log a raised one."""
    try:
        worker = _free.pop()
    except IndexError:
        worker = Worker()
    worker.memory_limit = memory_limit or _memory_share()
    _busy[driver].add(worker)
    try:
        return worker.run(fn, *args, **kwargs)
    except (WorkerEnded, ExecutorError) as error:
        return error
    finally:
        _busy[driver].discard(worker)
        if not worker.killed:
            _free.append(worker)


def _memory_share() -> int | None:
    """Return a thread's share of this Dask worker's memory limit, in bytes."""
    worker = get_worker()
    limit = worker.memory_manager.memory_limit
    return limit and limit // worker.state.nthreads


def _leave(driver: str) -> None:
    """End the worker processes of a driver, and idle ones, in this Dask worker."""
    for worker in tuple(_busy.pop(driver, ())):
        worker.kill()
    while _free:
        _free.pop().close()

"""Where cells run, by name: on this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import joblib

from studies.execution.workers import ExecutorError, WorkerPool, memory_share

if TYPE_CHECKING:
    from studies.execution.dask_executor import DaskExecutor

LOCAL, DASK = "local", "dask://"


@contextmanager
def open_executor(
    name: str, n_workers: int | None = None, memory_limit: int | None = None
) -> Iterator[WorkerPool | DaskExecutor]:
    """Open an executor for as long as the context lasts; on an exception its workers are ended at once.

    Parameters
    ----------
    name : str
        "local", or "dask://host:port" for the Dask cluster whose scheduler is there.
    n_workers : int or None, default=None
        On this machine; by default as many as the cores that this process may use.
    memory_limit : int or None, default=None
        Bytes for each worker; by default its share of the machine's, so that the workers together cannot take it down.

    Raises
    ------
    ExecutorError
        If there is no executor of this name, or it cannot be had.
    """
    executor = _open(name, n_workers, memory_limit)
    try:
        yield executor
    except BaseException:
        executor.kill()
        raise
    executor.shutdown()


def count_workers(name: str, n_workers: int | None = None) -> int | None:
    """Return how many workers an executor will have; None if only its cluster can tell."""
    return None if name.startswith(DASK) else n_workers or joblib.cpu_count()


def _open(name: str, n_workers: int | None, memory_limit: int | None) -> WorkerPool | DaskExecutor:
    if name == LOCAL:
        n_workers = n_workers or joblib.cpu_count()
        return WorkerPool(n_workers, memory_limit or memory_share(n_workers))
    if not name.startswith(DASK):
        raise ExecutorError(f"The executor must be {LOCAL!r} or '{DASK}host:port'. Got {name!r} instead.")
    if n_workers:
        raise ExecutorError(f"{name} has its own number of workers; leave out --jobs")
    try:
        return _dask(name.removeprefix(DASK), memory_limit)
    except OSError as error:
        raise ExecutorError(f"no Dask scheduler answers at {name}: {error}") from error


def _dask(address: str, memory_limit: int | None) -> DaskExecutor:
    try:
        from studies.execution.dask_executor import DaskExecutor
    except ModuleNotFoundError as error:
        raise ExecutorError("this executor needs Dask; install it with: pip install 'toymanifold[dask]'") from error
    return DaskExecutor(address, memory_limit)

"""Executors by name: workers on this machine, or a Dask cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import joblib

from studies.execution.memory import memory_share
from studies.execution.workers import ExecutorError, WorkerPool
from studies.store.passwords import hide_password

if TYPE_CHECKING:
    from studies.execution.dask_executor import DaskExecutor

LOCAL, DASK = "local", "dask://"

_ADDRESS = re.compile(r"(\[[\da-fA-F:.]+\]|[^\s:/@?#\[\]]+):(\d{1,5})")  # of a host, or an address of version 6


@contextmanager
def open_executor(
    name: str, n_workers: int | None = None, memory_limit: int | None = None
) -> Iterator[WorkerPool | DaskExecutor]:
    """Open an executor for the duration of the context; after an exception, end its workers at once.

    Parameters
    ----------
    name : str
        "local", or "dask://host:port" with the address of a Dask scheduler.
    n_workers : int or None, default=None
        Number of local workers; by default one for each core that this process may use.
    memory_limit : int or None, default=None
        Bytes for each worker; by default its share of the machine's memory, so that all workers together cannot
        exhaust it.

    Raises
    ------
    ExecutorError
        If there is no executor of this name, or it cannot be opened.
    """
    executor = _open(name, n_workers, memory_limit)
    try:
        yield executor
    except BaseException:
        executor.kill()
        raise
    executor.shutdown()


def count_workers(name: str, n_workers: int | None = None) -> int | None:
    """Return the number of workers of an executor, or None for a Dask cluster, which has its own number.

    Raises
    ------
    ExecutorError
        If there is no executor of this name, or its address is not valid.
    """
    address = name.removeprefix(DASK)
    if name != LOCAL and (address == name or not _ADDRESS.fullmatch(address)):
        given = hide_password(name)
        raise ExecutorError(f"The executor must be {LOCAL!r} or '{DASK}host:port'. Got {given!r} instead.")
    return None if name.startswith(DASK) else n_workers or joblib.cpu_count()


def _open(name: str, n_workers: int | None, memory_limit: int | None) -> WorkerPool | DaskExecutor:
    count = count_workers(name, n_workers)
    if count is not None:
        return WorkerPool(count, memory_limit or memory_share(count))
    if n_workers:
        raise ExecutorError(f"{name} has its own number of workers; leave out --jobs")
    try:
        return _open_dask(name.removeprefix(DASK), memory_limit)
    except (OSError, ValueError, OverflowError) as error:  # the last two for a port that cannot be
        raise ExecutorError(f"no Dask scheduler answers at {name}: {error}") from error


def _open_dask(address: str, memory_limit: int | None) -> DaskExecutor:
    try:
        from studies.execution.dask_executor import DaskExecutor
    except ModuleNotFoundError as error:
        raise ExecutorError("this executor needs Dask; install it with: pip install 'toymanifold[dask]'") from error
    return DaskExecutor(address, memory_limit)

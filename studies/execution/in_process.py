"""Execution in this process, and in workers of objects that only this process has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from threadpoolctl import threadpool_limits

from studies.execution.executors import LOCAL, open_executor
from studies.execution.run import run_task
from studies.execution.tasks import Task
from studies.execution.workers import ExecutorError
from studies.registry.errors import exception_text
from studies.registry.objects import Kept, read_objects, write_objects
from studies.store.store import Outcome

Work = Callable[[Task], list[Outcome]]


class InProcessExecutor(Executor):
    """An executor that runs each call when it is submitted, in this process."""

    n_workers = 1
    most_outstanding = 1

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call ``fn(*args, **kwargs)`` and return its result as a future. Ctrl-C is raised."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def open_with_objects(kept: Iterable[Kept], n_workers: int) -> Iterator[tuple[Executor, Work]]:
    """Open an executor and yield it with the function that runs a task of cells that name objects.

    Parameters
    ----------
    kept : iterable of Kept
        The objects, which each worker reads once.
    n_workers : int
        Number of local workers; 1 is this process, with one thread as in a worker.
    """
    if n_workers == 1:
        with threadpool_limits(1):
            yield InProcessExecutor(), _run_here
        return
    with TemporaryDirectory(prefix="toymanifold-") as folder, open_executor(LOCAL, n_workers) as workers:
        path = str(Path(folder, "objects"))
        write_objects(kept, path)
        yield workers, partial(_run_in_worker, path=path)


def _run_here(task: Task) -> list[Outcome]:
    outcomes = run_task(task)
    if any(outcome.error.startswith(KeyboardInterrupt.__name__) for outcome in outcomes):
        raise KeyboardInterrupt  # which the runner takes for a failure of the cell
    return outcomes


def _run_in_worker(task: Task, *, path: str) -> list[Outcome]:
    try:
        read_objects(path)
    except BaseException as error:  # loading foreign objects can raise anything
        raise ExecutorError(f"a worker cannot load the learners and problems: {exception_text(error)}") from error
    return run_task(task)

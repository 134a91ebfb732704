"""The progress of a run: a bar on a terminal, otherwise lines; and the summary of a dry run."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from studies.cli.options import columns
from studies.execution.budget import Budget, Clock
from studies.execution.costs import Costs
from studies.registry.learners import catalog_name
from studies.spec.cells import Cell, PlannedCell, plan_run
from studies.spec.study import Study
from studies.store.store import Outcome, Store

_EARLY = 0.2  # share of the cells before which unknown times are not extrapolated
_ESTIMATE_SECONDS = 0.5  # between estimates of the time left on a terminal
_LINE_SECONDS = 15.0  # between lines where there is no terminal, at most
_SHORTEST_WAIT = 0.05  # seconds of the thread that shows them


class Eta:
    """Estimate of the time left, from the times of similar cells.

    Parameters
    ----------
    todo : iterable of PlannedCell
        All cells of the run, in the order in which they start.
    n_workers : int
    costs : Costs
        Times of earlier cells; those of cells that end are added.
    budget : Budget or None, default=None
        Time of the run.
    clock : callable, default=time.monotonic
        Returns the current time in seconds.
    """

    def __init__(
        self,
        todo: Iterable[PlannedCell],
        n_workers: int,
        costs: Costs,
        budget: Budget | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        cells = [planned.cell for planned in todo]
        self._left = Counter(replace(cell, seed=0) for cell in cells)
        self._n_cells = len(cells)
        self._waiting = dict.fromkeys(cells)
        self._started: dict[Cell, float] = {}  # times of the cells that run, as far as can be known
        self._n_workers = n_workers
        self._costs = costs
        self._budget = budget
        self._clock = clock
        self._start_cells()

    def _start_cells(self) -> None:
        while self._waiting and len(self._started) < self._n_workers:
            cell = next(iter(self._waiting))
            del self._waiting[cell]
            self._started[cell] = self._clock()

    def ended(self, planned: PlannedCell, outcome: Outcome) -> None:
        """Record a cell that has ended."""
        self._left[replace(planned.cell, seed=0)] -= 1
        self._waiting.pop(planned.cell, None)
        self._started.pop(planned.cell, None)
        self._start_cells()
        if outcome.status == "ok":
            self._costs.learn(planned.cell, outcome.seconds)

    def seconds_left(self) -> float | None:
        """Return an estimate, or None as long as none is possible.

        It is the work left, without that of the running cells so far, shared among the workers; or the time of the
        longest running cell if that is more. Until a fifth of the cells have ended, there is none if the time of a
        cell is unknown: one size says little about another, since a fit has fixed costs. Before the run, unknown times
        are guessed, unless they are those of most cells.
        """
        left = [cell for cell, count in self._left.items() if count]
        n_left = self._left.total()
        is_early = (1 - _EARLY) * self._n_cells < n_left < self._n_cells
        if not self._costs or (is_early and not all(map(self._costs.covers, left))):
            return None
        n_unknown = sum(self._left[cell] for cell in left if self._costs.known(cell) is None)
        if n_left == self._n_cells and 2 * n_unknown > n_left:
            return None
        now = self._clock()
        running = {cell: self._costs.estimate(cell) for cell in self._started}
        run = {cell: min(now - self._started[cell], seconds) for cell, seconds in running.items()}
        work = sum(count * self._costs.estimate(cell) for cell, count in self._left.items() if count)
        longest = max((running[cell] - run[cell] for cell in running), default=0.0)
        needed = max((work - sum(run.values())) / self._n_workers, longest)
        return needed if self._budget is None else min(needed, self._budget.seconds_left())


def watch(
    outcomes: Iterable[tuple[PlannedCell, Outcome]], todo: list[PlannedCell], eta: Eta, console: Console
) -> Iterator[tuple[PlannedCell, Outcome]]:
    """Yield the outcomes of a run, and show its progress: on a terminal a bar, else lines.

    There is a line at each tenth, and whenever there was none for a quarter of a minute.

    Parameters
    ----------
    outcomes : iterable of (PlannedCell, Outcome)
        From `studies.execution.run.run`.
    todo : list of PlannedCell
        All cells of the run.
    eta : Eta
    console : rich.console.Console
    """
    failed, n_ended, shown = 0, 0, time.monotonic()
    lock = threading.Lock()  # of all these and the estimate
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())

    def show() -> None:
        nonlocal shown
        shown = time.monotonic()
        seconds = eta.seconds_left()
        line = "time left not known yet" if seconds is None else f"about {format_time(seconds)} left"
        line += f", {failed} failed" if failed else ""
        if console.is_terminal:
            progress.update(bar, description=line if n_ended else "starting workers", completed=n_ended)
        else:
            console.print(f"{n_ended}/{len(todo)} cells, {line}")

    def seconds_to_next() -> float:
        with lock:
            left = shown + (_ESTIMATE_SECONDS if console.is_terminal else _LINE_SECONDS) - time.monotonic()
            if left <= 0:
                show()
        return max(left, _SHORTEST_WAIT)

    progress = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
    bar = progress.add_task("starting workers", total=len(todo))
    with progress, _repeated(seconds_to_next):
        for planned, outcome in outcomes:
            with lock:
                eta.ended(planned, outcome)
                failed += outcome.status != "ok"
                n_ended += 1
                if n_ended * 10 // len(todo) > (n_ended - 1) * 10 // len(todo):
                    show()
            yield planned, outcome


@contextmanager
def _repeated(action: Callable[[], float]) -> Iterator[None]:
    """Call an action from a thread within the context; it returns the seconds until its next call."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(action()):
            pass

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def format_time(seconds: float | None) -> str:
    """Return seconds in the form h:mm:ss or m:ss, and None as a question mark."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def dry_run_summary(planned: list[PlannedCell], todo: list[PlannedCell], store: Store, costs: Costs) -> Table:
    """Return a table of the cells by learner and size: to do, done and failed, and the time for one worker.

    Parameters
    ----------
    planned, todo : list of PlannedCell
        All cells, and the remaining ones from `studies.execution.run.remaining`.
    store : Store
    costs : Costs
        Times of earlier cells. Without any similar cell, the time in the table is a question mark.
    """
    counts: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    statuses = store.statuses([p.cell.key for p in planned])
    for p in planned:
        status = statuses.get(p.cell.key)
        counts[_row(p)][{None: "new", "ok": "done"}.get(status, "failed")] += 1
    seconds: dict[tuple[str, int], list[float | None]] = defaultdict(list)
    for p in todo:
        seconds[_row(p)].append(costs.known(p.cell))
    numbers = ("n", "to do", "done", "failed", "time")
    table = columns("learner", *numbers, numbers=numbers)
    for (learner, n), count in counts.items():
        times = seconds[learner, n]
        known = [time for time in times if time is not None]
        time = format_time(sum(known)) if len(known) == len(times) else "?"
        table.add_row(learner, f"{n:,}", str(len(times)), str(count["done"]), str(count["failed"]), time)
    return table


def budget_table(heading: str, cells: Iterable[PlannedCell], chosen: Collection[Cell]) -> Table:
    """Return a table of the number of each learner's cells that are in a budget, and of those that are left out."""
    counts: dict[str, Counter[bool]] = defaultdict(Counter)
    for p in cells:
        counts[p.learner][p.cell in chosen] += 1
    table = columns("learner", heading, "left out", numbers=(heading, "left out"))
    for learner, count in counts.items():
        table.add_row(learner, str(count[True]), str(count[False]))
    return table


def without_models(planned: Iterable[PlannedCell], store: Store) -> str:
    """Return a line on the nets that were measured before and not kept; empty if there are none."""
    nets = {p.cell.key for p in planned if catalog_name(p.cell.estimator) == "net" and not p.cell.search}
    measured = [key for key, status in store.statuses(nets).items() if status == "ok"]
    if not (number := len(store.without_model(measured))):
        return ""
    return f"--keep-models keeps nothing of {number} nets measured before; with another --store they are fitted again\n"


def time_needed(todo: list[PlannedCell], costs: Costs, n_workers: int | None) -> str:
    """Return a sentence on the estimated time of the cells to do."""
    if not costs:
        return f"{len(todo)} cells to do; their time is unknown, since no similar cell is measured yet."
    unknown = sum(costs.known(p.cell) is None for p in todo)
    seconds = Eta(todo, n_workers or 1, costs).seconds_left()
    if seconds is None:
        return f"{len(todo)} cells to do; their time is unknown, since the learners of {unknown} are not measured yet."
    workers = f"{n_workers or 'one'} worker{'s' if (n_workers or 1) > 1 else ''}"
    note = f"; {unknown} of them have learners not measured yet and count as average" if unknown else ""
    return f"{len(todo)} cells to do, about {format_time(seconds)} on {workers}{note}."


def tally(study: Study, store: Store) -> str:
    """Return a line on the number of a study's measured and failed cells."""
    cells = plan_run(study)
    statuses = Counter(store.statuses([p.cell.key for p in cells]).values())
    done = statuses.pop("ok", 0)
    failed = f", {statuses.total()} failed (--retry-failed tries them again)" if statuses else ""
    return f"{study.name}: {len(cells)} cells, {done} measured before{failed}"


def _row(planned: PlannedCell) -> tuple[str, int]:
    return planned.learner, planned.cell.n_samples

"""The progress of a run: a bar on a terminal, otherwise a line at each tenth; and the summary of a dry run."""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from studies.execution.budget import Budget
from studies.execution.costs import Costs
from studies.registry.learners import catalog_name
from studies.spec.cells import Cell, PlannedCell, plan_study
from studies.spec.study import Study
from studies.store.store import Outcome, Store

_ESTIMATE_SECONDS = 0.5  # between estimates of the time left


class Eta:
    """Estimate of the time left, from the times of similar cells.

    Parameters
    ----------
    todo : iterable of PlannedCell
        All cells of the run.
    n_workers : int
    costs : Costs
        Times of earlier cells; those of cells that end are added.
    budget : Budget or None, default=None
        Time of the run.
    """

    def __init__(self, todo: Iterable[PlannedCell], n_workers: int, costs: Costs, budget: Budget | None = None) -> None:
        self._left = Counter(replace(planned.cell, seed=0) for planned in todo)
        self._n_workers = n_workers
        self._costs = costs
        self._budget = budget

    def ended(self, planned: PlannedCell, outcome: Outcome) -> None:
        """Record a cell that has ended."""
        self._left[replace(planned.cell, seed=0)] -= 1
        if outcome.status == "ok":
            self._costs.learn(planned.cell, outcome.seconds)

    def seconds_left(self) -> float | None:
        """Return an estimate, or None as long as no cell is measured."""
        if not self._costs:
            return None
        needed = sum(count * self._costs.estimate(cell) for cell, count in self._left.items()) / self._n_workers
        return needed if self._budget is None else min(needed, self._budget.seconds_left())


def watch(
    outcomes: Iterable[tuple[PlannedCell, Outcome]], todo: list[PlannedCell], eta: Eta, console: Console
) -> Iterator[tuple[PlannedCell, Outcome]]:
    """Yield the outcomes of a run, and show its progress.

    Parameters
    ----------
    outcomes : iterable of (PlannedCell, Outcome)
        From `studies.execution.run.run`.
    todo : list of PlannedCell
        All cells of the run.
    eta : Eta
    console : rich.console.Console
    """
    failed, shown = 0, 0.0
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("starting workers", total=len(todo))
        for ended, (planned, outcome) in enumerate(outcomes, 1):
            eta.ended(planned, outcome)
            failed += outcome.status != "ok"
            tenth = (ended * 10 // len(todo)) > ((ended - 1) * 10 // len(todo))
            if tenth or time.monotonic() - shown > _ESTIMATE_SECONDS:
                shown = time.monotonic()
                line = f"about {format_time(eta.seconds_left())} left" + (f", {failed} failed" if failed else "")
                progress.update(bar, description=line)
                if tenth and not console.is_terminal:
                    console.print(f"{ended}/{len(todo)} cells, {line}")
            progress.advance(bar)
            yield planned, outcome


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
    table = Table(box=None)
    for heading in ("learner", "n", "to do", "done", "failed", "time"):
        table.add_column(heading, justify="left" if heading == "learner" else "right", no_wrap=True)
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
    table = Table(box=None)
    for name in ("learner", heading, "left out"):
        table.add_column(name, justify="left" if name == "learner" else "right", no_wrap=True)
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
    time = format_time(Eta(todo, n_workers or 1, costs).seconds_left())
    workers = f"{n_workers or 'one'} worker{'s' if (n_workers or 1) > 1 else ''}"
    unknown = sum(costs.known(p.cell) is None for p in todo)
    note = f"; {unknown} of them have learners not measured yet and count as average" if unknown else ""
    return f"{len(todo)} cells to do, about {time} on {workers}{note}."


def tally(study: Study, store: Store) -> str:
    """Return a line on the number of a study's measured and failed cells."""
    cells = plan_study(study)
    statuses = Counter(store.statuses([p.cell.key for p in cells]).values())
    done = statuses.pop("ok", 0)
    failed = f", {statuses.total()} failed (--retry-failed tries them again)" if statuses else ""
    return f"{study.name}: {len(cells)} cells, {done} measured before{failed}"


def _row(planned: PlannedCell) -> tuple[str, int]:
    return planned.learner, planned.cell.n_samples

"""The budget of a run: cells start only if they are predicted to end within its time."""

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from studies.execution.costs import Costs
from studies.execution.tasks import Task, group
from studies.spec.cells import Cell, PlannedCell
from studies.store.store import Outcome

Clock = Callable[[], float]
Item = TypeVar("Item")


class Budget:
    """The time of a run, which begins when it is made.

    Parameters
    ----------
    seconds : float
    costs : Costs
        Times of earlier cells; those of cells that end are added.
    clock : callable, default=time.monotonic
        Returns the current time in seconds.
    """

    def __init__(self, seconds: float, costs: Costs, clock: Clock = time.monotonic) -> None:
        self._costs = costs
        self._clock = clock
        self._end = clock() + seconds

    def fits(self, task: Task) -> bool:
        """Return whether a task that starts now is predicted to end within the budget."""
        left = self.seconds_left()
        return left > 0 and predicted(task, self._costs) <= left

    def seconds_left(self) -> float:
        """Return the seconds until the end, 0 after it."""
        return max(self._end - self._clock(), 0.0)

    def learn(self, cell: Cell, outcome: Outcome) -> None:
        """Add the time of a cell that has ended."""
        if outcome.status == "ok":
            self._costs.learn(cell, outcome.seconds)


def by_seed(todo: Iterable[PlannedCell], costs: Costs) -> list[PlannedCell]:
    """Return cells in the order of their worth for a comparison: all learners and problems at one seed, then the next.

    Within a seed the longest come first, but before them, from the smallest up, those that no measured cell resembles:
    their times are then known before the large ones may start.
    """

    def place(planned: PlannedCell) -> tuple[Any, ...]:
        known, cell = costs.known(planned.cell), planned.cell
        return (cell.seed, 0, cell.n_samples) if known is None else (cell.seed, 1, -known)

    return sorted(todo, key=place)


def predicted(task: Task, costs: Costs) -> float:
    """Return the predicted seconds of a task, which are those of its longest cell; 0 if no cell is measured at all."""
    return max(map(costs.estimate, task)) if costs else 0.0


def cells_in_budget(todo: Iterable[PlannedCell], seconds: float, n_workers: int, costs: Costs) -> set[Cell]:
    """Return the cells that are predicted to run within a budget, by the rule of `Budget`."""
    now, waiting, chosen = 0.0, deque(group([planned.cell for planned in todo])), set[Cell]()
    budget = Budget(seconds, costs, lambda: now)
    free = [0.0] * n_workers  # times at which workers are free
    while free:
        now = heapq.heappop(free)
        if task := take(waiting, budget.fits):
            chosen.update(task)
            heapq.heappush(free, now + predicted(task, costs))
    return chosen


def take(waiting: deque[Item], suits: Callable[[Item], bool]) -> Item | None:
    """Remove and return the first of some items that is suitable; None if none is."""
    for place, item in enumerate(waiting):
        if suits(item):
            del waiting[place]
            return item
    return None

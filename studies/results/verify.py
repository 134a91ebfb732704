"""Verification of stored cells: some are computed again and compared."""

import math
import random
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from studies.execution.run import run
from studies.registry.metrics import RETIRED
from studies.results.results import Results
from studies.spec.cells import PlannedCell
from studies.store.provenance import Run
from studies.store.store import Outcome, Store

TOLERANCE = 0.02
"""Allowed difference of a value where the last bits may differ; a share of the value if this is above 1.

It is large because nets with the same initial weights diverge when one sum is rounded differently.
"""


@dataclass(frozen=True)
class Comparison:
    """A cell's stored outcome and its new one.

    Attributes
    ----------
    planned : PlannedCell
    stored, again : Outcome
    reasons : list of str
        Reasons for which the last bits may differ (machine, versions, threads); empty if they must be equal.
    """

    planned: PlannedCell
    stored: Outcome
    again: Outcome
    reasons: list[str]

    @property
    def differing(self) -> list[str]:
        """The metrics whose values differ too much, or all metrics if the cell failed this time."""
        old, new = self.stored.measured, self.again.measured
        return [
            metric for metric in sorted({*old, *new} - RETIRED) if not self._agree(old.get(metric), new.get(metric))
        ]

    def _agree(self, old: float | None, new: float | None) -> bool:
        if old is None or new is None or not self.reasons:
            return old == new
        return math.isclose(new, old, rel_tol=0, abs_tol=TOLERANCE * max(1, abs(old)))


def choose(results: Results, n_cells: int, seed: int) -> list[tuple[PlannedCell, Outcome]]:
    """Return some of a study's cells that are ok, chosen at random, with their outcomes.

    Parameters
    ----------
    results : Results
    n_cells : int
        Number of cells; all if there are fewer.
    seed : int
        Seed of the choice.
    """
    ok = {planned.cell.key: (planned, outcome) for planned, outcome in results.outcomes() if outcome.status == "ok"}
    return [ok[key] for key in random.Random(seed).sample(sorted(ok), min(n_cells, len(ok)))]


def verify(results: Results, executor: Executor, here: Run, *, n_cells: int, seed: int) -> Iterator[Comparison]:
    """Compute some of a study's cells again, chosen at random from those that are ok, and compare all but times.

    Parameters
    ----------
    results : Results
    executor : Executor
        An executor as for `run`, since equal bits need the same way to compute.
    here : Run
        The record of this run.
    n_cells : int
        Number of cells; all if there are fewer.
    seed : int
        Seed of the choice.

    Yields
    ------
    comparison : Comparison
        In the order in which the cells end.
    """
    chosen = choose(results, n_cells, seed)
    outcomes = {planned.cell.key: outcome for planned, outcome in chosen}
    with Store("sqlite://") as scratch:
        for planned, again in run([planned for planned, _ in chosen], scratch, executor):
            stored = outcomes[planned.cell.key]
            then = results.runs.get(results.origin(planned.cell).run or "")
            yield Comparison(planned, stored, again, then.differences(here) if then else ["its run is unknown"])

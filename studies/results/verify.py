"""Whether stored cells can be had again: some are computed anew and compared."""

import math
import random
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from studies.execution.run import run
from studies.results.results import Results
from studies.spec.cells import PlannedCell
from studies.store.provenance import Run
from studies.store.store import Outcome, Store

TOLERANCE = 0.02
"""Where the last bits may differ, a value may differ by this, or by this share of itself if it is greater than 1.

Two points of a hundred: nets that begin with the same weights part ways when a sum is rounded otherwise.
"""


@dataclass(frozen=True)
class Comparison:
    """A cell as it is stored and as it came again.

    Attributes
    ----------
    planned : PlannedCell
    stored, again : Outcome
    excuses : list of str
        Why the last bits may differ: machine, versions, threads; empty if they may not.
    """

    planned: PlannedCell
    stored: Outcome
    again: Outcome
    excuses: list[str]

    @property
    def differing(self) -> list[str]:
        """The values that differ by more than they may, or all if the cell failed this time."""
        old, new = self.stored.measured, self.again.measured
        return [metric for metric in sorted(old | new) if not self._agree(old.get(metric), new.get(metric))]

    def _agree(self, old: float | None, new: float | None) -> bool:
        if old is None or new is None or not self.excuses:
            return old == new
        return math.isclose(new, old, rel_tol=0, abs_tol=TOLERANCE * max(1, abs(old)))


def verify(results: Results, executor: Executor, here: Run, *, n_cells: int, seed: int) -> Iterator[Comparison]:
    """Compute some of a study's cells again, chosen at random from those that are ok, and compare all but times.

    Parameters
    ----------
    results : Results
    executor : Executor
        As the runner's: what is compared bit for bit has to be computed in the same way.
    here : Run
        The record of this run.
    n_cells : int
        How many; all if there are fewer.
    seed : int
        Of the choice.

    Yields
    ------
    comparison : Comparison
        As they end.
    """
    ok = {planned.cell.key: (planned, outcome) for planned, outcome in results.outcomes() if outcome.status == "ok"}
    chosen = random.Random(seed).sample(sorted(ok), min(n_cells, len(ok)))
    origins, runs = results.store.origins(chosen), results.store.runs()
    with Store("sqlite://") as scratch:
        for planned, again in run([ok[key][0] for key in chosen], scratch, executor):
            stored = ok[planned.cell.key][1]
            then = runs.get(origins[planned.cell.key].run or "")
            yield Comparison(planned, stored, again, _excuses(stored, again, then, here))


def _excuses(stored: Outcome, again: Outcome, then: Run | None, here: Run) -> list[str]:
    if then is None:
        return ["it is not known where it was computed"]
    if stored.shared == again.shared:
        return then.differences(here)
    others = stored.shared - 1
    return [f"fitted together with {others} other{'' if others == 1 else 's'}", *then.differences(here)]

"""What a cell takes, learnt from those like it that have ended.

Cells of one study differ a thousandfold, so counting them tells little about the time left, and the long ones must
start first. Two cells are alike if they differ in sample size and seed only.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from studies.spec.cells import Cell, PlannedCell
from studies.store.store import Store

_LEAST = 1e-6  # seconds; a time of zero has no logarithm


@dataclass
class _Total:
    seconds: float = 0.0
    cells: int = 0


class Costs:
    """Seconds of cells, by what they are and their sample size; false while no cell is known."""

    def __init__(self) -> None:
        self._totals: dict[Cell, dict[int, _Total]] = defaultdict(lambda: defaultdict(_Total))
        self._known: dict[Cell, float | None] = {}  # of cells of any seed, as long as nothing is learnt

    def __bool__(self) -> bool:
        return bool(self._totals)

    @classmethod
    def of(cls, planned: Iterable[PlannedCell], store: Store) -> Self:
        """Return what the store tells about these cells."""
        costs = cls()
        cells = {p.cell.key: p.cell for p in planned}
        for key, outcome in store.outcomes(cells).items():
            if outcome.status == "ok":
                costs.learn(cells[key], outcome.seconds)
        return costs

    def learn(self, cell: Cell, seconds: float) -> None:
        """Take note of a cell that has ended well."""
        total = self._totals[kind(cell)][cell.n_samples]
        total.seconds += seconds
        total.cells += 1
        self._known.clear()

    def known(self, cell: Cell) -> float | None:
        """Return the seconds that cells like this one suggest, or None if none has ended.

        Between two sizes that are known, a power law; beyond them, in proportion to the size.
        """
        any_seed = replace(cell, seed=0)
        if any_seed not in self._known:
            self._known[any_seed] = _interpolate(self._totals.get(kind(cell)), cell.n_samples)
        return self._known[any_seed]

    def estimate(self, cell: Cell) -> float:
        """Return the seconds that a cell should take; where none like it is known, as the others do on average.

        While nothing is known at all, the sample size: enough to start the large ones first.
        """
        known = self.known(cell)
        return self._rate() * cell.n_samples if known is None else known

    def _rate(self) -> float:
        """Seconds a sample, averaged over kinds of cells."""
        rates = [
            sum(total.seconds for total in sizes.values()) / sum(n * total.cells for n, total in sizes.items())
            for sizes in self._totals.values()
        ]
        return sum(rates) / len(rates) if rates else 1.0


def kind(cell: Cell) -> Cell:
    """Return what cells that are alike have in common."""
    return replace(cell, n_samples=0, seed=0)


def _interpolate(sizes: dict[int, _Total] | None, n_samples: int) -> float | None:
    if sizes is None:
        return None
    n = np.array(sorted(sizes))
    means = [max(sizes[size].seconds / sizes[size].cells, _LEAST) for size in n]
    nearest = np.clip(n_samples, n[0], n[-1])
    return float(np.exp(np.interp(np.log(nearest), np.log(n), np.log(means))) * n_samples / nearest)

"""Estimates of the time that cells take, from similar cells that have ended.

The times of a study's cells differ by factors of a thousand, so the number of cells left says little about the time
left, and long cells must start first. Two cells are similar if they differ in sample size and seed only.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from studies.spec.cells import Cell, PlannedCell
from studies.store.store import Store

_SHORTEST = 1e-6  # seconds; the logarithm needs a positive time


@dataclass
class _Total:
    seconds: float = 0.0
    cells: int = 0


class Costs:
    """Measured seconds of cells, by kind of cell and sample size; false as long as there are none."""

    def __init__(self) -> None:
        self._totals: dict[Cell, dict[int, _Total]] = defaultdict(lambda: defaultdict(_Total))
        self._known: dict[Cell, float | None] = {}  # cache of `known`, by cell with seed 0
        self._first: dict[str, Cell] = {}  # that cell by key, since a budget asks for all cells again and again

    def __bool__(self) -> bool:
        return bool(self._totals)

    @classmethod
    def from_store(cls, planned: Iterable[PlannedCell], store: Store) -> Self:
        """Return the costs of those cells that are stored as ok."""
        costs = cls()
        cells = {p.cell.key: p.cell for p in planned}
        for key, outcome in store.outcomes(cells).items():
            if outcome.status == "ok":
                costs.learn(cells[key], outcome.seconds)
        return costs

    def learn(self, cell: Cell, seconds: float) -> None:
        """Add the time of a cell that has ended as ok."""
        total = self._totals[_kind(cell)][cell.n_samples]
        total.seconds += seconds
        total.cells += 1
        self._known.clear()

    def known(self, cell: Cell) -> float | None:
        """Return an estimate from similar cells, in seconds, or None if none has ended.

        Times follow a power law between two measured sizes and are proportional to the size beyond them.
        """
        if cell.key not in self._first:
            self._first[cell.key] = replace(cell, seed=0)
        first = self._first[cell.key]
        if first not in self._known:
            self._known[first] = _interpolate(self._totals.get(_kind(cell)), cell.n_samples)
        return self._known[first]

    def estimate(self, cell: Cell) -> float:
        """Return an estimate of a cell's seconds: from similar cells, or else from the average over all others.

        Without any measured cell it is the sample size, which is enough to start large cells first.
        """
        known = self.known(cell)
        return self._rate() * cell.n_samples if known is None else known

    def _rate(self) -> float:
        """Return the seconds for each sample, averaged over kinds of cells."""
        rates = [
            sum(total.seconds for total in sizes.values()) / sum(n * total.cells for n, total in sizes.items())
            for sizes in self._totals.values()
        ]
        return sum(rates) / len(rates) if rates else 1.0


def _kind(cell: Cell) -> Cell:
    """Return the key that similar cells share."""
    return replace(cell, n_samples=0, seed=0)


def _interpolate(sizes: dict[int, _Total] | None, n_samples: int) -> float | None:
    if sizes is None:
        return None
    n = np.array(sorted(sizes))
    means = [max(sizes[size].seconds / sizes[size].cells, _SHORTEST) for size in n]
    nearest = np.clip(n_samples, n[0], n[-1])
    return float(np.exp(np.interp(np.log(nearest), np.log(n), np.log(means))) * n_samples / nearest)

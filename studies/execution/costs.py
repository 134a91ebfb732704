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
_STEEPEST = 3.0  # exponent of the time of a dense solver


@dataclass
class _Total:
    seconds: float = 0.0
    cells: int = 0


class Costs:
    """Measured seconds of cells, by kind of cell and sample size; false as long as there are none."""

    def __init__(self) -> None:
        self._totals: dict[Cell, dict[int, _Total]] = defaultdict(lambda: defaultdict(_Total))
        self._known: dict[Cell, float | None] = {}  # cache of `known`, by cell with seed 0
        self._averages: dict[int, float] = {}  # cache of `_average`
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
        self._averages.clear()

    def known(self, cell: Cell) -> float | None:
        """Return an estimate from similar cells, in seconds, or None if none has ended.

        Times follow a power law between two measured sizes, and beyond them that through the first and the last one. Of
        one measured size they are proportional to the size.
        """
        if cell.key not in self._first:
            self._first[cell.key] = replace(cell, seed=0)
        first = self._first[cell.key]
        if first not in self._known:
            sizes = self._totals.get(_kind(cell))
            self._known[first] = None if sizes is None else _interpolate(sizes, cell.n_samples)
        return self._known[first]

    def covers(self, cell: Cell) -> bool:
        """Return True if similar cells are measured at a size as large as the cell's, or at two sizes or more."""
        sizes = self._totals.get(_kind(cell), {})
        return len(sizes) > 1 or any(size >= cell.n_samples for size in sizes)

    def estimate(self, cell: Cell) -> float:
        """Return an estimate of a cell's seconds: from similar cells, or else from the average over all others.

        Without any measured cell it is the sample size, which is enough to start large cells first.
        """
        known = self.known(cell)
        return self._average(cell.n_samples) if known is None else known

    def _average(self, n_samples: int) -> float:
        """Return the average of all kinds of cells at one sample size, of those measured up to it if there are any."""
        if n_samples not in self._averages:
            reaching = [sizes for sizes in self._totals.values() if max(sizes) >= n_samples]
            found = [_interpolate(sizes, n_samples) for sizes in reaching or self._totals.values()]
            self._averages[n_samples] = sum(found) / len(found) if found else float(n_samples)
        return self._averages[n_samples]


def _kind(cell: Cell) -> Cell:
    """Return the key that similar cells share."""
    return replace(cell, n_samples=0, seed=0)


def _interpolate(sizes: dict[int, _Total], n_samples: int) -> float:
    n = sorted(sizes)
    log_n = np.log(n)
    log_means = np.log([max(sizes[size].seconds / sizes[size].cells, _SHORTEST) for size in n])
    log_size = np.log(n_samples)
    beyond = log_size - np.clip(log_size, log_n[0], log_n[-1])
    exponent = (log_means[-1] - log_means[0]) / (log_n[-1] - log_n[0]) if len(n) > 1 else 1.0
    return float(np.exp(np.interp(log_size, log_n, log_means) + np.clip(exponent, 0.0, _STEEPEST) * beyond))

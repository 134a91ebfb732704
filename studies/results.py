"""A study's results: what was planned, joined with what is stored."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator

from studies.fitted import fitted
from studies.plan import Cell, Planned, plan_study
from studies.spec import Study
from studies.store import Outcome, Store


@dataclass(frozen=True)
class Results:
    """The stored outcomes of a study's cells.

    Parameters
    ----------
    study : Study
    store : Store
    """

    study: Study
    store: Store

    def outcomes(self) -> list[tuple[Planned, Outcome]]:
        """Return the cells that have ended, with how, in the study's order."""
        outcomes = self.store.outcomes([p.cell.key for p in self._planned])
        return [(p, outcomes[p.cell.key]) for p in self._planned if p.cell.key in outcomes]

    def frame(self) -> pd.DataFrame:
        """Return a tidy table, one row for each cell and metric.

        Returns
        -------
        frame : DataFrame
            Columns ``learner``, ``n_samples``, ``seed``, ``metric``, ``value``, in the study's order. A study of
            several problems has a column ``problem`` as well; one whose learners have axes a column ``family``, the
            learner's label without their values; and each axis has a column of its own, empty where it is no axis.
        """
        rows = [
            {**self.place(p), "metric": metric, "value": value}
            for p, outcome in self.outcomes()
            for metric, value in outcome.values.items()
        ]
        return pd.DataFrame(rows, columns=[*self._told, *self._axes, "n_samples", "seed", "metric", "value"])

    def place(self, planned: Planned) -> dict[str, Any]:
        """Return where a cell stands in the study: the columns of `frame` but metric and value."""
        told = {name: getattr(planned, name) for name in self._told}
        axes = {name: planned.axes.get(name) for name in self._axes}
        return {**told, **axes, "n_samples": planned.cell.n_samples, "seed": planned.cell.seed}

    def estimator(self, cell: Cell) -> BaseEstimator:
        """Return a cell's fitted estimator: from the store where it was kept, else fitted again (see `fitted`)."""
        return fitted(cell, self.store)

    def failed(self) -> list[tuple[Planned, Outcome]]:
        """Return the cells that have failed, with how."""
        return [(p, outcome) for p, outcome in self.outcomes() if outcome.status != "ok"]

    @cached_property
    def _planned(self) -> list[Planned]:
        return plan_study(self.study)

    @cached_property
    def _told(self) -> list[str]:
        return [
            *(["problem"] if len({p.problem for p in self._planned}) > 1 else []),
            "learner",
            *(["family"] if any(p.learner != p.family for p in self._planned) else []),
        ]

    @cached_property
    def _axes(self) -> list[str]:
        return list(dict.fromkeys(name for p in self._planned for name in p.axes))

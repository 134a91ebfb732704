"""A study's results: what was planned, joined with what is stored."""

from dataclasses import dataclass

import pandas as pd

from studies.plan import Planned, plan_study
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
        planned = plan_study(self.study)
        outcomes = self.store.outcomes([p.cell.key for p in planned])
        return [(p, outcomes[p.cell.key]) for p in planned if p.cell.key in outcomes]

    def frame(self) -> pd.DataFrame:
        """Return a tidy table, one row for each cell and metric.

        Returns
        -------
        frame : DataFrame
            Columns ``learner``, ``n_samples``, ``seed``, ``metric``, ``value``, in the study's order. A study of
            several problems has a column ``problem`` as well; one whose learners have axes a column ``family``, the
            learner's label without their values; and each axis has a column of its own, empty where it is no axis.
        """
        planned = plan_study(self.study)
        axes = list(dict.fromkeys(name for p in planned for name in p.axes))
        told = [
            *(["problem"] if len({p.problem for p in planned}) > 1 else []),
            "learner",
            *(["family"] if any(p.learner != p.family for p in planned) else []),
        ]
        rows = [
            (*(getattr(p, name) for name in told), *map(p.axes.get, axes), p.cell.n_samples, p.cell.seed, metric, value)
            for p, outcome in self.outcomes()
            for metric, value in outcome.values.items()
        ]
        return pd.DataFrame(rows, columns=[*told, *axes, "n_samples", "seed", "metric", "value"])

    def failed(self) -> list[tuple[Planned, Outcome]]:
        """Return the cells that have failed, with how."""
        return [(p, outcome) for p, outcome in self.outcomes() if outcome.status != "ok"]

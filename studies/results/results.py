"""A study's results: its planned cells joined with their stored outcomes."""

import html
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from studies.registry.errors import unknown
from studies.registry.params import toml_value
from studies.registry.problems import AnyProblem
from studies.registry.test_sets import MAP_SIZE, N_TEST
from studies.results.failures import missing_seeds
from studies.results.untrained import Ended, mark_untrained
from studies.spec.cells import Cell, PlannedCell, first_cells, plan_baseline, plan_study
from studies.spec.study import Study
from studies.store.provenance import Run
from studies.store.store import Origin, Outcome, Store


def fitted(cell: Cell, store: Store) -> BaseEstimator:
    """Return a cell's fitted estimator.

    A net whose model is in the store is loaded. Every other estimator is **fitted again**, on the cell's data and with
    its seed, which takes as long as the first fit. With the machine, threads and versions of the cell's run the result
    is the same to the last bit; otherwise it differs by rounding.

    Parameters
    ----------
    cell : Cell
    store : Store

    Raises
    ------
    ModelError
        If the stored model is damaged.
    Exception
        The error of the fit, if the cell has failed.
    """
    from estimators.nets.serialization import load  # here, since it imports torch, which tables do not need
    from studies.execution.tasks import fit_cell

    model = store.model(cell.key)
    return fit_cell(cell) if model is None else load(model)


@dataclass(frozen=True)
class Results:
    """The stored outcomes of a study's cells.

    They are read once, when they are first asked for, in one snapshot of the store; later outcomes are in new results.
    Cells that are damaged count as not measured, and cells whose training failed (see
    `studies.results.untrained.mark_untrained`) as failed.

    Parameters
    ----------
    study : Study
    store : Store

    Examples
    --------
    >>> from studies import Results, Store, built_in
    >>> print(Results(built_in()["double-descent"].reduced(), Store("sqlite://")).frame().columns[-3:].tolist())
    ['seed', 'metric', 'value']
    """

    study: Study
    store: Store

    def __str__(self) -> str:
        counts = self._counts()
        return f"{self._sentence(counts)}\n{counts.to_string(index=False)}"

    def _repr_html_(self) -> str:
        counts = self._counts()
        return f"<p>{html.escape(self._sentence(counts))}</p>{counts.to_html(index=False)}"

    def outcomes(self, *, baseline: bool = False) -> list[tuple[PlannedCell, Outcome]]:
        """Return the cells of learners that have ended with their outcomes, in the study's order.

        Parameters
        ----------
        baseline : bool, default=False
            Include the cells of the baseline, at the end.
        """
        learners, of_baseline = self._ended
        return [*learners, *of_baseline] if baseline else [*learners]

    @cached_property
    def _ended(self) -> tuple[Ended, Ended]:
        """The cells that have ended, those of learners and those of the baseline."""
        records = self._reading[0]
        learners, baseline = (
            [(p, records[p.cell.key][0]) for p in planned if p.cell.key in records]
            for planned in (self._planned, self._baseline)
        )
        return mark_untrained(learners, baseline), baseline

    def origin(self, cell: Cell) -> Origin:
        """Return the origin of a cell that has ended."""
        return self._reading[0][cell.key][1]

    @property
    def runs(self) -> dict[str, Run]:
        """The runs of the store by id, in the order of their start."""
        return self._reading[1]

    def decision_map(self, cell: Cell) -> NDArray[np.bool_] | None:
        """Return a cell's decision map of shape (MAP_SIZE, MAP_SIZE), or None if the store has none."""
        found = self.store.decision_map(cell.key)
        return found if found is not None and found.shape == (MAP_SIZE, MAP_SIZE) else None

    def frame(self) -> pd.DataFrame:
        """Return a tidy table of the learners, one row for each cell and metric.

        Returns
        -------
        frame : DataFrame
            Columns ``learner``, ``n_samples``, ``seed``, ``metric``, ``value``, in the study's order. With several
            problems there is also a column ``problem``, and if learners have axes a column ``family``, the learner's
            label without their values. Each axis has a column, empty for cells without this axis; a list is a tuple,
            and a table its text, so that rows can be grouped by any column.
            ``frame.attrs["n_test"]`` is the number of test points, and ``frame.attrs["n_rows"]`` that of the rows of
            one data set from which all samples are drawn, None if samples are fresh, or each seed has a data set of
            its own; ``frame.attrs["own_test"]`` is True if each seed has test points of its own, and
            ``frame.attrs["on_rows"]`` if test points are rows of a data set. Where these differ between problems they
            are dicts by problem.
        """
        return self._tidy(self._ended[0])

    def baseline(self) -> pd.DataFrame:
        """Return a table like `frame` of the baseline, which predicts the most frequent class, or the mean.

        Returns
        -------
        frame : DataFrame
            Of the metrics that have a best value; empty if it is not measured. The learner is "baseline".
        """
        return self._tidy(self._ended[1])

    def _tidy(self, ended: Ended) -> pd.DataFrame:
        rows = [
            {**place, "metric": metric, "value": value}
            for p, outcome in ended
            for place in [{name: _hashable(value) for name, value in self.place(p).items()}]
            for metric, value in outcome.values.items()
        ]
        frame = pd.DataFrame(rows, columns=[*self._labels, *self._axes, "n_samples", "seed", "metric", "value"])
        found = {p.problem: (*_rows(p.cell), p.cell.fresh_problem, bool(p.cell.rows)) for p in self._planned}
        for place, name in enumerate(("n_rows", "n_test", "own_test", "on_rows")):
            values = {problem: of_problem[place] for problem, of_problem in found.items()}
            frame.attrs[name] = values if len(set(values.values())) > 1 else next(iter(values.values()), None)
        return frame

    def place(self, planned: PlannedCell) -> dict[str, Any]:
        """Return a cell's columns of `frame`, without metric and value."""
        labels = {name: getattr(planned, name) for name in self._labels}
        axes = {name: planned.axes.get(name) for name in self._axes}
        return {**labels, **axes, "n_samples": planned.cell.n_samples, "seed": planned.cell.seed}

    def estimator(self, cell: Cell) -> BaseEstimator:
        """Return a cell's fitted estimator, from the store or fitted again (see `fitted`).

        Raises
        ------
        ValueError
            If the cell is not one of the study: a plan that the store has kept never decides what is fitted.
        """
        if replace(cell, n_samples=0, seed=0) not in self._first_cells:
            place = f"{cell.estimator!r} on {cell.problem!r}, n = {cell.n_samples:,}, seed {cell.seed}"
            raise ValueError(f"the study {self.study.name!r}, as it is now, has no such cell: {place}")
        return fitted(cell, self.store)

    @property
    def n_cells(self) -> int:
        """The number of cells of the study and its baseline, in which a cell that two learners share counts twice."""
        return len(self._planned) + len(self._baseline)

    @property
    def is_complete(self) -> bool:
        """True if all cells of the learners have ended; those of the baseline may be missing, as in an older store."""
        return len(self.outcomes()) == len(self._planned)

    @cached_property
    def learners(self) -> list[str]:
        """The labels of the study's learners, measured or not, in the study's order."""
        return list(dict.fromkeys(p.learner for p in self._planned))

    @cached_property
    def problems(self) -> list[str]:
        """The labels of the study's problems, measured or not, in the study's order."""
        return list(dict.fromkeys(p.problem for p in self._planned))

    def problem_label(self, problem: str | None = None) -> str:
        """Return the label of a problem of the study: the given one, or by default the only one.

        Raises
        ------
        ValueError
            If there is no such problem, or no label is given and there are several.
        """
        if problem is None and len(self.problems) == 1:
            return self.problems[0]
        if problem is None:
            names = ", ".join(map(repr, self.problems))
            raise ValueError(f"{self.study.name} has several problems; choose one by `problem`: {names}")
        if problem not in self.problems:
            raise ValueError(unknown("problem", problem, self.problems, "the study"))
        return problem

    def problem(self, label: str | None = None, seed: int | None = None) -> AnyProblem:
        """Return a problem of the study.

        Parameters
        ----------
        label : str or None, default=None
            Label of the problem, as in `problem_label`.
        seed : int or None, default=None
            A seed of the study, of which each draws its own problem if the study has fresh problems; the first by
            default.

        Raises
        ------
        ValueError
            If there is no such problem, or its code is not allowed, or its file has changed.
        """
        wanted = self.problem_label(label)
        first = next(p.cell for p in self._planned if p.problem == wanted)
        return (first if seed is None else replace(first, seed=seed)).build_problem()

    @cached_property
    def fresh_problems(self) -> list[str]:
        """The labels of the problems of which each seed draws its own."""
        return list(dict.fromkeys(p.problem for p in self._planned if p.cell.fresh_problem))

    def cell(self, learner: str, n_samples: int, seed: int = 0, problem: str | None = None) -> Cell:
        """Return a cell of the study.

        Parameters
        ----------
        learner : str
            Label of the learner.
        n_samples, seed : int
        problem : str or None, default=None
            Label of the problem, as in `problem_label`.

        Raises
        ------
        ValueError
            If there is no such cell.
        """
        wanted = learner, self.problem_label(problem), n_samples, seed
        for p in (*self._planned, *self._baseline):
            if (p.learner, p.problem, p.cell.n_samples, p.cell.seed) == wanted:
                return p.cell
        if learner not in self.learners:
            raise ValueError(unknown("learner", learner, self.learners, "the study"))
        raise ValueError(f"{learner!r} has no cell at n = {n_samples:,}, seed {seed}, on {wanted[1]!r}")

    def _sentence(self, counts: pd.DataFrame) -> str:
        n_cells, n_measured, n_failed = counts[["cells", "measured", "failed"]].sum()
        return f"{self.study.name}: {n_measured:,} of {n_cells:,} cells measured, {n_failed:,} failed."

    def _counts(self) -> pd.DataFrame:
        """Return the number of planned, measured and failed cells of each learner and of the baseline."""
        ended = {planned: outcome.status for planned, outcome in self.outcomes(baseline=True)}
        planned = [*self._planned, *self._baseline]
        rows = [(p.learner, 1, ended.get(p) == "ok", ended.get(p, "ok") != "ok") for p in planned]
        cells = pd.DataFrame(rows, columns=["learner", "cells", "measured", "failed"])
        return cells.groupby("learner", sort=False).sum().reset_index()

    def failed(self) -> list[tuple[PlannedCell, Outcome]]:
        """Return the cells that have failed with their outcomes, those of the baseline at the end."""
        return [(p, outcome) for p, outcome in self.outcomes(baseline=True) if outcome.status != "ok"]

    def missing_seeds(self) -> list[str]:
        """Return one line for each learner and the seeds that it lacks; see `failures.missing_seeds`."""
        return missing_seeds(self._planned, {p for p, outcome in self.outcomes() if outcome.status == "ok"})

    @cached_property
    def _reading(self) -> tuple[dict[str, tuple[Outcome, Origin]], dict[str, Run]]:
        with self.store.database.reading():
            return self.store.records([p.cell.key for p in (*self._planned, *self._baseline)]), self.store.runs()

    @cached_property
    def _first_cells(self) -> list[Cell]:
        return first_cells(self.study)

    @cached_property
    def _planned(self) -> list[PlannedCell]:
        return plan_study(self.study)

    @cached_property
    def _baseline(self) -> list[PlannedCell]:
        return plan_baseline(self.study)

    @cached_property
    def _labels(self) -> list[str]:
        return [
            *(["problem"] if len({p.problem for p in self._planned}) > 1 else []),
            "learner",
            *(["family"] if any(p.learner != p.family for p in self._planned) else []),
        ]

    @cached_property
    def _axes(self) -> list[str]:
        return list(dict.fromkeys(name for p in self._planned for name in p.axes))


def _rows(cell: Cell) -> tuple[int | None, int]:
    """Return the number of rows that all seeds share, None if they share none, and the number of test points."""
    if not cell.rows:
        return None, N_TEST
    n_rows, n_test = cell.rows
    return None if cell.fresh_problem else n_rows, n_test


def _hashable(value: Any) -> Any:
    match value:
        case list():
            return tuple(map(_hashable, value))
        case dict():
            return toml_value(value)
    return value

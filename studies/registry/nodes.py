"""Learners of the nodes of a graph: fitted on all rows of a data set, of which only those of a sample have labels."""

from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from estimators.unlabelled import last_step, uses_unlabelled
from studies.registry.problems import AnyProblem
from toymanifold import DataProblem
from toymanifold.protocols import UNLABELLED

_ANSWERS = {"predict": "transduction_", "predict_proba": "label_distributions_"}
"""Attributes with the answers of methods at all nodes, as in `sklearn.semi_supervised`."""


def is_graph_for(problem: AnyProblem, estimator: BaseEstimator) -> TypeGuard[DataProblem]:
    """Return True if a problem has a graph and an estimator takes one.

    It takes one if it uses unlabelled points and has a parameter ``graph``; of a pipeline the last step counts.
    """
    if not isinstance(problem, DataProblem) or problem.graph is None or not uses_unlabelled(estimator):
        return False
    return _has_graph(last_step(estimator))


def check_reach(problem: AnyProblem, estimator: BaseEstimator) -> None:
    """Raise if a part of an estimator uses a graph or unlabelled points that the problem has and it cannot be given.

    Raises
    ------
    ValueError
        That names the part.
    """
    within = "inside a search or another learner"
    params = estimator.get_params().values()
    parts = [part for part in params if hasattr(part, "get_params") and not isinstance(part, type)]
    if isinstance(problem, DataProblem) and problem.graph is not None and not is_graph_for(problem, estimator):
        if _has_graph(last_step(estimator)):
            raise ValueError(
                f"{_name(estimator)} has a parameter graph, which it is given only if uses_unlabelled is True"
            )
        for part in filter(_has_graph, parts):
            raise ValueError(f"the graph of the problem cannot be given to {_name(part)} {within}")
    if problem.n_unlabelled and not uses_unlabelled(estimator):
        for part in filter(uses_unlabelled, parts):
            raise ValueError(f"unlabelled points cannot be given to {_name(part)} {within}")


def _name(estimator: Any) -> str:
    return type(last_step(estimator)).__name__


def _has_graph(estimator: Any) -> bool:
    return hasattr(estimator, "get_params") and "graph" in estimator.get_params(deep=False)


def labelled_nodes(problem: DataProblem, n_samples: int, seed: int) -> tuple[Any, NDArray[Any]]:
    """Return all rows of a data set, with y = -1 for all but those of a training sample."""
    rows = problem.sample_rows(n_samples, seed)
    y = np.full(len(problem.y), UNLABELLED)
    y[rows] = problem.y[rows]
    return problem.X, y


def answers_at_nodes(estimator: BaseEstimator, method: str) -> NDArray[Any]:
    """Return what "predict" or "predict_proba" of a fitted learner of nodes stands for, at all nodes."""
    answers: NDArray[Any] = getattr(last_step(estimator), _ANSWERS[method])
    return answers

"""Learners of the nodes of a graph: fitted on all rows of a data set, of which only those of a sample have labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from estimators.unlabelled import last_step, uses_unlabelled
from studies.registry.problems import AnyProblem
from toymanifold import DataProblem
from toymanifold.problems import UNLABELLED

_ANSWERS = {"predict": "transduction_", "predict_proba": "label_distributions_"}
"""Attributes with the answers of methods at all nodes, as in `sklearn.semi_supervised`."""


def learns_nodes(estimator: BaseEstimator, problem: AnyProblem) -> bool:
    """Return True if a problem has a graph and an estimator takes one: it has a parameter ``graph``.

    It also uses unlabelled points; of a pipeline the last step counts.
    """
    has_graph = isinstance(problem, DataProblem) and problem.graph is not None
    return has_graph and uses_unlabelled(estimator) and "graph" in last_step(estimator).get_params(deep=False)


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

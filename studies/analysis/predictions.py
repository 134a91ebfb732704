"""Worths of priors that theory predicts, beside those that are measured."""

from collections.abc import Iterable

from sklearn.base import BaseEstimator

from estimators.worths import PredictedWorth
from studies.analysis.intervals import CensoredInterval
from studies.analysis.verdicts import VERDICTS, verdict
from studies.registry.objects import is_object
from studies.registry.problems import problem_outline
from studies.spec.cells import Cell

_WITHOUT_THEORY = (None, "polar", "polar-sincos", "phase")  # named priors, for which no learner needs to be imported


def predicted_worth(informed: Cell, plain: Cell, n_samples: float) -> PredictedWorth | None:
    """Return what the prior of a learner is worth by theory to the same learner without it.

    Parameters
    ----------
    informed, plain : Cell
        Cells of the learners on one problem.
    n_samples : float
        Number of training points of the informed learner.

    Returns
    -------
    worth : PredictedWorth or None
        None if no theory says it, or the learners differ in more than a prior.
    """
    if informed.prior in _WITHOUT_THEORY and not is_object(informed.estimator):
        return None
    from estimators.catalog import split_prior  # here, since it imports all learners

    prior, learner = split_prior(informed.build_learner())
    other = plain.build_learner()
    if not hasattr(prior, "predicted_worth") or not _are_alike(learner, other):
        return None
    problem = problem_outline(plain.problem, plain.params_of_problem, plain.allow)
    return prior.predicted_worth(problem, other, n_samples)


def _are_alike(*learners: BaseEstimator) -> bool:
    """Return True for learners of one class with the same parameters."""
    first, second = ((type(learner), str(learner.get_params())) for learner in learners)
    return first == second


def prediction_text(predicted: PredictedWorth, times: CensoredInterval) -> str:
    """Return a predicted worth beside a measured one as a clause, with the verdict."""
    found = VERDICTS[verdict(times, predicted.low, predicted.high)]
    return f"theory predicts {predicted}: {found}"

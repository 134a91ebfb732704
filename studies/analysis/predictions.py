"""Worths of priors that theory predicts, to stand beside the measured ones."""

from sklearn.base import BaseEstimator

from estimators.worths import PredictedWorth
from studies.analysis.intervals import CensoredInterval
from studies.analysis.verdicts import VERDICTS, verdict_of
from studies.registry.imports import package
from studies.registry.objects import is_object
from studies.registry.problems import problem_outline
from studies.spec.cells import Cell, plan_series
from studies.spec.study import Study


def predicted_worth(
    study: Study, informed: str, plain: str, n_samples: float, problem: str = ""
) -> PredictedWorth | None:
    """Return what the prior of a learner is worth by theory to the same learner without it.

    Parameters
    ----------
    study : Study
    informed, plain : str
        The learners.
    n_samples : float
        Number of training points of the informed learner.
    problem : str, default=""
        Label of the problem; empty where the study has one.

    Returns
    -------
    worth : PredictedWorth or None
        None if no theory says it, the learners differ in more than a prior, or code of theirs is not allowed.

    Raises
    ------
    TypeError
        If a prior's `predicted_worth` returns anything else.
    """
    cells = {p.learner: p.cell for p in plan_series(study) if problem in ("", p.problem)}
    return _predicted(cells[informed], cells[plain], n_samples) if {informed, plain} <= cells.keys() else None


def _predicted(informed: Cell, plain: Cell, n_samples: float) -> PredictedWorth | None:
    if not _may_have_theory(informed):
        return None
    if any(package(name) not in plain.allow for name in (*informed.foreign_names, *plain.foreign_names)):
        return None
    from estimators.catalog import split_prior  # here, since it imports all learners

    prior, learner = split_prior(informed.build_learner())
    other = plain.build_learner()
    if not hasattr(prior, "predicted_worth") or not _are_alike(learner, other):
        return None
    problem = problem_outline(plain.problem, plain.params_of_problem, plain.allow)
    found = prior.predicted_worth(problem, other, n_samples)
    if found is not None and not isinstance(found, PredictedWorth):
        owner = f"{type(prior).__name__}.predicted_worth"
        raise TypeError(f"{owner} must return an estimators.PredictedWorth or None. Got {found!r} instead.")
    return found


def _may_have_theory(cell: Cell) -> bool:
    """Return False if a cell has no prior or a named one without a prediction: no learner needs to be imported."""
    from estimators.priors import PRIORS, Prior

    if cell.prior in PRIORS:
        return type(PRIORS[cell.prior]).predicted_worth is not Prior.predicted_worth
    return cell.prior is not None or is_object(cell.estimator)


def _are_alike(*learners: BaseEstimator) -> bool:
    """Return True for learners of one class with the same parameters."""
    first, second = ((type(learner), str(learner.get_params())) for learner in learners)
    return first == second


def prediction_text(predicted: PredictedWorth, times: CensoredInterval) -> str:
    """Return a predicted worth as a clause, with the verdict on it of a measured one."""
    return f"theory predicts {predicted}: {VERDICTS[verdict_of(times, predicted.low, predicted.high)]}"

"""Many estimators fitted in one call, nets in several threads."""

import copy
from collections import Counter
from collections.abc import Sequence
from typing import Any

from joblib import Parallel, delayed
from sklearn.base import BaseEstimator

from estimators.nets.base import Net


def fit_many(
    estimators: Sequence[BaseEstimator],
    datasets: Sequence[tuple[Any, ...]],
    *,
    n_jobs: int | None = None,
    return_exceptions: bool = False,
) -> list[Any]:
    """Fit each of several estimators to its own data.

    Each comes out as from its own ``fit``, bit for bit. A callback object that several nets hold is copied for each.

    Parameters
    ----------
    estimators : sequence of estimator
        Each is fitted in place.
    datasets : sequence of tuple
        The arguments of each one's ``fit``: ``(X, y)`` or ``(X, y, sample_weight)``.
    n_jobs : int or None, default=None
        Number of threads, as in scikit-learn: None is 1, -1 is all processors. Nets release Python's lock while they
        are trained; for other estimators threads are of little use.
    return_exceptions : bool, default=False
        Whether to return the exception of an estimator that fails in its place, as ``asyncio.gather`` does. Otherwise
        the first exception is raised when all other estimators are fitted.

    Returns
    -------
    fitted : list of estimator
        The same objects in the same order.

    Raises
    ------
    ValueError
        If there are not as many datasets as estimators, or one estimator occurs twice.

    Examples
    --------
    >>> from estimators import NetClassifier
    >>> from toymanifold import make_spiral
    >>> nets = [NetClassifier(epochs=50, random_state=seed) for seed in range(3)]
    >>> fitted = fit_many(nets, [make_spiral(200, random_state=seed) for seed in range(3)])
    >>> [len(net.history_) for net in fitted]
    [50, 50, 50]
    """
    if len(estimators) != len(datasets):
        raise ValueError(f"fit_many takes a dataset for each estimator. Got {len(datasets)} for {len(estimators)}.")
    if len({id(estimator) for estimator in estimators}) < len(estimators):
        raise ValueError("fit_many takes different estimators. Got one of them twice; use sklearn.base.clone.")
    _copy_shared_callbacks(estimators)
    pairs = zip(estimators, datasets, strict=True)
    fitted = Parallel(n_jobs, prefer="threads")(delayed(_fit)(estimator, dataset) for estimator, dataset in pairs)
    errors = [found for found in fitted if isinstance(found, Exception)]
    if errors and not return_exceptions:
        raise errors[0]
    return list(fitted)


def _fit(estimator: BaseEstimator, dataset: tuple[Any, ...]) -> BaseEstimator | Exception:
    try:
        return estimator.fit(*dataset)
    except Exception as error:
        return error


def _copy_shared_callbacks(estimators: Sequence[BaseEstimator]) -> None:
    """Replace the callbacks that several nets share, whose state would go from one training to the next."""
    nets = [estimator for estimator in estimators if isinstance(estimator, Net) and estimator.callbacks]
    owners = Counter(id(callback) for net in nets for callback in net.callbacks or ())
    for net in nets:
        net.callbacks = [copy.deepcopy(each) if owners[id(each)] > 1 else each for each in net.callbacks or ()]

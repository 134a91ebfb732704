"""Many estimators fitted in one call: small nets of one kind are trained as one computation."""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import torch
from sklearn.base import BaseEstimator

from estimators.nets import Net
from estimators.nets.training import Run, sees_batches, train

BYTES_ON_CPU, BYTES_ELSEWHERE = 2**19, 2**27
"""What one layer of a stack puts out in a step, at most: on a CPU all that a step touches should stay in its cache."""


_OWN = (
    "random_state",
    "learning_rate",
    "schedule",
    "weight_decay",
    "epochs",
    "checkpoints",
    "init_scale",
    "standardize",
)
"""Parameters in which nets may differ that are trained together."""


def fit_many(
    estimators: Sequence[BaseEstimator], datasets: Sequence[tuple[Any, ...]], *, return_exceptions: bool = False
) -> list[Any]:
    """Fit each of several estimators to its own data.

    Nets are trained together where they have the same layers and loss, samples and batches of one size, the same
    precision and device. Seeds, priors, learning rates, schedules, weight decay, epochs and early stopping are each
    net's own. Each net is what its own ``fit`` would have made of it, up to rounding; and, on a CPU whose MKL is told
    to be reproducible (environment variable ``MKL_CBWR=AUTO``, before torch is imported), bit for bit, whatever it is
    trained together with. Every other estimator is simply fitted, as are nets that print (`verbose`), go on from an
    earlier fit (`warm_start`), or have callbacks that act on batches.

    Parameters
    ----------
    estimators : sequence of estimator
        Each is fitted in place.
    datasets : sequence of tuple
        The arguments of each one's ``fit``: ``(X, y)`` or ``(X, y, sample_weight)``.
    return_exceptions : bool, default=False
        Whether one that fails, by bad data or because its training diverges, is returned as its exception, as
        ``asyncio.gather`` does it. Otherwise the first exception is raised when all others are fitted.

    Returns
    -------
    fitted : list of estimator
        The same objects, in the same order.

    Raises
    ------
    ValueError
        If there are not as many datasets as estimators, or an estimator comes twice.

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
    errors: dict[int, Exception] = {}
    stacks: dict[Hashable, list[tuple[int, Run]]] = defaultdict(list)
    for index, (estimator, dataset) in enumerate(zip(estimators, datasets, strict=True)):
        try:
            if isinstance(estimator, Net) and not estimator.verbose and not estimator.warm_start:
                run = estimator.prepare(*dataset)
                stacks[_kind(run)].append((index, run))
            else:
                estimator.fit(*dataset)
        except Exception as error:
            errors[index] = error
    for members in stacks.values():
        for part in _parts(members):
            train([run for _, run in part])
            errors |= {index: run.error for index, run in part if run.error is not None}
    if errors and not return_exceptions:
        raise errors[min(errors)]
    return [errors.get(index, estimator) for index, estimator in enumerate(estimators)]


def company(estimator: BaseEstimator, n_samples: int) -> tuple[Hashable, int] | None:
    """Tell, before there are data, with what others an estimator can be fitted as one computation.

    Parameters
    ----------
    estimator : estimator
    n_samples : int
        Of its data, which are those of one problem for all.

    Returns
    -------
    kind : hashable
        Estimators of an equal kind go together.
    n_together : int
        How many of them make one computation.
    None
        Instead, if it can only be fitted alone.
    """
    if not isinstance(estimator, Net) or estimator.verbose or estimator.warm_start or estimator.callbacks:
        return None
    params = {name: value for name, value in estimator.get_params(deep=False).items() if name not in _OWN}
    kind = (type(estimator), n_samples, repr(sorted(params.items())))
    n_points = min(estimator.batch_size, n_samples)
    on_cpu = estimator.device == "cpu" or not torch.cuda.is_available()
    itemsize = 8 if estimator.dtype == "float64" else 4
    return kind, stack_size(n_points, estimator.width, itemsize, on_cpu=on_cpu)


def stack_size(n_points: int, width: int, itemsize: int, *, on_cpu: bool) -> int:
    """Return how many nets of `width` make a stack, on batches of `n_points`."""
    return max(1, (BYTES_ON_CPU if on_cpu else BYTES_ELSEWHERE) // (n_points * width * itemsize))


def _parts(members: list[tuple[int, Run]]) -> list[list[tuple[int, Run]]]:
    """Share nets of one kind out to stacks as even as can be."""
    run = members[0][1]
    values = next(run.net.module_.parameters())
    width = max(parameter.shape[0] for parameter in run.net.module_.parameters())
    n_points = min(run.net.batch_size, len(run.train.X))
    most = stack_size(n_points, width, values.itemsize, on_cpu=values.device.type == "cpu")
    n_stacks = math.ceil(len(members) / most)
    return [members[part::n_stacks] for part in range(n_stacks)]


def _kind(run: Run) -> Hashable:
    """Return what nets must have in common to be trained together."""
    if sees_batches(run.net):
        return id(run)
    module = run.net.module_
    values = next(module.parameters())
    shapes = [
        tuple(part.shape for part in points[1:] if part is not None) for points in (run.train, run.valid) if points
    ]
    return (
        tuple(type(layer) for layer in module.body.modules()),
        tuple(parameter.shape for parameter in module.parameters()),
        values.dtype,
        values.device,
        run.loss,
        run.net.batch_size,
        tuple(shapes),
    )

"""Many estimators fitted in one call: small nets of one kind are trained as one computation.

`batch_key` says beforehand which nets go together; like the construction of a net, it does not import torch.
"""

import math
import os
import shutil
from collections import defaultdict
from collections.abc import Hashable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from estimators.nets.base import Net

if TYPE_CHECKING:
    from estimators.nets.training import Training

BYTES_ON_CPU, BYTES_ELSEWHERE = 2**19, 2**27
"""Largest output of one layer of a stack in a step: on a CPU all arrays of a step should stay in its cache."""


_INDIVIDUAL = (
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

    Nets are trained together if they have the same layers and loss, samples and batches of one size, and the same
    precision and device. Seeds, priors, learning rates, schedules, weight decay, epochs and early stopping may differ.
    Each net comes out as from its own ``fit``, up to rounding; and, on a CPU whose MKL computes reproducibly
    (environment variable ``MKL_CBWR=AUTO``, set before torch is imported), bit for bit, whichever nets it is trained
    with. All other estimators are fitted one by one, as are nets that print (`verbose`), continue an earlier fit
    (`warm_start`), or have callbacks that act on batches.

    Parameters
    ----------
    estimators : sequence of estimator
        Each is fitted in place.
    datasets : sequence of tuple
        The arguments of each one's ``fit``: ``(X, y)`` or ``(X, y, sample_weight)``.
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
    errors: dict[int, Exception] = {}
    stacks: dict[Hashable, list[tuple[int, Training]]] = defaultdict(list)
    for index, (estimator, dataset) in enumerate(zip(estimators, datasets, strict=True)):
        try:
            if isinstance(estimator, Net) and not estimator.verbose and not estimator.warm_start:
                training = estimator.prepare(*dataset)
                stacks[_kind(training)].append((index, training))
            else:
                estimator.fit(*dataset)
        except Exception as error:
            errors[index] = error
    for members in stacks.values():
        errors |= _train(members)
    if errors and not return_exceptions:
        raise errors[min(errors)]
    return [errors.get(index, estimator) for index, estimator in enumerate(estimators)]


def batch_key(estimator: BaseEstimator, n_samples: int) -> tuple[Hashable, int] | None:
    """Return a key that is equal for estimators which `fit_many` trains as one computation.

    It needs neither the data nor torch.

    Parameters
    ----------
    estimator : estimator
    n_samples : int
        Training points. All estimators are assumed to learn the same problem.

    Returns
    -------
    key : hashable
    n_together : int
        How many estimators of equal key make one computation. With ``device="auto"`` it is that of a GPU if an NVIDIA
        driver is installed.
    None
        In place of both, if the estimator can only be fitted alone.

    Examples
    --------
    >>> from estimators import NetClassifier
    >>> one, other = NetClassifier(random_state=0), NetClassifier(random_state=1, learning_rate=0.01)
    >>> batch_key(one, 100) == batch_key(other, 100)
    True
    """
    if not isinstance(estimator, Net) or estimator.verbose or estimator.warm_start or estimator.callbacks:
        return None
    params = {name: value for name, value in estimator.get_params(deep=False).items() if name not in _INDIVIDUAL}
    key = (type(estimator), n_samples, repr(sorted(params.items())))
    n_points = min(estimator.batch_size, n_samples)
    on_cpu = estimator.device == "cpu" or (estimator.device == "auto" and not _gpu_is_visible())
    itemsize = 8 if estimator.dtype == "float64" else 4
    return key, stack_size(n_points, estimator.width, itemsize, on_cpu=on_cpu)


def _gpu_is_visible() -> bool:
    """Whether torch will find a GPU, judged without torch: by its build, the NVIDIA driver and the environment."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return not hidden and "+cpu" not in version("torch") and shutil.which("nvidia-smi") is not None


def stack_size(n_points: int, width: int, itemsize: int, *, on_cpu: bool) -> int:
    """Return how many nets of `width` make a stack, on batches of `n_points`."""
    return max(1, (BYTES_ON_CPU if on_cpu else BYTES_ELSEWHERE) // (n_points * width * itemsize))


def _train(members: list[tuple[int, "Training"]]) -> dict[int, Exception]:
    """Train nets of one kind, each given with its index, and return the errors by index."""
    from estimators.nets.training import train

    for part in _parts(members):
        train([training for _, training in part])
    return {index: training.error for index, training in members if training.error is not None}


def _parts(members: list[tuple[int, "Training"]]) -> list[list[tuple[int, "Training"]]]:
    """Distribute nets of one kind over stacks of nearly equal size."""
    training = members[0][1]
    values = next(training.net.module_.parameters())
    width = max(parameter.shape[0] for parameter in training.net.module_.parameters())
    n_points = min(training.net.batch_size, len(training.train.X))
    most = stack_size(n_points, width, values.itemsize, on_cpu=values.device.type == "cpu")
    n_stacks = math.ceil(len(members) / most)
    return [members[part::n_stacks] for part in range(n_stacks)]


def _kind(training: "Training") -> Hashable:
    """Return a key that is equal for nets which can be trained together."""
    from estimators.nets.training import has_batch_callbacks

    if has_batch_callbacks(training.net):
        return id(training)
    module = training.net.module_
    values = next(module.parameters())
    shapes = [
        tuple(part.shape for part in points[1:] if part is not None)
        for points in (training.train, training.valid)
        if points
    ]
    return (
        tuple(type(layer) for layer in module.body.modules()),
        tuple(parameter.shape for parameter in module.parameters()),
        values.dtype,
        values.device,
        training.loss,
        training.net.batch_size,
        tuple(shapes),
    )

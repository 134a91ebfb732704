"""The average gradient outer product of a study's fitted learners, with respect to raw points."""

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from estimators.diagnostics import agop, average_gradient_outer_product
from estimators.kernels import KernelMachine
from estimators.nets import Net


def learner_agop(estimator: BaseEstimator, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the average gradient outer product (d, d) of a fitted learner at the rows of `X` (n, d).

    Of a net it is that of the outputs of its module, whose prior is a layer; of a kernel machine, recursive ones among
    them, that of its functions. Either may stand behind a `StandardScaler`.

    Raises
    ------
    TypeError
        If the learner is none of these: it has no gradients, or they are known of other coordinates only.
    """
    if isinstance(estimator, Pipeline):
        *steps, machine = (step for _, step in estimator.steps)
        scales = [step.scale_ for step in steps if isinstance(step, StandardScaler)]
        if len(scales) == len(steps):
            scale = np.prod(scales, axis=0)
            return learner_agop(machine, estimator[:-1].transform(X)) / np.outer(scale, scale)
    if isinstance(estimator, Net):
        return average_gradient_outer_product(estimator.net_.module_, X)
    if isinstance(estimator, KernelMachine):
        return agop(estimator.gradients(X))
    raise TypeError(
        f"gradients at raw points are known of nets, and of kernel machines without a prior, not of {estimator!r}"
    )

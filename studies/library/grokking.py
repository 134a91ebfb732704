"""The study `grokking`: progress measures of arithmetic modulo p.

A learner that has memorised its pairs goes on changing, and these measures show it before the test accuracy does.
"""

import itertools

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

import estimators
from estimators.kernels.functions import metric_root
from estimators.nets import Net
from studies.analysis.claims import (
    Evidence,
    NotMeasured,
    claim,
    log_ratio,
    map_measured,
    ratios_text,
    rows_where,
    seed_table,
)
from studies.analysis.intervals import mean_interval
from studies.analysis.verdicts import OF_LOGS, Estimate, Requirement
from studies.registry.metrics import Fitted, Measured, metric
from studies.registry.problems import AnyProblem
from toymanifold.modular import ModularOperation

KNOWN = 0.95
"""Accuracy from which a learner counts as knowing its pairs."""

UNKNOWN = 0.05
"""Accuracy to which it counts as knowing nothing; chance is 1/31."""

_NO_ERROR = 0.001  # on the training pairs: less than one pair, on average over seeds
_WHILE_AT_CHANCE = "a smaller deviation at the end of the time at chance than at its beginning"
_HALF, _MOST = 480, 672  # of the 961 pairs
_STEPS = {"epochs": "epoch", "n_rounds": "round"}
_DEAD = 1e-12  # of the largest power of a unit


def is_addition(problem: AnyProblem) -> bool:
    """Return whether labels are sums modulo p."""
    return isinstance(problem.target, ModularOperation) and problem.target.operation == "add"


@metric("1", title="Deviation from a circulant matrix", heading="deviation", supports=is_addition, default=False)
def circulant_deviation(fitted: Fitted) -> Measured:
    """Distance of the root of the average gradient outer product from a function of a + b, or of a - b: 0 to 1."""
    gradients = fitted.estimator.gradients(fitted.train.X)
    features = metric_root(estimators.agop(gradients - gradients.mean(axis=0)))
    p = len(features) // 2
    return deviation_from_circulant(features[p:, :p])


@metric(
    "1",
    title="Inverse participation ratio of the units' spectra",
    heading="participation",
    supports=is_addition,
    default=False,
)
def inverse_participation(fitted: Fitted) -> Measured:
    """Mean inverse participation ratio of the Fourier spectra of a net's units; 1 where each has one frequency."""
    if not isinstance(fitted.estimator, Net):
        return {}
    first, *_, last = (w.detach().numpy() for w in fitted.estimator.net_.module_.body.parameters())
    p = first.shape[1] // 2
    units = np.concatenate([first[:, :p], first[:, p:], last.T])
    return float(participation(units).mean())


def deviation_from_circulant(block: ArrayLike) -> float:
    """Return the share of a block's squares that is variance along its wrapped diagonals, or along its antidiagonals.

    Parameters
    ----------
    block : array-like of shape (p, p)
        Not 0.

    Returns
    -------
    deviation : float
        The smaller of the two: 0 where entry (a, b) is a function of a - b modulo p, or of a + b; about 1 - 1/p for
        unrelated entries of mean 0. Mallinar et al., Emergence in non-neural models: grokking modular arithmetic via
        average gradient outer product, 2024, section 3, for one direction; section 2 calls either circulant.
    """
    A = np.asarray(block, dtype=np.float64)
    rows, columns = np.indices(A.shape)
    within = [
        ((lines - lines.mean(axis=0)) ** 2).sum()
        for lines in (A[rows, (columns + sign * rows) % len(A)] for sign in (1, -1))
    ]
    return float(min(within) / (A**2).sum())


def participation(weights: ArrayLike) -> NDArray[np.float64]:
    """Return the inverse participation ratio of each row's Fourier spectrum, the sum of the squared shares of power.

    Parameters
    ----------
    weights : array-like of shape (n_rows, p)
        Rows that are 0 beside the largest, of units that weight decay has removed, are passed over.

    Returns
    -------
    ratios : ndarray of shape (n_live,)
        1 for a row of one frequency, 1/m for one whose power is spread evenly over m (Gromov, Grokking modular
        arithmetic, 2023; Doshi et al., To grok or not to grok, 2024).
    """
    power = np.abs(np.fft.rfft(weights, axis=1)) ** 2
    total = power.sum(axis=1, keepdims=True)
    live = total[:, 0] > _DEAD * total.max()
    ratios: NDArray[np.float64] = ((power[live] / total[live]) ** 2).sum(axis=1)
    return ratios


def first_known(frame: pd.DataFrame, metric: str) -> pd.Series:
    """Return the first epoch at which an accuracy is `KNOWN`, by seed; the last epoch of all if it never is."""
    table = seed_table(frame, metric, "epochs")
    known = table >= KNOWN
    return known.idxmax(axis=1).where(known.any(axis=1), table.columns[-1])


def _net(frame: pd.DataFrame, decay: float) -> pd.DataFrame:
    return rows_where(frame, family="net", weight_decay=decay)


@claim(
    "grokking",
    says="A net generalizes ten times as late as it memorises, or later.",
    source="Power et al. 2022, figure 1 (there a thousand times)",
    tolerated="more than ten times as many epochs",
)
def _delay(frame: pd.DataFrame) -> Evidence:
    net = _net(frame, 1.0)
    delay = log_ratio(first_known(net, "accuracy"), first_known(net, "accuracy_train"))
    return Evidence(
        f"{delay.interval.exp():.0f} times as many epochs (half of the pairs, weight decay 1)",
        [Requirement(delay, low=np.log(10), unit=OF_LOGS)],
    )


@claim(
    "grokking",
    says="The stronger the weight decay, the earlier a net generalizes.",
    source="Liu et al. 2023 (Omnigrok: in inverse proportion);"
    " Power et al. 2022, section 3.3 (there: fewer data needed)",
    tolerated="in an earlier epoch with each stronger decay",
)
def _by_decay(frame: pd.DataFrame) -> Evidence:
    epochs = map_measured(lambda decay: first_known(_net(frame, decay), "accuracy"), (0.0, 1.0, 5.0))
    return _compare({f"weight decay {decay:g}": known for decay, known in epochs.items()})


@claim(
    "grokking",
    says="The more of the table is seen, the earlier a net generalizes.",
    source="Power et al. 2022, figure 1",
    tolerated="in an earlier epoch with each larger number of pairs",
)
def _by_pairs(frame: pd.DataFrame) -> Evidence:
    nets = rows_where(frame, family="net by data")
    epochs = map_measured(lambda n: first_known(rows_where(nets, n_samples=n), "accuracy"), (384, _HALF, _MOST))
    return _compare({f"{n} pairs": known for n, known in epochs.items()})


def _compare(epochs: dict[str, pd.Series]) -> Evidence:
    """Compare the epochs at which nets generalize, each with the next, which is claimed to be earlier."""
    if len(epochs) < 2:
        raise NotMeasured(f"of the nets that are to be compared {len(epochs)} is measured")
    ratios = [log_ratio(later, sooner) for later, sooner in itertools.pairwise(epochs.values())]
    known = ", ".join(f"{np.exp(np.log(epoch).mean()):,.0f} with {net}" for net, epoch in epochs.items())
    return Evidence(
        f"known in epoch {known}; ratios {ratios_text(ratios)}",
        [Requirement(ratio, low=0, unit=OF_LOGS) for ratio in ratios],
    )


@claim(
    "grokking",
    says="The units of a net that generalizes come nearer to single frequencies than those of one that only memorises.",
    source="Gromov 2023; Doshi et al. 2024 (To grok or not to grok)",
    tolerated="a higher inverse participation ratio",
)
def _frequencies(frame: pd.DataFrame) -> Evidence:
    one, other = (seed_table(_net(frame, decay), "inverse_participation", "epochs").iloc[:, -1] for decay in (1.0, 0.0))
    difference = Estimate.of_seeds(one - other)
    return Evidence(
        f"inverse participation {mean_interval(one):.2f} with weight decay 1, {mean_interval(other):.2f} without;"
        f" difference {difference.interval:.2f}",
        [Requirement(difference, low=0)],
    )


@claim(
    "grokking",
    says="A net's features become more circulant while its test accuracy is at chance.",
    source="Mallinar et al. 2024, section 4 and figure 5B (section 6: later for addition)",
    tolerated=_WHILE_AT_CHANCE,
)
def _progress_of_net(frame: pd.DataFrame) -> Evidence:
    return _progress(_net(frame, 1.0), "epochs")


@claim(
    "grokking",
    says="An RFM, right at all its {n} training pairs in every round, passes from chance to knowing the others.",
    source="Mallinar et al. 2024, section 3 and figure 2A (p = 61, half of the pairs)",
    tolerated=f"a training error below {_NO_ERROR:.1%}; a test accuracy below {UNKNOWN:g} in the first round, above"
    f" {KNOWN:g} in the last",
    n=(_HALF, _MOST),
)
def _emergence(frame: pd.DataFrame, n: int) -> Evidence:
    of_train, of_test = (
        seed_table(frame, metric, "n_rounds", family="rfm", n_samples=n) for metric in ("accuracy_train", "accuracy")
    )
    if len(of_test.columns) < 2:
        raise NotMeasured(f"one round is measured with {n} pairs")
    before, after = Estimate.of_seeds(of_test.iloc[:, 0]), Estimate.of_seeds(of_test.iloc[:, -1])
    error = 1 - of_train.min(axis=1)
    first, *_, last = of_test.columns
    return Evidence(
        f"training error {f'up to {error.max():.2g}' if error.any() else '0 in every round'}; test accuracy"
        f" {before.interval:.2f} in round {first:.0f}, {after.interval:.2f} in round {last:.0f}",
        [
            Requirement(Estimate.of_seeds(error), high=_NO_ERROR),
            Requirement(before, high=UNKNOWN),
            Requirement(after, low=KNOWN),
        ],
    )


@claim(
    "grokking",
    says="An RFM's features become more circulant while its test accuracy is at chance.",
    source="Mallinar et al. 2024, section 3 and figure 2B",
    tolerated=_WHILE_AT_CHANCE,
)
def _progress_of_machine(frame: pd.DataFrame) -> Evidence:
    return _progress(rows_where(frame, family="rfm", n_samples=_MOST), "n_rounds")


def _progress(frame: pd.DataFrame, axis: str) -> Evidence:
    """Measure the fall of the circulant deviation while the accuracy is at chance."""
    accuracy, deviation = (seed_table(frame, metric, axis) for metric in ("accuracy", "circulant_deviation"))
    at_chance = accuracy.columns[(accuracy.mean() < UNKNOWN).to_numpy()]
    if not len(at_chance):
        raise NotMeasured(f"no accuracy along {axis} is at chance")
    first, last = at_chance[0], at_chance[-1]
    fall = Estimate.of_seeds(deviation[first] - deviation[last])
    return Evidence(
        f"from {_STEPS[axis]} {first:.0f} to {last:.0f} the circulant deviation falls by {fall.interval:.2f} from"
        f" {deviation[first].mean():.2f}; in the end it is {deviation.iloc[:, -1].mean():.2f}",
        [Requirement(fall, low=0)],
    )

"""The study `depth`: gradients by layer beside the theory of wide random nets, and which nets train."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.special import expit

import estimators
from estimators.nets import Net
from studies.analysis.claims import Evidence, claim, map_measured, rows_where, seed_table, values_of
from studies.analysis.intervals import positive_mean_interval
from studies.analysis.learning_curves import pivot_by_seed
from studies.analysis.verdicts import Estimate, Requirement
from studies.plots.looks import value_looks
from studies.plots.style import End, draw_joined, draw_points, name_curves, new_axes, set_scale, tidy
from studies.registry.metrics import Fitted, Measured, metric
from studies.registry.plots import plot
from studies.registry.reference_curves import reference_curve
from studies.results.results import Results

Array = NDArray[np.float64]

_POINTS = 16  # each with a gradient of its own
_WIDTH = 256  # of the nets that are compared with theory
_SLACK = 5 / _WIDTH  # of a slope: fluctuations add up to 5 depth / width, Hanin and Nica 2020
_SCALES = _STANDARD, _NORMALIZED, _HE, _LARGE = 1.0, 1.73, 2.45, 4.0  # of the initial weights

LEARNT = 0.9
"""Training accuracy from which a net counts as trained; chance is 1/2."""

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(101)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@metric(
    "1",
    title="Gradient norm of layer",
    heading="gradient",
    supports=lambda problem: problem.task == "classification",
    default=False,
)
def gradient_norm(fitted: Fitted) -> Measured:
    """Norm of a point's gradient of the cross-entropy, root mean square over 16 points, for each layer of a net."""
    if not isinstance(fitted.estimator, Net):
        return {}
    module = fitted.estimator.net_.module_
    layers = [f"body.{name}" for name, layer in module.body.named_modules() if hasattr(layer, "in_features")]
    X, y = fitted.train.X[:_POINTS], np.searchsorted(fitted.estimator.classes_, fitted.train.y[:_POINTS])
    norms = [estimators.gradient_norms(module, X[[i]], y[[i]], "cross_entropy") for i in range(len(X))]
    return {
        str(place): float(np.sqrt(np.mean([norm[layer] ** 2 for norm in norms])))
        for place, layer in enumerate(layers, start=1)
    }


def log_gradient(activation: str, init_scale: float, depth: int) -> float:
    """Return the logarithm of the first layer's gradient norm in the limit of infinite width, up to a constant.

    From layer to layer the mean square of a gradient is multiplied by chi = sigma^2 E activation'(z sqrt(q))^2, and
    that of a signal, q, becomes sigma^2 E activation(z sqrt(q))^2: z is standard normal, and sigma^2 = init_scale^2 / 3
    is fan_in times the variance of the weights. Returned is half the sum of log chi over hidden layers; Schoenholz et
    al., Deep information propagation, ICLR 2017, without constants.

    Parameters
    ----------
    activation : {"relu", "tanh"}
    init_scale : float
        Of `estimators.nets.Net`.
    depth : int
        Hidden layers.
    """
    return _propagated(activation, init_scale, depth)[1]


@reference_curve("infinite width, in theory")
def first_layer_gradient(depth: float, dimension: int, init_scale: float = 1.0, activation: str = "relu") -> float:
    """Return the norm of the first layer's gradient of the cross-entropy of two classes, at infinite width.

    Root mean square over standardised points and over weights, as `gradient_norm` measures it. The difference of the
    two logits is normal.

    Parameters
    ----------
    depth : float
        Hidden layers.
    dimension : int
        Of the points.
    init_scale : float, default=1.0
    activation : {"relu", "tanh"}, default="relu"
        As in `log_gradient`.
    """
    variance, log = _propagated(activation, init_scale, int(depth))
    wrong = _WEIGHTS @ expit(np.sqrt(2 * variance) * _NODES) ** 2  # mean square of the probability of the other class
    return float(np.sqrt(2 * dimension * wrong) * np.exp(log))


def _propagated(activation: str, init_scale: float, depth: int) -> tuple[float, float]:
    """Return the variance of a logit, and the sum of half of log chi over hidden layers."""
    variance, total = init_scale**2 / 3, 0.0
    q = variance  # inputs are standardised
    for _ in range(depth):
        signal, slope = _mean_squares(activation, q)
        total += np.log(variance * slope) / 2
        q = variance * signal
    return q, total


def _mean_squares(activation: str, q: float) -> tuple[float, float]:
    """Return the mean squares of an activation, and of its derivative, of a normal number of variance q."""
    if activation == "relu":
        return q / 2, 1 / 2
    values = np.tanh(np.sqrt(q) * _NODES)
    return float(_WEIGHTS @ values**2), float(_WEIGHTS @ (1 - values**2) ** 2)


def log_slope(norms: pd.DataFrame) -> Estimate:
    """Return the change of the logarithm for each further layer, by least squares for each seed."""
    x, y = norms.columns.to_numpy(dtype=float), np.log(norms.to_numpy(dtype=float))
    return Estimate.of_seeds(np.polyfit(x, y.T, 1)[0])


def _first_layer(frame: pd.DataFrame, **where: Any) -> pd.DataFrame:
    return seed_table(frame, "gradient_norm_1", "depth", needs=(2, 32), **where)


_SOURCES = {
    "relu": "He et al. 2015, section 2.2 (half of log(scale^2 / 6))",
    "tanh": "Glorot and Bengio 2010, section 4.2; Schoenholz et al. 2017",
}


@claim(
    "depth",
    says="With {activation} and initial scale {scale:g} the first layer's gradient {change} with depth, by"
    " {theory:+.3f} in its logarithm for each layer.",
    source="{source}",
    tolerated=f"within 5 / width = {_SLACK:.2f} of this",
    activation=list(_SOURCES),
    scale=_SCALES,
)
def _as_in_theory(frame: pd.DataFrame, activation: str, scale: float) -> Evidence:
    norms = _first_layer(frame, family="plain", activation=activation, init_scale=scale)
    expected = [log_gradient(activation, scale, int(depth)) for depth in norms.columns]
    slope, theory = log_slope(norms), float(np.polyfit(norms.columns.to_numpy(dtype=float), expected, 1)[0])
    return Evidence(
        f"{slope.interval:+.3f}",
        [Requirement(slope, theory - _SLACK, theory + _SLACK)],
        {"change": _change(theory), "theory": theory, "source": _SOURCES[activation]},
    )


def _change(slope: float) -> str:
    if abs(slope) < _SLACK:
        return "keeps its size"
    return "vanishes" if slope < 0 else "explodes"


@claim(
    "depth",
    says="With layer norm the first layer's gradient keeps its size with depth, whatever the initial scale (ReLU).",
    source="Ba et al. 2016, section 5.1 (invariance to the scale of the weights; depth is our inference)",
    tolerated=f"a change of its logarithm of less than 5 / width = {_SLACK:.2f} for each layer, at each scale",
)
def _layer_norm(frame: pd.DataFrame) -> Evidence:
    found = map_measured(
        lambda scale: log_slope(_first_layer(frame, family="layer norm", init_scale=scale)), (_STANDARD, _HE, _LARGE)
    )
    return Evidence(
        ", ".join(f"{slope.interval:+.3f} at scale {scale:g}" for scale, slope in found.items()),
        [Requirement(slope, -_SLACK, _SLACK) for slope in found.values()],
    )


@claim(
    "depth",
    says="With residual connections the first layer's gradient does not vanish with depth at initial scale 1 (ReLU).",
    source="He et al. 2016 (Identity mappings), section 2",
    tolerated=f"a fall of its logarithm of less than 5 / width = {_SLACK:.2f} for each layer",
)
def _residual(frame: pd.DataFrame) -> Evidence:
    slope = log_slope(_first_layer(frame, family="residual"))
    return Evidence(
        f"{slope.interval:+.3f} in its logarithm for each layer; {np.log(1 / 6) / 2:+.3f} without, in theory",
        [Requirement(slope, low=-_SLACK)],
    )


class _Net(NamedTuple):
    """One of the deepest nets that are trained, and the claim about it."""

    family: str
    scale: float | None
    trains: bool
    label: str
    source: str

    @property
    def where(self) -> dict[str, Any]:
        """Its place in a frame."""
        return {"family": self.family, **({} if self.scale is None else {"init_scale": self.scale})}


_TRAINABLE = "Our own expectation; Schoenholz et al. 2017 show it for nets of tanh and gradient descent, not Adam"

_TRAINED = (
    _Net("trained plain", _STANDARD, False, "initial scale 1, where gradients vanish", _TRAINABLE),
    _Net("trained plain", _HE, True, "the initial scale of He et al., 2.45", "He et al. 2015, figure 3"),
    _Net("trained plain", _LARGE, False, "initial scale 4, where gradients explode", _TRAINABLE),
    _Net(
        "trained layer norm", None, True, "initial scale 1 and layer norm", "Our own expectation, not of Ba et al. 2016"
    ),
    _Net("trained residual", None, True, "initial scale 1 and residual connections", "He et al. 2016"),
)


@claim(
    "depth",
    says="A ReLU net of 32 layers {trains} with {net.label}.",
    source="{net.source}",
    tolerated="{tolerated}",
    net=_TRAINED,
)
def _training(frame: pd.DataFrame, net: _Net) -> Evidence:
    accuracy = Estimate.of_seeds(seed_table(frame, "accuracy_train", "depth", needs=(32,), **net.where)[32])
    words = {
        "trains": "trains" if net.trains else "does not train",
        "tolerated": f"a training accuracy {'above' if net.trains else 'below'} {LEARNT:g}",
    }
    bounds = (LEARNT, np.inf) if net.trains else (-np.inf, LEARNT)
    return Evidence(f"training accuracy {accuracy.interval:.2f}", [Requirement(accuracy, *bounds)], words)


@plot(whole_study=True)
def plot_gradient_by_layer(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the gradient of each layer of the deepest ReLU nets: plain ones by initial scale, layer norm, residuals."""
    ax = new_axes(ax)
    frame = results.frame()
    rows = frame[frame["metric"].str.startswith("gradient_norm_")]
    plain = rows_where(rows, family="plain", activation="relu")
    depth = values_of(plain, "depth")[-1]
    rows = rows_where(rows, depth=depth)
    rows = rows.assign(layer=rows["metric"].str.rpartition("_")[2].astype(int))
    nets: dict[str, dict[str, Any]] = {
        **{f"scale {scale:.3g}": {"family": "plain", "activation": "relu", "init_scale": scale} for scale in _SCALES},
        "layer norm": {"family": "layer norm", "init_scale": _STANDARD},
        "residual": {"family": "residual"},
    }
    ends = []
    set_scale(ax.yaxis, log=True)
    for label, look in value_looks(nets, "net").items():
        table = pivot_by_seed(rows_where(rows, **nets[label]), "layer")
        layers, found = (
            table.columns.to_numpy(dtype=float),
            [positive_mean_interval(column) for _, column in table.items()],
        )
        means, lows, highs = np.transpose([(each.mean, each.low, each.high) for each in found])
        draw_points(ax, layers, means, (lows, highs), look, label)
        draw_joined(ax, layers, means, look, layers)
        ends.append(End(label, layers[0], means[0], look))
    ax.set(xlabel="layer, from the last to the first", ylabel="gradient norm", xlim=(depth + 1, 0))
    tidy(ax)
    name_curves(ax, ends)
    return ax

"""The study `depth`: gradients by layer, held to the theory of wide random nets, and what of the nets trains."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from estimators.diagnostics import gradient_norms
from estimators.nets import Net
from studies.claims import Claim, claims, told
from studies.inference import Interval, mean_interval
from studies.library.seeds import beyond_doubt, by_seed, draw
from studies.metrics import Fitted, Measured, is_classification, metric
from studies.results import Results

Array = NDArray[np.float64]

_POINTS = 16  # whose losses' gradients are taken, each by itself
_WIDTH = 256  # of the nets that are held to theory
_SLACK = 5 / _WIDTH  # of a slope: fluctuations add up to 5 depth / width, Hanin and Nica 2020
_STANDARD, _HE, _LARGE = 1.0, 6**0.5, 4.0  # initial scales
_TRAINED = 0.9  # training accuracy from which a net counts as trained; chance is 1/2

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(101)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@metric("1", suits=is_classification, default=False)
def gradient_norm(fitted: Fitted) -> Measured:
    """Norm of a point's gradient of the cross-entropy, root mean square over 16 points, for each layer of a net."""
    if not isinstance(fitted.estimator, Net):
        return {}
    module = fitted.estimator.net_.module_
    layers = [f"body.{name}" for name, layer in module.body.named_modules() if hasattr(layer, "in_features")]
    X, y = fitted.train.X[:_POINTS], np.searchsorted(fitted.estimator.classes_, fitted.train.y[:_POINTS])
    norms = [gradient_norms(module, X[[i]], y[[i]], cross_entropy) for i in range(len(X))]
    return {
        str(place): float(np.sqrt(np.mean([norm[layer] ** 2 for norm in norms])))
        for place, layer in enumerate(layers, start=1)
    }


def log_gradient(activation: str, init_scale: float, depth: int) -> float:
    """Return what infinite width makes of the logarithm of the first layer's gradient norm, but for a constant.

    From layer to layer the mean square of a gradient is multiplied by chi = sigma^2 E activation'(z sqrt(q))^2, and
    that of a signal, q, becomes sigma^2 E activation(z sqrt(q))^2: z is standard normal, and sigma^2 = init_scale^2 / 3
    is fan_in times the variance of the weights. Returned is half the sum of log chi over hidden layers; Schoenholz et
    al., Deep information propagation, ICLR 2017, equations 3 and 9, without constants.

    Parameters
    ----------
    activation : {"relu", "tanh"}
    init_scale : float
        Of `estimators.nets.Net`.
    depth : int
        Hidden layers.
    """
    variance, total = init_scale**2 / 3, 0.0
    q = variance  # inputs are standardised
    for _ in range(depth):
        signal, slope = _mean_squares(activation, q)
        total += np.log(variance * slope) / 2
        q = variance * signal
    return total


def _mean_squares(activation: str, q: float) -> tuple[float, float]:
    """Return the mean squares of an activation, and of its derivative, of a normal number of variance q."""
    if activation == "relu":
        return q / 2, 1 / 2
    values = np.tanh(np.sqrt(q) * _NODES)
    return float(_WEIGHTS @ values**2), float(_WEIGHTS @ (1 - values**2) ** 2)


@claims("depth")
def check(frame: pd.DataFrame) -> Iterator[Claim]:
    """Check the decay or growth of gradients by depth, and what trains."""
    plain = frame[frame["family"] == "plain"]
    for (activation, scale), part in plain.groupby(["activation", "init_scale"], sort=False):
        norms = by_seed(part, "gradient_norm_1", "depth")
        if len(norms.columns) > 1 and len(norms):
            yield _as_in_theory(norms, str(activation), float(scale))
    normed = {
        scale: by_seed(part, "gradient_norm_1", "depth")
        for scale, part in frame[frame["family"] == "layer norm"].groupby("init_scale")
    }
    if normed and all(len(norms) and len(norms.columns) > 1 for norms in normed.values()):
        yield _layer_norm(normed)
    norms = by_seed(frame, "gradient_norm_1", "depth", family="residual")
    if len(norms) and len(norms.columns) > 1:
        yield _residual(norms)
    deepest = frame[(frame["depth"] == frame["depth"].max()) & frame["family"].str.startswith("trained")]
    accuracies = deepest[deepest["metric"] == "accuracy_train"]
    for family, scale, trains, label, source in _TRAINING:
        found = accuracies[accuracies["family"] == family]
        if scale is not None:
            found = found[np.isclose(found["init_scale"].astype(float), scale)]
        if len(found):
            yield _training(found.set_index("seed")["value"], int(deepest["depth"].max()), trains, label, source)


_TRAINING = (
    ("trained plain", _STANDARD, False, "initial scale 1, where gradients vanish", "Schoenholz et al. 2017, figure 5"),
    ("trained plain", _HE, True, "the initial scale of He et al.", "He et al. 2015, figure 3"),
    ("trained plain", _LARGE, False, "initial scale 4, where gradients explode", "Schoenholz et al. 2017, figure 5"),
    ("trained layer norm", None, True, "initial scale 1 and layer norm", "Ba et al. 2016"),
    ("trained residual", None, True, "initial scale 1 and residual connections", "He et al. 2016"),
)
"""Which of the deepest nets should train: family, initial scale if that is an axis, whether, in words, and source."""


def slopes(norms: pd.DataFrame) -> Interval:
    """Return the change of a log norm for each further layer, by least squares for each seed."""
    x, y = norms.columns.to_numpy(dtype=float), np.log(norms.to_numpy(dtype=float))
    return mean_interval(pd.Series(np.polyfit(x, y.T, 1)[0]))


def _as_in_theory(norms: pd.DataFrame, activation: str, scale: float) -> Claim:
    expected = np.array([log_gradient(activation, scale, int(depth)) for depth in norms.columns])
    slope, theory = slopes(norms), float(np.polyfit(norms.columns.to_numpy(dtype=float), expected, 1)[0])
    what = "keeps its size" if abs(theory) < _SLACK else "vanishes" if theory < 0 else "explodes"
    return Claim(
        f"With {activation} and initial scale {scale:.3g} the first layer's gradient {what} with depth,"
        f" by {theory:+.3f} in its logarithm for each layer.",
        {
            "relu": "He et al. 2015, equations 10 and 14: half of log(scale^2 / 6)",
            "tanh": "Glorot and Bengio 2010, section 4.2; Schoenholz et al. 2017, section 4",
        }[activation],
        f"{told(slope, '+.3f')}, to be within {_SLACK:.2f} for width {_WIDTH}",
        slope.low < theory + _SLACK and slope.high > theory - _SLACK,
    )


def _layer_norm(normed: dict[float, pd.DataFrame]) -> Claim:
    found = {scale: slopes(norms) for scale, norms in normed.items()}
    return Claim(
        "With layer norm, the first layer's gradient keeps its size with depth whatever the initial scale (ReLU).",
        "Ba et al. 2016, section 5.1 (invariance to the scale of the weights)",
        ", ".join(f"{told(slope, '+.3f')} at scale {scale:.3g}" for scale, slope in found.items()),
        all(slope.low < _SLACK and slope.high > -_SLACK for slope in found.values()),
    )


def _residual(norms: pd.DataFrame) -> Claim:
    slope = slopes(norms)
    return Claim(
        "With residual connections, the first layer's gradient does not vanish with depth at initial scale 1 (ReLU).",
        "He et al. 2016 (Identity mappings), equation 5",
        f"{told(slope, '+.3f')} in its logarithm for each layer; {np.log(1 / 6) / 2:+.3f} without, in theory",
        beyond_doubt(Interval(slope.mean + _SLACK, slope.low + _SLACK, slope.high + _SLACK)),
    )


def _training(accuracy: pd.Series, depth: int, trains: bool, label: str, source: str) -> Claim:
    interval = mean_interval(accuracy)
    does = True if interval.low > _TRAINED else False if interval.high < _TRAINED else None
    return Claim(
        f"A ReLU net of {depth} layers {'trains' if trains else 'does not train'} with {label}.",
        source,
        f"training accuracy {told(interval)}",
        None if does is None else does is trains,
    )


def plot_by_depth(results: Results, ax: Axes | None = None, activation: str = "relu") -> Axes:
    """Draw the first layer's gradient of plain nets against depth, a colour for each initial scale; theory dashed."""
    ax = ax or plt.gca()
    frame = results.frame().query("family == 'plain' and activation == @activation")
    for scale, colour in zip(sorted(frame["init_scale"].unique()), sns.color_palette("colorblind"), strict=False):
        norms = by_seed(frame, "gradient_norm_1", "depth", init_scale=scale)
        draw(ax, norms, color=colour, label=f"scale {scale:.3g}")
        theory = np.array([log_gradient(activation, scale, int(depth)) for depth in norms.columns])
        constant = np.log(norms).mean().mean() - theory.mean()
        ax.plot(norms.columns.astype(float), np.exp(theory + constant), color=colour, ls="--", lw=1)
    ax.set(yscale="log", xlabel="hidden layers", ylabel="first layer's gradient", title=activation)
    return _finished(ax)


def plot_by_layer(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the gradient of each layer of the deepest ReLU nets: plain ones by initial scale, layer norm, residuals."""
    ax = ax or plt.gca()
    frame = results.frame()
    rows = frame[(frame["depth"] == frame["depth"].max()) & frame["metric"].str.startswith("gradient_norm_")]
    rows = rows.assign(layer=rows["metric"].str.rpartition("_")[2].astype(int))
    plain = rows.query("family == 'plain' and activation == 'relu'")
    parts = {
        **{f"scale {scale:.3g}": part for scale, part in plain.groupby("init_scale")},
        "layer norm": rows.query("family == 'layer norm' and init_scale == 1"),
        "residual": rows.query("family == 'residual'"),
    }
    for (label, part), colour in zip(parts.items(), sns.color_palette("colorblind"), strict=False):
        draw(ax, part.pivot(index="seed", columns="layer", values="value"), color=colour, label=label, marker="")
    ax.set(yscale="log", xlabel="layer", ylabel="gradient")
    return _finished(ax)


def plot_training(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the training accuracy after training against depth."""
    ax = ax or plt.gca()
    frame = results.frame()
    learners = frame[frame["family"].str.startswith("trained")].groupby(["family", "init_scale"], dropna=False)
    for ((family, scale), part), colour in zip(learners, sns.color_palette("colorblind"), strict=False):
        label = family.removeprefix("trained ") + ("" if np.isnan(scale) else f", scale {scale:.3g}")
        draw(ax, by_seed(part, "accuracy_train", "depth"), color=colour, label=label)
    ax.set(xlabel="hidden layers", ylabel="training accuracy", ylim=(0.4, 1.02))
    return _finished(ax)


def _finished(ax: Axes) -> Axes:
    ax.legend(frameon=False, fontsize=8)
    ax.grid(which="major", color="0.9")
    sns.despine(ax=ax)
    return ax

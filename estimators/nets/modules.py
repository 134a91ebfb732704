"""The torch networks, as lists of layers."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from estimators.nets import compiled


class Square(nn.Module):
    """The square as an activation; with it, two linear layers can be any quadratic form."""

    def forward(self, X: Tensor) -> Tensor:
        """Square each entry."""
        return X.square()


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "square": Square,
}


class PriorLayer(nn.Module):
    """A prior's change of coordinates as a layer, so that gradients are with respect to the raw input.

    Parameters
    ----------
    prior : transformer with ``coordinates``
    learnt : dict of str to ndarray
        Initial values of what the prior learns.
    """

    def __init__(self, prior: Any, learnt: dict[str, Any]) -> None:
        super().__init__()
        self.prior = prior
        for name, start in learnt.items():
            self.register_parameter(name, nn.Parameter(torch.tensor(start, dtype=torch.float64, device="cpu")))

    def forward(self, X: Tensor) -> Tensor:
        """Map (n, n_features) to the prior's coordinates."""
        new: Tensor = self.prior.coordinates(X, **dict(self.named_parameters()))
        return new


class Standardize(nn.Module):
    """Subtract a constant mean and divide by a constant standard deviation, in float64.

    In float32 the differences of points far from the origin are lost before the mean is subtracted.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float64, device="cpu"))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float64, device="cpu"))

    @property
    def lipschitz(self) -> float:
        """Lipschitz constant, for `estimators.diagnostics.lipschitz_upper_bound`."""
        return float(1 / self.std.min())

    def forward(self, X: Tensor) -> Tensor:
        """Standardise each column."""
        return (X - self.mean) / self.std


class Residual(nn.Sequential):
    """Layers whose input is added to their output (He et al., Deep Residual Learning, CVPR 2016)."""

    def forward(self, X: Tensor) -> Tensor:
        """Return the input plus the output of the layers."""
        out: Tensor = X + super().forward(X)
        return out


class Dropout(nn.Dropout):
    """Dropout whose draws depend on seed, layer and step only, and on no generator.

    Parameters
    ----------
    p : float
    seed, layer : int

    Attributes
    ----------
    step : int
        The step of the training, counted from 1; 0 before the first.
    """

    lipschitz = 1.0
    """Of prediction, for `estimators.diagnostics.lipschitz_upper_bound`."""

    def __init__(self, p: float, seed: int, layer: int) -> None:
        super().__init__(p)
        self.seed, self.layer, self.step = seed, layer, 0

    def forward(self, X: Tensor) -> Tensor:
        """Set entries to 0 at random and divide the others by their share, in training only."""
        if not self.training:
            return X
        draws = compiled.uniforms(self.seed, compiled.DROPOUT, self.step, self.layer, X.numel(), 1.0)
        kept = torch.from_numpy(np.where(draws >= 2 * self.p - 1, 1 / (1 - self.p), 0.0)).view(X.shape)
        return X * kept.to(X)


class MLP(nn.Module):
    """A fully connected network, ``body``, behind input layers, ``inputs``.

    `depth` counts hidden layers. With linear layers L and activations A, the body of depth 0 is L, of depth 1 L A L, of
    depth 2 L A L A L. With `layer_norm` each A is preceded by a LayerNorm, with `dropout` followed by a Dropout; with
    `residual` every hidden layer but the first adds its input to its output. Weights are not initialised.

    Parameters
    ----------
    inputs : iterable of Module
        Layers in front: a prior, a standardisation.
    n_inputs : int
        Their outputs.
    n_outputs, depth, width : int
    activation : str
        A name in `ACTIVATIONS`.
    dropout : float
        Probability of dropping a hidden unit.
    layer_norm, residual : bool
    bias : bool
        Whether linear layers have a constant.
    seed : int
        Of dropout.
    dtype : str
        Of the body.
    """

    def __init__(
        self,
        inputs: Iterable[nn.Module],
        n_inputs: int,
        n_outputs: int,
        *,
        depth: int,
        width: int,
        activation: str,
        dropout: float = 0.0,
        layer_norm: bool = False,
        residual: bool = False,
        bias: bool = True,
        seed: int = 0,
        dtype: str = "float32",
    ) -> None:
        super().__init__()
        options: dict[str, Any] = {"dtype": getattr(torch, dtype), "device": "cpu"}
        layers: list[nn.Module] = []
        for index in range(depth):
            hidden: list[nn.Module] = [skip_init(nn.Linear, n_inputs, width, bias=bias, **options)]
            if layer_norm:
                hidden.append(nn.LayerNorm(width, **options))
            hidden.append(ACTIVATIONS[activation]())
            if dropout:
                hidden.append(Dropout(dropout, seed, index))
            layers += [Residual(*hidden)] if residual and index else hidden
            n_inputs = width
        self.inputs = nn.Sequential(*inputs)
        self.body = nn.Sequential(*layers, skip_init(nn.Linear, n_inputs, n_outputs, bias=bias, **options))

    def forward(self, X: Tensor, sample_weight: Tensor | None = None) -> Tensor:  # noqa: ARG002  skorch passes it
        """Map raw points (n, n_features) to outputs (n, n_outputs)."""
        features: Tensor = self.inputs(X)
        out: Tensor = self.body(features.to(next(self.body.parameters()).dtype))
        return out

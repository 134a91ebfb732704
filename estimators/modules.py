"""The torch networks, as lists of layers."""

from typing import Any

import torch
from torch import Tensor, nn

from estimators.priors import Prior

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU}


class PriorLayer(nn.Module):
    """A prior's change of coordinates as a layer, so that gradients are with respect to the raw input."""

    def __init__(self, prior: Prior) -> None:
        super().__init__()
        self.prior = prior

    def forward(self, X: Tensor) -> Tensor:
        """Map (n, n_features) to the prior's coordinates."""
        new: Tensor = self.prior.coordinates(X)
        return new


class Standardize(nn.Module):
    """Subtract a mean and divide by a standard deviation that are known beforehand, and constant."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.get_default_dtype()))
        self.register_buffer("std", torch.as_tensor(std, dtype=torch.get_default_dtype()))

    @property
    def lipschitz(self) -> float:
        """Lipschitz constant, as `estimators.diagnostics.lipschitz_upper_bound` asks for it."""
        return float(1 / self.std.min())

    def forward(self, X: Tensor) -> Tensor:
        """Standardise each column."""
        return (X - self.mean) / self.std


class MLP(nn.Module):
    """A fully connected network, ``body``, behind constant layers, ``inputs``.

    `depth` counts hidden layers. With linear layers L and activations A, the body of depth 0 is L, of depth 1 L A L, of
    depth 2 L A L A L. With `layer_norm` each A is preceded by a LayerNorm, with `dropout` followed by a Dropout.

    Parameters
    ----------
    inputs : list of Module
        Layers in front that do not learn: a prior, a standardisation.
    n_inputs : int
        What they put out.
    n_outputs, depth, width : int
    activation : str
        A name in `ACTIVATIONS`.
    dropout : float
        Probability of dropping a hidden unit.
    layer_norm : bool
    """

    def __init__(
        self,
        inputs: list[nn.Module],
        n_inputs: int,
        n_outputs: int,
        *,
        depth: int,
        width: int,
        activation: str,
        dropout: float,
        layer_norm: bool,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers.append(nn.Linear(n_inputs, width))
            if layer_norm:
                layers.append(nn.LayerNorm(width))
            layers.append(ACTIVATIONS[activation]())
            if dropout:
                layers.append(nn.Dropout(dropout))
            n_inputs = width
        self.inputs = nn.Sequential(*inputs)
        self.body = nn.Sequential(*layers, nn.Linear(n_inputs, n_outputs))

    def forward(self, X: Tensor) -> Tensor:
        """Map raw points (n, n_features) to logits (n, n_outputs)."""
        logits: Tensor = self.body(self.inputs(X))
        return logits

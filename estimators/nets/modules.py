"""The torch networks, as lists of layers."""

from typing import Any

import torch
from torch import Tensor, nn

from estimators.priors import Prior


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
    prior : Prior
    n_features : int
        Of the raw input.
    """

    def __init__(self, prior: Prior, n_features: int) -> None:
        super().__init__()
        self.prior = prior
        for name, start in prior.learnable(n_features).items():
            self.register_parameter(name, nn.Parameter(torch.as_tensor(start, dtype=torch.get_default_dtype())))

    def forward(self, X: Tensor) -> Tensor:
        """Map (n, n_features) to the prior's coordinates."""
        new: Tensor = self.prior.coordinates(X, **dict(self.named_parameters()))
        return new


class Standardize(nn.Module):
    """Subtract a constant mean and divide by a constant standard deviation."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.get_default_dtype()))
        self.register_buffer("std", torch.as_tensor(std, dtype=torch.get_default_dtype()))

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


class MLP(nn.Module):
    """A fully connected network, ``body``, behind input layers, ``inputs``.

    `depth` counts hidden layers. With linear layers L and activations A, the body of depth 0 is L, of depth 1 L A L, of
    depth 2 L A L A L. With `layer_norm` each A is preceded by a LayerNorm, with `dropout` followed by a Dropout; with
    `residual` every hidden layer but the first adds its input to its output.

    Parameters
    ----------
    inputs : list of Module
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
    init_scale : float
        Factor on the weights that torch draws, whose variance is 1 / (3 fan_in).
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
        dropout: float = 0.0,
        layer_norm: bool = False,
        residual: bool = False,
        bias: bool = True,
        init_scale: float = 1.0,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(depth):
            hidden: list[nn.Module] = [nn.Linear(n_inputs, width, bias)]
            if layer_norm:
                hidden.append(nn.LayerNorm(width))
            hidden.append(ACTIVATIONS[activation]())
            if dropout:
                hidden.append(nn.Dropout(dropout))
            layers += [Residual(*hidden)] if residual and index else hidden
            n_inputs = width
        self.inputs = nn.Sequential(*inputs)
        self.body = nn.Sequential(*layers, nn.Linear(n_inputs, n_outputs, bias))
        self._rescale(init_scale)

    @property
    def learns_inputs(self) -> bool:
        """Whether the input layers have parameters of their own."""
        return next(self.inputs.parameters(), None) is not None

    def forward(self, X: Tensor) -> Tensor:
        """Map raw points (n, n_features) to outputs (n, n_outputs)."""
        out: Tensor = self.body(self.inputs(X))
        return out

    def _rescale(self, init_scale: float) -> None:
        with torch.no_grad():
            for layer in self.body.modules():
                if isinstance(layer, nn.Linear):
                    layer.weight *= init_scale

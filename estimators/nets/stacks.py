"""Networks of one architecture as one network, with its gradient by hand.

A small net spends its time in the framework's overhead for each operation. A stack does each operation once for all
its nets, on arrays (n_nets, n_points, width), and needs no autograd. Nets of a stack do not affect each other: each is
the same in any stack, bit for bit, if MKL computes reproducibly (MKL_CBWR=AUTO).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from estimators.nets.losses import LossGradient
from estimators.nets.modules import MLP, Residual, Square


class Stack:
    """Networks of one architecture, trained as one.

    The stack has its own copy of their parameters; `publish` writes it back.

    Parameters
    ----------
    networks : sequence of MLP
    generators : sequence of Generator
        From which each draws its dropout.

    Attributes
    ----------
    values, gradient : Tensor of shape (n_values,)
        All parameters of all networks, and their gradient at the last `step`.
    """

    @torch.no_grad()
    def __init__(self, networks: Sequence[MLP], generators: Sequence[Generator]) -> None:
        self._networks = networks
        self._parameters = list(zip(*(network.parameters() for network in networks), strict=True))
        first = self._parameters[0][0]
        n_values = sum(len(networks) * group[0].numel() for group in self._parameters)
        self.values = torch.empty(n_values, dtype=first.dtype, device=first.device)
        self.gradient = torch.zeros_like(self.values)
        for own, parameter in self.pairs(self.values):
            own.copy_(parameter)
        blocks = list(zip(self.blocks(self.values), self.blocks(self.gradient), strict=True))
        n_of_inputs = len(list(networks[0].inputs.parameters()))
        self._learnt_inputs = blocks[:n_of_inputs]
        self._dropouts: list[_Dropout] = []
        self._body = self._stacked([network.body for network in networks], iter(blocks[n_of_inputs:]), generators)
        self._body.layers[0].of_inputs = bool(self._learnt_inputs)

    def blocks(self, flat: Tensor) -> list[Tensor]:
        """View a tensor of the shape of `values` as one (n_networks, ...) for each parameter."""
        sizes = [len(group) * group[0].numel() for group in self._parameters]
        shapes = [(len(group), *group[0].shape) for group in self._parameters]
        return [part.view(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)]

    def pairs(self, flat: Tensor) -> Iterator[tuple[Tensor, nn.Parameter]]:
        """Yield each parameter after its part of a tensor of the shape of `values`."""
        for group, block in zip(self._parameters, self.blocks(flat), strict=True):
            yield from zip(block, group, strict=True)

    @torch.no_grad()
    def publish(self) -> None:
        """Write the current values to the networks' parameters."""
        for own, parameter in self.pairs(self.values):
            parameter.copy_(own)

    @torch.no_grad()
    def outputs(self, X: Tensor) -> Tensor:
        """Map `X`, as `step` takes it, to (n_networks, n_points, n_outputs), without dropout."""
        return self._forward(self._features(X), training=False)

    @torch.no_grad()
    def step(self, loss: LossGradient, X: Tensor, y: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
        """Compute the gradient of each network's mean loss over its points, into `gradient`.

        Parameters
        ----------
        loss : callable
            See `estimators.nets.losses`.
        X : Tensor of shape (n_networks, n_points, n_inputs)
            Inputs of the bodies, or of the networks if their input layers have parameters.
        y : Tensor of shape (n_networks, n_points) or (n_networks, n_points, n_outputs)
        weight : Tensor of shape (n_networks, n_points) or None
            None is one for all.

        Returns
        -------
        losses : Tensor of shape (n_networks,)
        outputs : Tensor of shape (n_networks, n_points, n_outputs)
        """
        features = self._features(X)
        outputs = self._forward(features, training=True)
        losses, gradient = loss(outputs, y)
        share = shares(weight, X)
        gradient *= share if weight is None else share.unsqueeze(-1)  # type: ignore[union-attr]
        gradient = self._body.backward(gradient)
        if self._learnt_inputs:
            self._learn_inputs(features, gradient)
        return (losses * share).sum(dim=1), outputs

    def _forward(self, features: Tensor, *, training: bool) -> Tensor:
        for dropout in self._dropouts:
            dropout.draws = training
        return self._body.forward(features)

    def _features(self, X: Tensor) -> Tensor:
        """Return the inputs of the bodies."""
        if not self._learnt_inputs:
            return X
        self.publish()
        with torch.enable_grad():
            return torch.stack([network.inputs(own) for network, own in zip(self._networks, X, strict=True)])

    def _learn_inputs(self, features: Tensor, gradient: Tensor) -> None:
        """Compute the gradient of the input layers' parameters by autograd, because a prior may be any function."""
        groups = self._parameters[: len(self._learnt_inputs)]
        found = iter(torch.autograd.grad(features, [p for group in groups for p in group], gradient))
        for _, block in self._learnt_inputs:
            block.copy_(torch.stack([next(found) for _ in block]))

    def _stacked(
        self,
        modules: Sequence[nn.Module],
        blocks: Iterator[tuple[Tensor, Tensor]],
        generators: Sequence[Generator],
    ) -> Any:
        """Return the same module of all networks as one layer; it takes its parameters from `blocks`."""
        first = modules[0]
        if isinstance(first, nn.Sequential):
            chain = _Residual if isinstance(first, Residual) else _Chain
            return chain([self._stacked(group, blocks, generators) for group in zip(*modules, strict=True)])
        if isinstance(first, nn.Linear):
            return _Linear(next(blocks), None if first.bias is None else next(blocks))
        if isinstance(first, nn.LayerNorm):
            return _LayerNorm(next(blocks), next(blocks), first.eps)
        if isinstance(first, nn.Dropout):
            rates: list[Any] = [module.p for module in modules]
            self._dropouts.append(_Dropout(rates, generators))
            return self._dropouts[-1]
        return _Activation(*_ACTIVATIONS[type(first)])


def shares(weight: Tensor | None, X: Tensor) -> Tensor | float:
    """Return each point's share (n_nets, n_points) in its network's mean loss: weights that sum to one."""
    if weight is None:
        return 1 / X.shape[1]
    return weight / weight.sum(dim=1, keepdim=True).clamp_min(1e-30)


class _Layer:
    """A layer of all networks: its forward pass, and its backward pass for the gradient."""

    def forward(self, X: Tensor) -> Tensor:
        """Return the output, and store the arrays for `backward`."""
        raise NotImplementedError

    def backward(self, G: Tensor) -> Tensor:
        """Turn the gradient of the output, which may be overwritten, into that of the input."""
        raise NotImplementedError


class _Linear(_Layer):
    def __init__(self, weight: tuple[Tensor, Tensor], bias: tuple[Tensor, Tensor] | None) -> None:
        self.weight, self.weight_gradient = weight
        self.bias: Tensor | None
        self.bias_gradient: Tensor | None
        self.bias, self.bias_gradient = bias or (None, None)
        self.of_inputs = True  # whether the gradient of the input is needed

    def forward(self, X: Tensor) -> Tensor:
        self.X = X
        if self.bias is None:
            return torch.bmm(X, self.weight.mT)
        return torch.baddbmm(self.bias.unsqueeze(1), X, self.weight.mT)

    def backward(self, G: Tensor) -> Tensor:
        if self.bias_gradient is not None:
            torch.sum(G, dim=1, out=self.bias_gradient)
        if G.shape[2] <= self.X.shape[2]:
            torch.bmm(G.mT, self.X, out=self.weight_gradient)
        else:  # BLAS is six times as fast if the result has few rows than if it has few columns
            self.weight_gradient.copy_(torch.bmm(self.X.mT, G).mT)
        return torch.bmm(G, self.weight) if self.of_inputs else G


class _LayerNorm(_Layer):
    def __init__(self, scale: tuple[Tensor, Tensor], shift: tuple[Tensor, Tensor], eps: float) -> None:
        self.scale, self.scale_gradient = scale
        self.shift, self.shift_gradient = shift
        self.eps = eps
        self.unit = torch.ones_like(self.scale[0]), torch.zeros_like(self.scale[0])  # without them torch is slower

    def forward(self, X: Tensor) -> Tensor:
        self.X = X
        self.normed, self.mean, self.rstd = torch.native_layer_norm(X, X.shape[-1:], *self.unit, self.eps)
        return torch.addcmul(self.shift.unsqueeze(1), self.normed, self.scale.unsqueeze(1))

    def backward(self, G: Tensor) -> Tensor:
        torch.sum(G, dim=1, out=self.shift_gradient)
        torch.sum(self.normed.mul_(G), dim=1, out=self.scale_gradient)
        scaled = G.mul_(self.scale.unsqueeze(1))
        wanted = [True, False, False]
        gradient: Tensor = torch.ops.aten.native_layer_norm_backward(
            scaled, self.X, self.X.shape[-1:], self.mean, self.rstd, None, None, wanted
        )[0]
        return gradient


class _Activation(_Layer):
    def __init__(self, function: Callable[[Tensor], Tensor], slope: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.function, self.slope = function, slope

    def forward(self, X: Tensor) -> Tensor:
        self.X, self.out = X, self.function(X)
        return self.out

    def backward(self, G: Tensor) -> Tensor:
        return G.mul_(self.slope(self.X, self.out))


class _Dropout(_Layer):
    """Each network's own dropout, drawn as torch's Dropout draws."""

    def __init__(self, rates: list[float], generators: Sequence[Generator]) -> None:
        self.rates, self.generators = rates, generators
        self.draws = True

    def forward(self, X: Tensor) -> Tensor:
        if not self.draws:
            return X
        self.factor = torch.empty(X.shape, dtype=X.dtype)
        for factor, rate, generator in zip(self.factor, self.rates, self.generators, strict=True):
            factor.bernoulli_(1 - rate, generator=generator).div_(1 - rate)
        self.factor = self.factor.to(X.device)
        return X * self.factor

    def backward(self, G: Tensor) -> Tensor:
        return G.mul_(self.factor)


class _Chain(_Layer):
    def __init__(self, layers: list[_Layer]) -> None:
        self.layers = layers

    def forward(self, X: Tensor) -> Tensor:
        for layer in self.layers:
            X = layer.forward(X)
        return X

    def backward(self, G: Tensor) -> Tensor:
        for layer in reversed(self.layers):
            G = layer.backward(G)
        return G


class _Residual(_Chain):
    def forward(self, X: Tensor) -> Tensor:
        return X + super().forward(X)

    def backward(self, G: Tensor) -> Tensor:
        return G + super().backward(G.clone())


def _tanh_slope(_: Tensor, out: Tensor) -> Tensor:
    return 1 - out**2


def _gelu(X: Tensor) -> Tensor:
    return X * _normal_area(X)


def _gelu_slope(X: Tensor, _: Tensor) -> Tensor:
    return _normal_area(X) + X * torch.exp(-(X**2) / 2) / math.sqrt(2 * math.pi)


def _silu(X: Tensor) -> Tensor:
    return X * _gate(X)


def _silu_slope(X: Tensor, _: Tensor) -> Tensor:
    gate = _gate(X)
    return gate * (1 + X * (1 - gate))


def _normal_area(X: Tensor) -> Tensor:
    return (1 + torch.erf(X / math.sqrt(2))) / 2


def _gate(X: Tensor) -> Tensor:
    """Return the logistic function; torch's own is rounded differently at the end of an array than in its middle."""
    return 1 / (1 + torch.exp(-X))


_ACTIVATIONS: dict[type[nn.Module], tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    nn.ReLU: (lambda X: X.clamp_min_(0), lambda _, out: out.sign_()),  # in place: their inputs are not used again
    nn.Tanh: (torch.tanh, _tanh_slope),
    nn.GELU: (_gelu, _gelu_slope),
    nn.SiLU: (_silu, _silu_slope),
    Square: (torch.square, lambda X, _: 2 * X),
}
"""Activations, and their derivatives as functions of input and output."""

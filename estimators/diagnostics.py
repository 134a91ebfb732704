"""Diagnostics of a fitted function: its input gradients, its feature matrices, its Lipschitz constant.

A function is a fitted estimator with a method ``gradients``, a torch module, or a function of tensors that maps each
row by itself. The module of a fitted net is ``net.net_.module_``; its inputs are raw points.

A module is copied first: to the CPU, in float64 and evaluation mode, with its parameters fixed (`as_double`). Neither
the module nor torch's global state is changed.
"""

import copy
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from estimators.feature_matrices import agop, principal_angles, share_inside
from toymanifold.validation import check_integer, check_real, error_message

__all__ = [
    "agop",
    "as_double",
    "average_gradient_outer_product",
    "feature_ansatz",
    "gradient_norms",
    "input_gradients",
    "lipschitz_lower_bound",
    "lipschitz_upper_bound",
    "neural_feature_matrices",
    "principal_angles",
    "share_inside",
]

Floats = NDArray[np.float64]


@runtime_checkable
class Differentiable(Protocol):
    """A fitted estimator with gradients, such as a net, a kernel machine or a model on random features."""

    def gradients(self, X: ArrayLike) -> Floats:
        """Return the gradient of each output at each row of `X` (n, d) as (n, d, n_outputs)."""


Function = Differentiable | nn.Module | Callable[[Tensor], Tensor]
_F = TypeVar("_F", bound=Function)

STEEPEST: dict[type[nn.Module], float] = {
    nn.Dropout: 1.0,
    nn.Identity: 1.0,
    nn.Sequential: 1.0,  # an empty one; others are seen as their layers
    nn.ReLU: 1.0,
    nn.Tanh: 1.0,
    nn.GELU: 1.13,  # rounded up; at sqrt(2)
    nn.SiLU: 1.1,  # rounded up; at 2.4
}
"""Lipschitz constants of layers without parameters."""

_recording = torch.inference_mode(False)
"""Decorator that records gradients, whatever the caller's grad or inference mode."""


@_recording
def as_double(module: nn.Module) -> nn.Module:
    """Return a copy on the CPU, in float64 and evaluation mode, whose parameters take no gradient."""
    return copy.deepcopy(module).to("cpu", torch.float64).eval().requires_grad_(False)


@_recording
def input_gradients(function: Function, X: ArrayLike) -> Floats:
    """Return the gradient of each output at each row of `X` (n, d).

    Parameters
    ----------
    function : estimator, Module or callable
        An estimator has a method ``gradients``. Anything else maps tensors (n, d) to (n,) or (n, n_outputs).
    X : array-like of shape (n, d)

    Returns
    -------
    gradients : ndarray of shape (n, d) or (n, d, n_outputs)

    Examples
    --------
    >>> input_gradients(lambda X: X.square().sum(dim=1), [[1.0, 2.0]])
    array([[2., 4.]])
    """
    if isinstance(function, Differentiable):
        return function.gradients(X)
    points = _points(X, "input_gradients").requires_grad_()
    outputs = _double(function)(points)
    gradients = _jacobian(outputs, [points])[0]
    return gradients[:, :, 0] if outputs.ndim == 1 else gradients


def average_gradient_outer_product(function: Function, X: ArrayLike) -> Floats:
    """Return the `agop` of the `input_gradients` of a function at the rows of `X`.

    Parameters
    ----------
    function : estimator, Module or callable
        As for `input_gradients`.
    X : array-like of shape (n, d)

    Returns
    -------
    matrix : ndarray of shape (d, d)

    Examples
    --------
    >>> average_gradient_outer_product(torch.nn.Identity(), [[1.0, 2.0]])
    array([[1., 0.],
           [0., 1.]])
    """
    return agop(input_gradients(function, X))


def neural_feature_matrices(module: nn.Module) -> dict[str, Floats]:
    """Return W^T W of each linear layer, by the layer's name.

    Parameters
    ----------
    module : Module

    Returns
    -------
    matrices : dict of str to ndarray of shape (n_inputs, n_inputs)

    Examples
    --------
    >>> from estimators import NetClassifier
    >>> net = NetClassifier(depth=1, epochs=0, random_state=0).fit([[0.0, 0.0], [1.0, 1.0]], [0, 1])
    >>> {name: matrix.shape for name, matrix in neural_feature_matrices(net.net_.module_).items()}
    {'body.0': (2, 2), 'body.2': (64, 64)}
    """
    return {name: (layer.weight.T @ layer.weight).numpy() for name, layer in _linear(as_double(module))}


@_recording
def feature_ansatz(module: nn.Module, X: ArrayLike, *, power: float = 1.0) -> dict[str, float]:
    r"""Return the agreement of each linear layer with the neural feature ansatz.

    The ansatz is :math:`W^\top W \propto G^\alpha`, with G the average gradient outer product of the whole net with
    respect to that layer's input (Radhakrishnan et al. 2024, see `agop`).

    Parameters
    ----------
    module : Module
        Calls each of its linear layers once.
    X : array-like of shape (n, d)
    power : float, default=1.0
        Exponent alpha. 1 is the ansatz as first stated, and exact for a last layer; 1/2 is in use as well, and exact
        for the layer before a last one if both are linear and balanced.

    Returns
    -------
    correlations : dict of str to float
        Cosine of the angle between the two matrices as vectors, in [0, 1]; nan if one of them is 0.

    Examples
    --------
    >>> feature_ansatz(torch.nn.Linear(2, 1), [[1.0, 2.0], [3.0, 1.0]])
    {'': 1.0}
    """
    check_real(power, "power", "feature_ansatz", low=0, closed="()")
    double, points = as_double(module), _points(X, "feature_ansatz").requires_grad_()
    inputs: dict[str, Tensor] = {}
    for name, layer in _linear(double):
        layer.register_forward_pre_hook(lambda _, args, name=name: inputs.update({name: args[0]}))
    gradients = _jacobian(double(points), list(inputs.values()))
    features = neural_feature_matrices(module)
    return {name: _cosine(features[name], _power(agop(G), power)) for name, G in zip(inputs, gradients, strict=True)}


def lipschitz_lower_bound(function: Function, X: ArrayLike, *, n_steps: int = 30, step: float = 0.05) -> float:
    """Return the largest spectral norm of the Jacobian that gradient ascent from the rows of `X` finds.

    The ascent direction is the difference of the gradients at two points, a step to either side along the steepest
    direction. A second derivative would not do: that of a ReLU net is 0 almost everywhere.

    Parameters
    ----------
    function : estimator, Module or callable
        As for `input_gradients`; differentiable almost everywhere.
    X : array-like of shape (n, d)
        Starting points of the ascent.
    n_steps : int, default=30
        0 is the maximum over the points themselves.
    step : float, default=0.05
        Length of a step, in units of the root mean square distance of `X` from its mean.

    Returns
    -------
    bound : float

    Examples
    --------
    >>> lipschitz_lower_bound(lambda X: 3 * X[:, 0], [[0.0, 0.0], [1.0, 1.0]])
    3.0
    """
    owner = "lipschitz_lower_bound"
    check_integer(n_steps, "n_steps", owner, low=0)
    check_real(step, "step", owner, low=0, closed="()")
    function, points, largest = _double(function), _points(X, owner).numpy(), 0.0
    h = step * (np.sqrt(points.var(axis=0).sum()) or 1.0)

    def transposed_jacobians(points: Floats) -> Floats:
        return input_gradients(function, points).reshape(*points.shape, -1)

    for _ in range(n_steps + 1):
        V, norms, Ut = np.linalg.svd(transposed_jacobians(points), full_matrices=False)
        largest = max(largest, norms.max())
        u, v = Ut[:, 0], V[:, :, 0]
        change = transposed_jacobians(points + h * v) - transposed_jacobians(points - h * v)
        ascent = np.einsum("ndo,no->nd", change, u)
        lengths = np.linalg.norm(ascent, axis=1, keepdims=True)
        points = points + h * ascent / np.where(lengths > 0, lengths, 1.0)
    return float(largest)


@_recording
def lipschitz_upper_bound(module: nn.Module, X: ArrayLike) -> float:
    """Return the product of the Lipschitz constants of the layers.

    The constant of a linear layer is its spectral norm, that of LayerNorm 1 / sqrt(eps) times its largest weight, which
    is rarely of use; `STEEPEST` has layers without parameters. Any other layer may have an attribute ``lipschitz``.

    Parameters
    ----------
    module : Module
        A chain: the input of each layer is the output of the layer before. A forward pass checks this.
    X : array-like of shape (n, d)
        Any points, for that pass.

    Returns
    -------
    bound : float

    Raises
    ------
    ValueError
        If a layer's constant is not known, or the module is not a chain; the message names the layer.

    Examples
    --------
    >>> layer = torch.nn.Linear(1, 1)
    >>> _ = torch.nn.init.constant_(layer.weight, 2.0)
    >>> lipschitz_upper_bound(torch.nn.Sequential(layer, torch.nn.ReLU()), [[1.0]])
    2.0
    """
    layers = _chain(as_double(module), _points(X, "lipschitz_upper_bound"))
    return float(np.prod([_lipschitz(layer, name) for name, layer in layers]))


@_recording
def gradient_norms(
    module: nn.Module, X: ArrayLike, y: ArrayLike, loss: str | Callable[[Tensor, Tensor], Tensor]
) -> dict[str, float]:
    """Return the norm of the gradient of a loss with respect to each layer's own parameters, by the layer's name.

    Parameters
    ----------
    module : Module
    X : array-like of shape (n, d)
    y : array-like of shape (n,) or (n, n_outputs)
        Class codes, or real values, which are reshaped like the output.
    loss : str or callable
        A function of outputs and `y`, or the name of one in ``torch.nn.functional``, such as "cross_entropy".

    Returns
    -------
    norms : dict of str to float

    Examples
    --------
    >>> layer = torch.nn.Linear(1, 1, bias=False)
    >>> _ = torch.nn.init.constant_(layer.weight, 2.0)
    >>> gradient_norms(layer, [[1.0]], [0.0], "mse_loss")
    {'': 4.0}
    """
    loss_function = getattr(nn.functional, loss) if isinstance(loss, str) else loss
    double = as_double(module).requires_grad_(True)
    outputs, targets = double(_points(X, "gradient_norms")), torch.from_numpy(np.array(y))
    targets = targets.double().reshape(outputs.shape) if targets.is_floating_point() else targets.long()
    loss_function(outputs, targets).backward()
    layers = ((name, list(layer.parameters(recurse=False))) for name, layer in double.named_modules())
    return {name: float(sum(_squares(p) for p in own)) ** 0.5 for name, own in layers if own}


def _double(function: _F) -> _F:
    return as_double(function) if isinstance(function, nn.Module) else function  # type: ignore[return-value]


def _points(X: ArrayLike, owner: str) -> Tensor:
    points = np.array(X, dtype=np.float64)
    if points.ndim != 2 or not len(points) or not np.isfinite(points).all():
        raise ValueError(error_message("X", owner, "finite, of shape (n, d)", f"shape {points.shape}"))
    return torch.from_numpy(points)


def _linear(module: nn.Module) -> list[tuple[str, nn.Linear]]:
    return [(name, layer) for name, layer in module.named_modules() if isinstance(layer, nn.Linear)]


def _jacobian(outputs: Tensor, inputs: list[Tensor]) -> list[Floats]:
    """Return, for each of the inputs (n, d), the gradient of each output as (n, d, n_outputs)."""
    columns = outputs.reshape(len(outputs), -1).sum(dim=0)
    rows = [torch.autograd.grad(column, inputs, retain_graph=True, materialize_grads=True) for column in columns]
    return [torch.stack(parts, dim=2).numpy() for parts in zip(*rows, strict=True)]


def _squares(parameter: Tensor) -> float:
    return 0.0 if parameter.grad is None else float(parameter.grad.square().sum())


def _power(matrix: Floats, power: float) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values.clip(min=0) ** power) @ vectors.T


def _cosine(A: Floats, B: Floats) -> float:
    norms = np.linalg.norm(A) * np.linalg.norm(B)
    return float(np.vdot(A, B) / norms) if norms else float("nan")


def _chain(module: nn.Module, points: Tensor) -> list[tuple[str, nn.Module]]:
    """Return the layers in the order of their calls; raise if there is any computation between them."""
    called: list[tuple[str, nn.Module]] = []
    last = points

    def follow(layer: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        nonlocal last
        if args[0] is not last:
            raise ValueError(f"The input of layer {names[layer]!r} must be the output of the layer before it.")
        called.append((names[layer], layer))
        last = output

    names = {layer: name for name, layer in module.named_modules() if not any(layer.children())}
    for layer in names:
        layer.register_forward_hook(follow)
    if module(points) is not last:
        raise ValueError(f"The output of {type(module).__name__} must be that of its last layer.")
    return called


def _lipschitz(layer: Any, name: str) -> float:
    if hasattr(layer, "lipschitz"):
        return float(layer.lipschitz)
    if type(layer) is nn.Linear:
        return float(torch.linalg.matrix_norm(layer.weight, ord=2))
    if type(layer) is nn.LayerNorm:
        largest = layer.weight.abs().max() if layer.elementwise_affine else torch.tensor(1.0)
        return float(largest) / layer.eps**0.5
    if type(layer) in STEEPEST:
        return STEEPEST[type(layer)]
    raise ValueError(f"The Lipschitz constant of layer {name!r}, a {type(layer).__name__}, is not known.")

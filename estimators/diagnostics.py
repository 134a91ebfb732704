"""What a fitted function does with its input: gradients, the directions it depends on, how steep it is.

Functions of arrays and of torch modules; they know no estimator. Of a fitted net the module to hand in is
``net.net_.module_``, which takes raw points, so that gradients are with respect to them.

A module is copied first: to the CPU, in float64 and evaluation mode, its parameters fixed (`as_double`). Neither it nor
torch's global state is changed. A function of tensors, each row of its result a function of that row of its argument,
is called as it is.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import subspace_angles
from torch import Tensor, nn

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
Function = nn.Module | Callable[[Tensor], Tensor]

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
"""Decorator: gradients are recorded, whatever the caller's grad or inference mode."""


@_recording
def as_double(module: nn.Module) -> nn.Module:
    """Return a copy on the CPU, in float64 and evaluation mode, whose parameters take no gradient."""
    return copy.deepcopy(module).to("cpu", torch.float64).eval().requires_grad_(False)


@_recording
def input_gradients(function: Function, X: ArrayLike) -> Floats:
    """Return the gradient of each output at each row of `X` (n, d).

    Parameters
    ----------
    function : Module or callable
        Maps (n, d) to (n,) or (n, n_outputs).
    X : array-like of shape (n, d)

    Returns
    -------
    gradients : ndarray of shape (n, d) or (n, d, n_outputs)
    """
    points = _points(X, "input_gradients").requires_grad_()
    outputs = _double(function)(points)
    gradients = _jacobian(outputs, [points])[0]
    return gradients[:, :, 0] if outputs.ndim == 1 else gradients


def agop(gradients: ArrayLike) -> Floats:
    """Return the average gradient outer product, summed over outputs.

    Its eigenvectors are the directions that a function depends on, by how much (Radhakrishnan et al., Mechanism for
    feature learning in neural networks and backpropagation-free machine learning models, Science 383, 2024).

    Parameters
    ----------
    gradients : array-like of shape (n, d) or (n, d, n_outputs)

    Returns
    -------
    matrix : ndarray of shape (d, d)
        Positive semi-definite.

    Examples
    --------
    >>> agop([[1.0, 0.0], [0.0, 3.0]])
    array([[0.5, 0. ],
           [0. , 4.5]])
    """
    G = np.asarray(gradients, dtype=np.float64)
    if G.ndim not in (2, 3) or not len(G):
        raise ValueError(error_message("gradients", "agop", "of shape (n, d) or (n, d, n_outputs)", f"shape {G.shape}"))
    G = G.reshape(*G.shape[:2], -1)
    matrix: Floats = np.tensordot(G, G, axes=((0, 2), (0, 2))) / len(G)
    return matrix


def average_gradient_outer_product(function: Function, X: ArrayLike) -> Floats:
    """Return the `agop` (d, d) of the `input_gradients` of a function at the rows of `X` (n, d)."""
    return agop(input_gradients(function, X))


def neural_feature_matrices(module: nn.Module) -> dict[str, Floats]:
    """Return W^T W of each linear layer, by the layer's name."""
    return {name: (layer.weight.T @ layer.weight).numpy() for name, layer in _linear(as_double(module))}


@_recording
def feature_ansatz(module: nn.Module, X: ArrayLike, *, power: float = 1.0) -> dict[str, float]:
    r"""Return how far each linear layer obeys the neural feature ansatz.

    It says that :math:`W^\top W \propto G^\alpha`, with G the average gradient outer product of the whole net with
    respect to that layer's input (Radhakrishnan et al. 2024, as `agop`).

    Parameters
    ----------
    module : Module
        Each of its linear layers is called once.
    X : array-like of shape (n, d)
    power : float, default=1.0
        alpha. 1 is the ansatz as first stated, and exact for a last layer; 1/2 is the other in use, and exact for the
        layer before it where both are linear and balanced.

    Returns
    -------
    correlations : dict of str to float
        Cosine of the angle between the two matrices as vectors, in [0, 1]; nan where one of them is 0.
    """
    check_real(power, "power", "feature_ansatz", low=0, closed="()")
    double, points = as_double(module), _points(X, "feature_ansatz").requires_grad_()
    inputs: dict[str, Tensor] = {}
    for name, layer in _linear(double):
        layer.register_forward_pre_hook(lambda _, args, name=name: inputs.update({name: args[0]}))
    gradients = _jacobian(double(points), list(inputs.values()))
    features = neural_feature_matrices(module)
    return {name: _cosine(features[name], _power(agop(G), power)) for name, G in zip(inputs, gradients, strict=True)}


def principal_angles(matrix: ArrayLike, frame: ArrayLike) -> Floats:
    """Return the angles between the leading eigenvectors of a feature matrix and a known subspace.

    Parameters
    ----------
    matrix : array-like of shape (d, d)
        Symmetric, positive semi-definite.
    frame : array-like of shape (d, k)
        Independent columns; as many eigenvectors are taken.

    Returns
    -------
    angles : ndarray of shape (k,)
        In radians, the largest first; all 0 where the subspace is recovered.
    """
    M, F = _matrix_and_frame(matrix, frame, "principal_angles")
    angles: Floats = subspace_angles(np.linalg.eigh(M)[1][:, -F.shape[1] :], F)
    return angles


def share_inside(matrix: ArrayLike, frame: ArrayLike) -> float:
    """Return the share, in [0, 1], of the trace of a feature matrix (d, d) inside the span of a frame (d, k)."""
    M, F = _matrix_and_frame(matrix, frame, "share_inside")
    if np.trace(M) <= 0:
        raise ValueError(error_message("matrix", "share_inside", "of positive trace", f"trace {np.trace(M):g}"))
    Q = np.linalg.qr(F)[0]
    return float(np.trace(Q.T @ M @ Q) / np.trace(M))


def lipschitz_lower_bound(function: Function, X: ArrayLike, *, n_steps: int = 30, step: float = 0.05) -> float:
    """Return the largest spectral norm of the Jacobian that gradient ascent from the rows of `X` comes by.

    The ascent direction is a difference of gradients at two points, a step to either side along the steepest
    direction, and not a second derivative: that of a ReLU net is 0 almost everywhere.

    Parameters
    ----------
    function : Module or callable
        Maps (n, d) to (n,) or (n, n_outputs), differentiable almost everywhere.
    X : array-like of shape (n, d)
        Where the ascents start.
    n_steps : int, default=30
        0 is the maximum over the points themselves.
    step : float, default=0.05
        Length of a step, by the root mean square distance of `X` from its mean.
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
    """Return the product of the Lipschitz constants of the layers, the spectral norm being that of a linear one.

    Known are Linear, LayerNorm (1 / sqrt(eps) times its largest weight: rarely of use) and those of `STEEPEST`; any
    other layer may tell its own as an attribute ``lipschitz``.

    Parameters
    ----------
    module : Module
        A chain: each layer takes what the one before puts out. A forward pass makes sure of it.
    X : array-like of shape (n, d)
        Any points, for that pass.

    Raises
    ------
    ValueError
        Where a layer's constant is not known, or the module is no chain; the layer is named.
    """
    layers = _chain(as_double(module), _points(X, "lipschitz_upper_bound"))
    return float(np.prod([_lipschitz(layer, name) for name, layer in layers]))


@_recording
def gradient_norms(
    module: nn.Module, X: ArrayLike, y: ArrayLike, loss: Callable[[Tensor, Tensor], Tensor]
) -> dict[str, float]:
    """Return the norm of the gradient of a loss with respect to each layer's own parameters, by the layer's name.

    Parameters
    ----------
    module : Module
    X : array-like of shape (n, d)
    y : array-like of shape (n,) or (n, n_outputs)
        As the loss takes them: class codes as int64; real values are given the shape of the output.
    loss : callable
        Of outputs and `y`, say ``torch.nn.functional.cross_entropy``.
    """
    double = as_double(module).requires_grad_(True)
    outputs, targets = double(_points(X, "gradient_norms")), torch.from_numpy(np.array(y))
    targets = targets.double().reshape(outputs.shape) if targets.is_floating_point() else targets.long()
    loss(outputs, targets).backward()
    layers = ((name, list(layer.parameters(recurse=False))) for name, layer in double.named_modules())
    return {name: float(sum(_squares(p) for p in own)) ** 0.5 for name, own in layers if own}


def _double(function: Function) -> Function:
    return as_double(function) if isinstance(function, nn.Module) else function


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


def _matrix_and_frame(matrix: ArrayLike, frame: ArrayLike, owner: str) -> tuple[Floats, Floats]:
    M, F = np.asarray(matrix, dtype=np.float64), np.asarray(frame, dtype=np.float64)
    if M.ndim != 2 or M.shape[0] != M.shape[1]:
        raise ValueError(error_message("matrix", owner, "a square array", f"shape {M.shape}"))
    if F.ndim != 2 or len(F) != len(M) or not 1 <= F.shape[1] <= len(M):
        raise ValueError(
            error_message("frame", owner, f"of shape ({len(M)}, k), 1 <= k <= {len(M)}", f"shape {F.shape}")
        )
    return M, F


def _chain(module: nn.Module, points: Tensor) -> list[tuple[str, nn.Module]]:
    """Return the layers in the order of their calls, sure that nothing happens in between."""
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

"""The fastest other ways to train one plain net of 3 x 64: torch.compile, JAX with optax, and a loop of numba.

Each is compiled when it is first called, and then only trains.
"""

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import nn

from benchmarks.anchors import LEARNING_RATE, WIDTH, Labels, Points

SIZES = (2, WIDTH, WIDTH, WIDTH, 2)


def fit_torch_compile(X: Points, y: Labels, _: object, epochs: int, seed: int, batch_size: int) -> None:
    """Train by torch.compile, with the fused optimiser."""
    torch.manual_seed(seed)
    loss, optimizer = _torch_compile()
    points, labels = torch.from_numpy(X), torch.from_numpy(y)
    for _epoch in range(epochs):
        for rows in torch.randperm(len(points)).split(batch_size):
            optimizer.zero_grad()
            loss(points[rows], labels[rows]).backward()
            optimizer.step()


@cache
def _torch_compile() -> tuple[Any, torch.optim.Optimizer]:
    layers = [layer for pair in pairwise(SIZES) for layer in (nn.Linear(*pair), nn.ReLU())]
    network = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0, fused=True)
    return torch.compile(lambda X, y: nn.functional.cross_entropy(network(X), y)), optimizer


def fit_jax(X: Points, y: Labels, _: object, epochs: int, seed: int, batch_size: int) -> None:
    """Train by JAX and optax, an epoch as one scan; the last batch, if it is smaller, is left out."""
    import jax

    train, state = _jax()
    rng = np.random.default_rng(seed)
    for _epoch in range(epochs):
        rows = rng.permutation(len(X))[: len(X) // batch_size * batch_size].reshape(-1, batch_size)
        state, _ = train(state, (X[rows], y[rows]))
    jax.block_until_ready(state)


@cache
def _jax() -> tuple[Any, Any]:
    import jax
    import optax

    optimizer = optax.adamw(LEARNING_RATE, weight_decay=0)

    def loss(layers: Any, X: Any, y: Any) -> Any:
        for weights, bias in layers[:-1]:
            X = jax.nn.relu(X @ weights + bias)
        weights, bias = layers[-1]
        return optax.softmax_cross_entropy_with_integer_labels(X @ weights + bias, y).mean()

    def step(state: Any, batch: Any) -> Any:
        value, slopes = jax.value_and_grad(loss)(state[0], *batch)
        updates, moments = optimizer.update(slopes, state[1], state[0])
        return (optax.apply_updates(state[0], updates), moments), value

    layers = _initial()
    return jax.jit(lambda state, batches: jax.lax.scan(step, state, batches)), (layers, optimizer.init(layers))


def fit_numba(X: Points, y: Labels, _: object, epochs: int, seed: int, batch_size: int) -> None:
    """Train by a compiled loop that does nothing but this net."""
    rng = np.random.default_rng(seed)
    W, b = (list(arrays) for arrays in zip(*_initial(), strict=True))
    arrays = [*W, *b]
    moments = [np.zeros_like(array) for array in arrays]
    squares = [np.zeros_like(array) for array in arrays]
    n_steps = 0
    for _epoch in range(epochs):
        order = rng.permutation(len(X))
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            n_steps += 1
            _numba_step(X[rows], y[rows], tuple(W), tuple(b), tuple(moments), tuple(squares), n_steps)


def _initial() -> list[tuple[Points, Points]]:
    rng = np.random.default_rng(0)
    return [
        ((rng.uniform(-1, 1, (n, m)) / n**0.5).astype("f4"), (rng.uniform(-1, 1, (1, m)) / n**0.5).astype("f4"))
        for n, m in pairwise(SIZES)
    ]


@njit(error_model="numpy")
def _numba_step(X, y, W, b, moments, squares, n_steps):  # type: ignore[no-untyped-def]
    H1 = _hidden(X, W[0], b[0])
    H2 = _hidden(H1, W[1], b[1])
    H3 = _hidden(H2, W[2], b[2])
    G = np.dot(H3, W[3]) + b[3]
    for i in range(len(G)):
        top = max(G[i, 0], G[i, 1])
        first, second = np.exp(G[i, 0] - top), np.exp(G[i, 1] - top)
        share = np.float32(1) / np.float32(len(G))
        G[i, 0] = first / (first + second) * share
        G[i, 1] = second / (first + second) * share
        G[i, y[i]] -= share
    G3 = _back(G, W[3], H3)
    G2 = _back(G3, W[2], H2)
    G1 = _back(G2, W[1], H1)
    _update(H3, G, W[3], b[3], moments[3], moments[7], squares[3], squares[7], n_steps)
    _update(H2, G3, W[2], b[2], moments[2], moments[6], squares[2], squares[6], n_steps)
    _update(H1, G2, W[1], b[1], moments[1], moments[5], squares[1], squares[5], n_steps)
    _update(X, G1, W[0], b[0], moments[0], moments[4], squares[0], squares[4], n_steps)


@njit(error_model="numpy")
def _hidden(X, W, b):  # type: ignore[no-untyped-def]
    H = np.dot(X, W)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            H[i, j] = max(H[i, j] + b[0, j], np.float32(0))
    return H


@njit(error_model="numpy")
def _back(G, W, H):  # type: ignore[no-untyped-def]
    slopes = np.dot(G, np.ascontiguousarray(W.T))
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            slopes[i, j] = slopes[i, j] if H[i, j] > 0 else np.float32(0)
    return slopes


@njit(error_model="numpy")
def _update(X, G, W, b, m_W, m_b, s_W, s_b, n_steps):  # type: ignore[no-untyped-def]
    _adam(W.reshape(-1), np.dot(X.T, G).reshape(-1), m_W.reshape(-1), s_W.reshape(-1), n_steps)
    _adam(b.reshape(-1), G.sum(axis=0), m_b.reshape(-1), s_b.reshape(-1), n_steps)


@njit(error_model="numpy")
def _adam(values, slopes, moments, squares, n_steps):  # type: ignore[no-untyped-def]
    scale = np.sqrt(1 - 0.999**n_steps)
    rate, eps = np.float32(LEARNING_RATE * scale / (1 - 0.9**n_steps)), np.float32(1e-8 * scale)
    for i in range(values.size):
        moments[i] += np.float32(0.1) * (slopes[i] - moments[i])
        squares[i] += np.float32(0.001) * (slopes[i] * slopes[i] - squares[i])
        values[i] -= rate * moments[i] / (np.sqrt(squares[i]) + eps)

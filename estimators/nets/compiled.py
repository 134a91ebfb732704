"""The training of a net, compiled: one net at a time, whose arrays stay in the processor's cache.

A net is a flat array of values; `layout` says where the parameters of each layer begin. Products are those of BLAS,
everything else is a loop over arrays that is compiled for the processor. Random numbers come from a counter and not
from a generator: those of an epoch or a step do not depend on what was drawn before.
"""

import math
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.compilation import IS_COMPILED, compiler

RELU, TANH, GELU, SILU, SQUARE = range(5)
CROSS_ENTROPY, FOCAL, ONE_HOT_SQUARED_ERROR, SQUARED_ERROR, HUBER = range(5)
WEIGHT, BIAS, SCALE, SHIFT = range(4)
"""Columns of a layout."""

INITIAL, ORDER, DROPOUT = range(3)
"""Streams of random numbers."""

LEAST_WEIGHT = 1e-30
"""Of a batch, so that one without any weight is not divided by 0."""

_FEW = 4  # rows or columns with which a loop is quicker than BLAS
_LAYER_NORM_EPS = 1e-5  # as in torch
_BETA_1, _BETA_2, _EPS = 0.9, 0.999, 1e-8  # of AdamW, as in torch
_FOCAL_GAMMA = 2

_COMPILE_SECONDS = 5  # more than to load compiled code from the disk, also on a busy machine


_exact = compiler()
_reordered = compiler(fastmath={"reassoc", "contract", "nsz"})
"""Sums in any order, so that they use vector instructions."""


def is_on_disk() -> bool:
    """Return True if there is compiled code on disk that is newer than this file, so that it need not be compiled."""
    if not IS_COMPILED:
        return False
    source = Path(__file__).stat().st_mtime
    return any(
        index.stat().st_mtime > source for index in Path(train.stats.cache_path or "").glob("compiled.train-*.nbi")
    )


@contextmanager
def announced() -> Iterator[None]:
    """Print a line if the calls in the context take so long that the code is not on disk and is being compiled."""
    message = "toymanifold: compiling the training of nets, once on this machine, which takes half a minute"
    timer = threading.Timer(_COMPILE_SECONDS, lambda: print(message, file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # so that no thread is left in a process that forks


class Architecture(NamedTuple):
    """The layers of a net and its loss.

    Attributes
    ----------
    widths : ndarray of shape (n_layers + 1,)
        Inputs, units of each hidden layer, outputs.
    layout : ndarray of shape (n_layers, 4)
        Where `WEIGHT` (in, out), `BIAS`, `SCALE` and `SHIFT` of each layer begin; -1 if it has none.
    activation, loss : int
    residual : bool
    dropout : float
    """

    widths: NDArray[np.int64]
    layout: NDArray[np.int64]
    activation: int
    loss: int
    residual: bool
    dropout: float


class Points(NamedTuple):
    """Points with class codes or target values, and weights; arrays that do not apply are empty.

    Attributes
    ----------
    X : ndarray of shape (n, n_inputs)
    codes : ndarray of shape (n,) or (0,), int64
    targets : ndarray of shape (n, n_outputs) or (0, 0)
    weight : ndarray of shape (n,) or (0,)
    """

    X: NDArray[np.floating]
    codes: NDArray[np.int64]
    targets: NDArray[np.floating]
    weight: NDArray[np.floating]


@_exact
def _mix(z):
    """Return 64 bits that look random, a bijection of `z` (Steele, Lea and Flood, OOPSLA 2014: SplitMix64)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_exact
def stream_key(seed, stream, index, layer):
    """Return the key of a stream of random numbers: of a seed's epoch, or a step's layer."""
    key = np.uint64(seed)
    for part in (np.uint64(stream), np.uint64(index), np.uint64(layer)):
        key = _mix(key + part * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x632BE59BD9B4E019))
    return key


@_exact
def uniform(key, index):
    """Return number `index`, a uint64, of a stream, uniform in [0, 1)."""
    return (_mix(key + index * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)) * 2.0**-53


@_exact
def uniforms(seed, stream, index, layer, size, bound):
    """Return `size` numbers of a stream, uniform in [-bound, bound)."""
    indices = np.arange(size).astype(np.uint64)
    return bound * (2 * uniform(stream_key(seed, stream, index, layer), indices) - 1)


@_exact
def order(seed, epoch, n_points, batch_size):
    """Return the order of the points in an epoch; that of the data if there is only one batch."""
    rows = np.arange(n_points)
    if batch_size < n_points:
        _shuffle(rows, stream_key(seed, ORDER, epoch, 0))
    return rows


@_exact
def _shuffle(order, key):
    """Permute an array at random (Fisher and Yates)."""
    for last in range(order.size - 1, 0, -1):
        other = np.int64(uniform(key, np.uint64(last)) * (last + 1))
        order[last], order[other] = order[other], order[last]


@_exact
def _product(A, W, out):
    if W.shape[0] > _FEW:
        np.dot(A, W, out=out)
        return
    for i in range(A.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = A[i, 0] * W[0, j]
        for k in range(1, W.shape[0]):
            a = A[i, k]
            for j in range(out.shape[1]):
                out[i, j] += a * W[k, j]


@_exact
def _transposed_product(A, G, out):
    """Set `out` to the product of A transposed and G."""
    if A.shape[1] > _FEW:
        np.dot(A.T, G, out=out)
        return
    out[:] = 0
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            a = A[i, k]
            for j in range(G.shape[1]):
                out[k, j] += a * G[i, j]


@_exact
def _add(H, bias):
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            H[i, j] += bias[j]


@_reordered
def _normalise(H, bias, scale, shift, normed, rstd):
    """Normalise each row of H + bias, in place, and keep what the gradient needs (Ba et al., 2016)."""
    real = H.dtype.type
    width = H.shape[1]
    for i in range(H.shape[0]):
        total = real(0)
        for j in range(width):
            value = H[i, j] + bias[j]
            H[i, j] = value
            total += value
        mean = total / real(width)
        total = real(0)
        for j in range(width):
            total += (H[i, j] - mean) * (H[i, j] - mean)
        factor = real(1) / np.sqrt(total / real(width) + real(_LAYER_NORM_EPS))
        rstd[i] = factor
        for j in range(width):
            value = (H[i, j] - mean) * factor
            normed[i, j] = value
            H[i, j] = value * scale[j] + shift[j]


@_reordered
def _normalise_back(G, slope, scale, normed, rstd, scale_gradient, shift_gradient, bias_gradient):
    """Turn the gradient of an activation's output into that of the normalised product, in place."""
    real = G.dtype.type
    width = G.shape[1]
    scale_gradient[:] = 0
    shift_gradient[:] = 0
    bias_gradient[:] = 0
    for i in range(G.shape[0]):
        total = real(0)
        along = real(0)
        for j in range(width):
            g = G[i, j] * slope[i, j]
            shift_gradient[j] += g
            scale_gradient[j] += g * normed[i, j]
            g *= scale[j]
            G[i, j] = g
            total += g
            along += g * normed[i, j]
        total /= real(width)
        along /= real(width)
        for j in range(width):
            g = rstd[i] * (G[i, j] - total - normed[i, j] * along)
            G[i, j] = g
            bias_gradient[j] += g


@_exact
def _activate(H, bias, slope, activation):
    """Apply the activation to H + bias, in place, and keep its derivative."""
    real = H.dtype.type
    one, half = real(1), real(0.5)
    for i in range(H.shape[0]):
        if activation == RELU:
            for j in range(H.shape[1]):
                x = H[i, j] + bias[j]
                slope[i, j] = one if x > 0 else real(0)
                H[i, j] = x if x > 0 else real(0)
        elif activation == TANH:
            for j in range(H.shape[1]):
                value = np.tanh(H[i, j] + bias[j])
                H[i, j] = value
                slope[i, j] = one - value * value
        elif activation == GELU:
            for j in range(H.shape[1]):
                x = H[i, j] + bias[j]
                area = half * (one + real(math.erf(x * real(math.sqrt(0.5)))))
                slope[i, j] = area + x * np.exp(-half * x * x) * real(1 / math.sqrt(2 * math.pi))
                H[i, j] = x * area
        elif activation == SILU:
            for j in range(H.shape[1]):
                x = H[i, j] + bias[j]
                gate = one / (one + np.exp(-x))
                slope[i, j] = gate * (one + x * (one - gate))
                H[i, j] = x * gate
        else:
            for j in range(H.shape[1]):
                x = H[i, j] + bias[j]
                slope[i, j] = x + x
                H[i, j] = x * x


@_exact
def _drop(H, slope, dropout, key):
    """Set units to 0 at random, and divide the others by their share."""
    real = H.dtype.type
    factor = real(1 / (1 - dropout))
    width = H.shape[1]
    for i in range(H.shape[0]):
        for j in range(width):
            kept = factor if uniform(key, np.uint64(i * width + j)) >= dropout else real(0)
            H[i, j] *= kept
            slope[i, j] *= kept


@_exact
def _activate_back(G, slope, bias_gradient):
    """Turn the gradient of an activation's output into that of its input, in place."""
    bias_gradient[:] = 0
    for i in range(G.shape[0]):
        for j in range(G.shape[1]):
            g = G[i, j] * slope[i, j]
            G[i, j] = g
            bias_gradient[j] += g


@_exact
def _column_sums(G, out):
    out[:] = 0
    for i in range(G.shape[0]):
        for j in range(G.shape[1]):
            out[j] += G[i, j]


@_exact
def _losses(Z, codes, targets, share, loss):
    """Return the weighted sum of the losses of outputs, which become its gradient, and the number of wrong classes."""
    real = Z.dtype.type
    n_outputs = Z.shape[1]
    negligible = real(np.finfo(Z.dtype).tiny * 2.0**20)
    mean = real(1.0 / n_outputs)
    total = 0.0
    n_wrong = 0
    for i in range(Z.shape[0]):
        value = real(0)
        if loss == CROSS_ENTROPY or loss == FOCAL:
            right = codes[i]
            largest = Z[i, 0]
            for c in range(1, n_outputs):
                largest = max(largest, Z[i, c])
            of_right = Z[i, right] - largest
            n_wrong += of_right < 0
            everything = real(0)
            others = real(0)
            for c in range(n_outputs):
                e = np.exp(Z[i, c] - largest)
                Z[i, c] = e
                everything += e
                if c != right:
                    others += e
            missing = others / everything  # 1 - p of the true class, exact where p is near 1
            value = np.log1p(others) if of_right == 0 else np.log(everything) - of_right
            slope = real(1)
            if loss == FOCAL:
                slope = missing * missing + real(2) * missing * (real(1) - missing) * value
                value *= missing * missing
            for c in range(n_outputs):
                Z[i, c] = slope * (-missing if c == right else Z[i, c] / everything)
        elif loss == ONE_HOT_SQUARED_ERROR or loss == SQUARED_ERROR:
            for c in range(n_outputs):
                wanted = targets[i, c] if loss == SQUARED_ERROR else real(c == codes[i])
                error = Z[i, c] - wanted
                value += mean * error * error
                Z[i, c] = real(2) * mean * error
        else:
            for c in range(n_outputs):
                error = Z[i, c] - targets[i, c]
                clipped = min(max(error, real(-1)), real(1))
                value += mean * clipped * (error - real(0.5) * clipped)
                Z[i, c] = mean * clipped
        total += share[i] * value
        for c in range(n_outputs):
            g = share[i] * Z[i, c]
            Z[i, c] = g if abs(g) > negligible else real(0)  # products with subnormal numbers are very slow
    return total, n_wrong


@_exact
def _adamw(values, gradient, mean, square, free, rate, decay, step):
    """Take a step (Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019, algorithm 2)."""
    real = values.dtype.type
    root = math.sqrt(1 - _BETA_2**step)
    stride, eps = real(rate * root / (1 - _BETA_1**step)), real(_EPS * root)
    keep, rest_1 = real(1 - rate * decay), real(1 - _BETA_1)
    beta_2, rest_2 = real(_BETA_2), real(1 - _BETA_2)
    tiny = real(np.finfo(values.dtype).tiny)
    for i in range(values.size):
        g = gradient[i]
        m = mean[i] + rest_1 * (g - mean[i])
        v = beta_2 * square[i] + rest_2 * g * g
        m = m if abs(m) > tiny else real(0)  # subnormal numbers are very slow
        v = v if v > tiny else real(0)
        mean[i] = m
        square[i] = v
        new = keep * values[i] - stride * m / (np.sqrt(v) + eps)
        values[i] = new if free.size == 0 or free[i] else values[i]


class Work(NamedTuple):
    """The arrays of a batch, so that none is made anew in each step."""

    X: NDArray[np.floating]
    codes: NDArray[np.int64]
    targets: NDArray[np.floating]
    share: NDArray[np.floating]
    Z: NDArray[np.floating]
    hidden: NDArray[np.floating]
    slopes: NDArray[np.floating]
    normed: NDArray[np.floating]
    rstd: NDArray[np.floating]
    gradients: NDArray[np.floating]
    turned: NDArray[np.floating]
    zeros: NDArray[np.floating]
    unused: NDArray[np.floating]


@_exact
def _work(points, net, n_rows):
    real = points.X.dtype
    n_hidden = net.widths.size - 2
    widest = 1
    for layer in range(1, net.widths.size):
        widest = max(widest, net.widths[layer])
    return Work(
        np.empty((n_rows, points.X.shape[1]), real),
        np.empty(n_rows, np.int64),
        np.empty((n_rows, points.targets.shape[1]), real),
        np.empty(n_rows, real),
        np.empty((n_rows, net.widths[-1]), real),
        np.empty((n_hidden, n_rows * widest), real),
        np.empty((n_hidden, n_rows * widest), real),
        np.empty((n_hidden, n_rows * widest), real),
        np.empty((n_hidden, n_rows), real),
        np.empty((3, n_rows * widest), real),
        np.empty(widest * widest, real),
        np.zeros(widest, real),
        np.empty(widest, real),
    )


@_exact
def _matrix(flat, start, n_rows, n_columns):
    return flat[start : start + n_rows * n_columns].reshape(n_rows, n_columns)


@_exact
def _vector(flat, start, size, instead):
    """Return a part of a flat array, or another array where a layer does not have the part."""
    return flat[start : start + size] if start >= 0 else instead[:size]


@_exact
def _forward(x, values, net, work, Z, seed, step):
    """Compute the outputs Z of a batch; with dropout if `step` is positive."""
    n_rows, last = x.shape[0], net.widths.size - 2
    h = x
    for layer in range(last + 1):
        n_in, n_out = net.widths[layer], net.widths[layer + 1]
        start = net.layout[layer]
        bias = _vector(values, start[BIAS], n_out, work.zeros)
        if layer == last:
            _product(h, _matrix(values, start[WEIGHT], n_in, n_out), Z)
            _add(Z, bias)
            return
        out = _matrix(work.hidden[layer], 0, n_rows, n_out)
        slope = _matrix(work.slopes[layer], 0, n_rows, n_out)
        _product(h, _matrix(values, start[WEIGHT], n_in, n_out), out)
        if start[SCALE] >= 0:
            scale, shift = values[start[SCALE] : start[SHIFT]], values[start[SHIFT] : start[SHIFT] + n_out]
            _normalise(out, bias, scale, shift, _matrix(work.normed[layer], 0, n_rows, n_out), work.rstd[layer])
            bias = work.zeros
        _activate(out, bias, slope, net.activation)
        if net.dropout > 0 and step > 0:
            _drop(out, slope, net.dropout, stream_key(seed, DROPOUT, step, layer))
        if net.residual and layer > 0:
            _increase(out, h)
        h = out


@_exact
def _backward(x, values, gradient, net, work, Z):
    """Compute the gradient from that of the outputs, Z."""
    n_rows, last = x.shape[0], net.widths.size - 2
    G = Z
    for layer in range(last, -1, -1):
        n_in, n_out = net.widths[layer], net.widths[layer + 1]
        start = net.layout[layer]
        bias_gradient = _vector(gradient, start[BIAS], n_out, work.unused)
        adds_input = net.residual and 0 < layer < last
        passed = _matrix(work.gradients[2], 0, n_rows, n_out)
        if adds_input:
            passed[:] = G
        if layer == last:
            _column_sums(G, bias_gradient)
        elif start[SCALE] >= 0:
            scale = values[start[SCALE] : start[SHIFT]]
            scale_gradient = gradient[start[SCALE] : start[SHIFT]]
            shift_gradient = gradient[start[SHIFT] : start[SHIFT] + n_out]
            slope, normed = _matrix(work.slopes[layer], 0, n_rows, n_out), _matrix(work.normed[layer], 0, n_rows, n_out)
            _normalise_back(G, slope, scale, normed, work.rstd[layer], scale_gradient, shift_gradient, bias_gradient)
        else:
            _activate_back(G, _matrix(work.slopes[layer], 0, n_rows, n_out), bias_gradient)
        h = x if layer == 0 else _matrix(work.hidden[layer - 1], 0, n_rows, n_in)
        _transposed_product(h, G, _matrix(gradient, start[WEIGHT], n_in, n_out))
        if layer == 0:
            return
        weight, turned = _matrix(values, start[WEIGHT], n_in, n_out), _matrix(work.turned, 0, n_out, n_in)
        for j in range(n_out):
            for i in range(n_in):
                turned[j, i] = weight[i, j]
        below = _matrix(work.gradients[layer % 2], 0, n_rows, n_in)
        _product(G, turned, below)
        if adds_input:
            _increase(below, passed)
        G = below


@_exact
def _increase(H, other):
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            H[i, j] += other[i, j]


@_exact
def _take(points, rows, X, codes, targets, share):
    """Copy rows of points into the arrays of a batch, with their shares in its mean loss."""
    real = share.dtype.type
    total = 0.0
    for i in range(rows.size):
        row = rows[i]
        for k in range(X.shape[1]):
            X[i, k] = points.X[row, k]
        if points.codes.size:
            codes[i] = points.codes[row]
        for k in range(points.targets.shape[1]):
            targets[i, k] = points.targets[row, k]
        if points.weight.size:
            total += points.weight[row]
    for i in range(rows.size):
        if points.weight.size:
            share[i] = points.weight[rows[i]] / real(max(total, LEAST_WEIGHT))
        else:
            share[i] = real(1) / real(rows.size)


@_exact
def _batch_loss(points, rows, values, net, work, seed, step):
    """Compute a batch's loss, the number of its wrong classes, and the gradient with respect to its outputs."""
    n = rows.size
    X, Z = work.X[:n], work.Z[:n]
    _take(points, rows, X, work.codes, work.targets, work.share)
    _forward(X, values, net, work, Z, seed, step)
    return _losses(Z, work.codes, work.targets, work.share, net.loss)


@_exact
def outputs(X, values, net, n_rows):
    """Return the outputs of a net at its inputs, (n, n_outputs).

    All products are of `n_rows` rows, so that a row's outputs do not depend on the number of rows.
    """
    n = X.shape[0]
    found = np.empty((n, net.widths[-1]), X.dtype)
    nothing = Points(X[:0], np.zeros(0, np.int64), np.zeros((0, 0), X.dtype), np.zeros(0, X.dtype))
    work = _work(nothing, net, n_rows)
    for start in range(0, n, n_rows):
        stop = min(start + n_rows, n)
        work.X[: stop - start] = X[start:stop]
        work.X[stop - start :] = 0
        _forward(work.X, values, net, work, work.Z, 0, 0)
        found[start:stop] = work.Z[: stop - start]
    return found


@_exact
def mean_loss(points, values, net, batch_size):
    """Return the mean loss of a net over batches of points in their order, and the number of wrong classes."""
    n = points.X.shape[0]
    rows = np.arange(n)
    work = _work(points, net, min(batch_size, n))
    total, n_wrong = 0.0, 0
    for start in range(0, n, batch_size):
        batch = rows[start : start + batch_size]
        loss, wrong = _batch_loss(points, batch, values, net, work, 0, 0)
        total += loss * batch.size
        n_wrong += wrong
    return total / n, n_wrong


class Schedule(NamedTuple):
    """How a net is trained.

    Attributes
    ----------
    batch_size : int
    rate, decay : float
        Of AdamW.
    cosine_steps : int
        Steps over which the rate falls to 0 as a cosine; 0 for a constant rate.
    first_step, last_step : int
        Of this training, counted from 1 and from the first of the net.
    """

    batch_size: int
    rate: float
    decay: float
    cosine_steps: int
    first_step: int
    last_step: int


class State(NamedTuple):
    """A net in training: its values, the moments of AdamW, the values that may change (empty: all), its progress.

    `progress` holds the number of steps and of epochs taken so far.
    """

    values: NDArray[np.floating]
    mean: NDArray[np.floating]
    square: NDArray[np.floating]
    free: NDArray[np.bool_]
    progress: NDArray[np.int64]


@_exact
def train(points, net, state, schedule, seed, losses):
    """Train a net for as many epochs as `losses` has entries, and return how many were begun.

    Parameters
    ----------
    points : Points
    net : Architecture
    state : State
        Changed in place.
    schedule : Schedule
    seed : int
    losses : ndarray of shape (n_epochs,), float64
        Set to the mean loss of each epoch, each batch's before its step.

    Returns
    -------
    n_epochs : int
    """
    n = points.X.shape[0]
    batch_size = min(schedule.batch_size, n)
    gradient = np.empty_like(state.values)
    work = _work(points, net, batch_size)
    for epoch in range(losses.size):
        if state.progress[0] >= schedule.last_step:
            return epoch
        rows = order(seed, state.progress[1], n, batch_size)
        total, n_seen = 0.0, 0
        for start in range(0, n, batch_size):
            if state.progress[0] >= schedule.last_step:
                break
            batch = rows[start : start + batch_size]
            step = state.progress[0] + 1
            loss, _ = _batch_loss(points, batch, state.values, net, work, seed, step)
            _backward(work.X[: batch.size], state.values, gradient, net, work, work.Z[: batch.size])
            rate = schedule.rate
            if schedule.cosine_steps:
                rate *= (1 + math.cos(math.pi * (step - schedule.first_step) / schedule.cosine_steps)) / 2
            _adamw(state.values, gradient, state.mean, state.square, state.free, rate, schedule.decay, step)
            state.progress[0] = step
            total += loss * batch.size
            n_seen += batch.size
        state.progress[1] += 1
        losses[epoch] = total / n_seen
        if not math.isfinite(losses[epoch]):
            return epoch + 1
    return losses.size

"""Kernels against closed forms and other libraries, solvers against each other and against brute force."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV, cross_val_score

from estimators.kernels import KernelClassifier, KernelRegressor, functions, solvers
from estimators.kernels.functions import KERNELS, NTK, ArcCosine, Gaussian, Laplace
from estimators.kernels.solvers import cholesky
from toymanifold import Antipodal, make_spiral

ROTATION = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
FULL = ROTATION * [4.0, 1.0, 0.5, 0.0] @ ROTATION.T


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def data(rng):
    X = rng.normal(size=(120, 4)) + 3
    return X, np.sin(X[:, :2]) + 0.1 * rng.normal(size=(120, 2))


# Kernels


def distances(X, Z, M):
    differences = X[:, None] - Z[None]
    return np.sqrt(np.einsum("ijk,kl,ijl->ij", differences, M, differences))


def angular(X, Z, M, L):
    def inner(A, B):
        return np.einsum("...k,kl,...l->...", A, M, B) / L**2 + 1

    norms = np.sqrt(np.outer(inner(X, X), inner(Z, Z)))
    angles = np.arccos((inner(X[:, None], Z[None]) / norms).clip(-1, 1))
    arc = norms * (np.sin(angles) + (np.pi - angles) * np.cos(angles)) / np.pi
    return arc, arc + inner(X[:, None], Z[None]) * (np.pi - angles) / np.pi


@pytest.mark.parametrize("metric", [None, np.array([1.0, 0.3, 2.0, 0.0]), FULL], ids=["none", "diagonal", "full"])
def test_kernels_are_their_formulas(data, metric):
    X, Z, L = data[0], data[0][:50] + 0.1, 1.7
    M = np.eye(4) if metric is None else np.diag(metric) if metric.ndim == 1 else metric
    D = distances(X, Z, M)
    arc, ntk = angular(X, Z, M, L)
    np.testing.assert_allclose(Gaussian(L, metric)(X, Z), np.exp(-(D**2) / (2 * L**2)), atol=1e-12)
    np.testing.assert_allclose(Laplace(L, metric)(X, Z), np.exp(-D / L), atol=1e-12)
    np.testing.assert_allclose(ArcCosine(L, metric)(X, Z), arc, atol=1e-12)
    np.testing.assert_allclose(NTK(L, metric)(X, Z), ntk, atol=1e-12)


def test_gaussian_is_scikit_learns(data):
    X, _ = data
    np.testing.assert_allclose(Gaussian(0.7)(X, X), rbf_kernel(X, gamma=1 / (2 * 0.7**2)), atol=1e-12)


def test_angular_kernels_are_wide_nets(rng):
    X, Z = rng.normal(size=(2, 5, 3))
    W = rng.normal(size=(400_000, 4))
    fields = [np.column_stack([points / 2, np.ones(5)]) @ W.T for points in (X, Z)]
    hidden, active = [np.maximum(f, 0) for f in fields], [1.0 * (f > 0) for f in fields]
    arc = 2 * hidden[0] @ hidden[1].T / len(W)
    np.testing.assert_allclose(ArcCosine(2.0)(X, Z), arc, rtol=0.02)
    np.testing.assert_allclose(
        NTK(2.0)(X, Z), arc + (X @ Z.T / 4 + 1) * (2 * active[0] @ active[1].T) / len(W), rtol=0.02
    )


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dimension", [1, 6, 30, 1000])
def test_kernel_of_equal_points_does_not_suffer_from_rounding(rng, name, dtype, dimension):
    """Wherever in the matrix they stand, and so whichever order BLAS adds in; at a kink it would show as its root."""
    X = (rng.normal(size=(37, dimension)) + 5).astype(dtype)[rng.integers(0, 37, 150)]
    L = 2.0 * np.sqrt(dimension)
    equal = (X[:, None] == X).all(axis=2)
    K = KERNELS[name](L)(X, X)
    assert K.dtype == dtype
    norms = {"arc-cosine": 1, "ntk": 2}.get(name, 0) * ((X.astype(float) ** 2).sum(axis=1) / L**2 + 1)
    expected = np.broadcast_to(norms if norms.any() else 1.0, K.shape)
    rounding = (4 + np.sqrt(dimension)) * np.finfo(dtype).eps if norms.any() else 0  # of the norms
    np.testing.assert_allclose(K[equal], expected[equal], rtol=rounding)


@pytest.mark.parametrize("name", KERNELS)
def test_weights_and_copies_reach_the_same_function(rng, name):
    """To rounding, where scikit-learn's contract asks for 1e-9 on one draw."""
    X, y, weight = rng.random((15, 30)), rng.normal(size=15), rng.integers(0, 5, 15)
    weighted = KernelRegressor(name).fit(X, y, weight)
    copies = KernelRegressor(name).fit(X.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(weighted.predict(X), copies.predict(X), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", KERNELS)
def test_parts_agree_with_the_whole(data, name, monkeypatch):
    monkeypatch.setattr(functions, "_BLOCK", 1)
    X, V = data
    kernel = KERNELS[name](2.0)
    np.testing.assert_allclose(np.triu(kernel.triangle(X)), np.triu(kernel(X, X)), atol=1e-14)
    np.testing.assert_allclose(kernel.product(X, X[:99], V[:99]), kernel(X, X[:99]) @ V[:99], atol=1e-12)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("metric", [None, np.array([1.0, 0.3, 2.0, 0.0]), FULL], ids=["none", "diagonal", "full"])
def test_gradients_are_differences(data, name, metric):
    Z, V = data
    X, h = Z[:30] + 0.5, 1e-5
    kernel = KERNELS[name](2.0, metric)
    gradients = np.concatenate([part for _, part in kernel.gradients(X, Z, V)])
    for k, step in enumerate(h * np.eye(4)):
        slope = (kernel.product(X + step, Z, V) - kernel.product(X - step, Z, V)) / (2 * h)
        np.testing.assert_allclose(gradients[:, :, k], slope, atol=1e-6)


def test_gradients_are_autograds(data):
    Z, V = map(torch.from_numpy, data)
    X = (Z[:20] + 0.5).requires_grad_()
    (torch.exp(-torch.cdist(X, Z) / 2) @ V[:, 0]).sum().backward()
    [(_, gradients)] = Laplace(2.0).gradients(X.detach().numpy(), Z.numpy(), V.numpy()[:, :1])
    np.testing.assert_allclose(gradients[:, 0], X.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("name", KERNELS)
def test_gradient_is_finite_at_a_kink(data, name):
    X, V = data
    [(_, gradients)] = KERNELS[name]().gradients(X, X, V)
    assert np.isfinite(gradients).all()


@pytest.mark.parametrize("name", KERNELS)
def test_metric_is_a_change_of_coordinates(data, name):
    X, _ = data
    scale = np.array([2.0, 1.0, 0.5, 3.0])
    kernel = KERNELS[name](2.0)
    np.testing.assert_allclose(KERNELS[name](2.0, scale**2)(X, X), kernel(X * scale, X * scale), atol=1e-12)
    np.testing.assert_allclose(KERNELS[name](2.0, np.diag(scale**2))(X, X), kernel(X * scale, X * scale), atol=1e-12)
    np.testing.assert_allclose(KERNELS[name](6.0)(X, X), kernel(X / 3, X / 3), atol=1e-12)
    rotated = KERNELS[name](2.0, ROTATION.T @ FULL @ ROTATION)(X @ ROTATION, X @ ROTATION)
    np.testing.assert_allclose(rotated, KERNELS[name](2.0, FULL)(X, X), atol=1e-10)


# Solvers


@pytest.mark.parametrize("weighted", [False, True])
def test_exact_is_scikit_learns(data, rng, weighted):
    (X, Y), weight = data, rng.uniform(0.5, 2, 120) if weighted else None
    ours = KernelRegressor("gaussian", bandwidth=2.0, ridge=0.1).fit(X, Y, weight)
    peer = KernelRidge(kernel="rbf", gamma=1 / 8, alpha=0.1).fit(X, Y, weight)
    np.testing.assert_allclose(ours.dual_coef_, peer.dual_coef_, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(ours.predict(X + 0.1), peer.predict(X + 0.1), atol=1e-8)


@pytest.mark.parametrize("ridges", [[0.3], [0.01, 0.3, 3.0]])
def test_leave_one_out_is_brute_force(data, rng, ridges):
    (X, Y), weight = data, rng.uniform(0.5, 2, 120)
    machine = KernelRegressor(bandwidth=2.0, ridge=ridges).fit(X, Y, weight)
    others = ~np.eye(120, dtype=bool)
    for ridge, error in zip(ridges, machine.loo_errors_, strict=True):
        alone = KernelRegressor(bandwidth=2.0, ridge=ridge)
        left = np.array([alone.fit(X[o], Y[o], weight[o]).predict(X[~o])[0] for o in others])
        np.testing.assert_allclose(np.average(((left - Y) ** 2).mean(axis=1), weights=weight), error)
    chosen = KernelRegressor(bandwidth=2.0, ridge=ridges[machine.loo_errors_.argmin()]).fit(X, Y, weight)
    np.testing.assert_allclose(machine.dual_coef_, chosen.dual_coef_, atol=1e-10)


@pytest.mark.parametrize("name", KERNELS)
def test_nystroem_with_all_centers_is_exact(data, rng, name):
    (X, Y), weight = data, rng.uniform(0.5, 2, 120)
    exact = KernelRegressor(name, ridge=0.1).fit(X, Y, weight)
    iterative = KernelRegressor(name, ridge=0.1, solver="nystroem", random_state=0).fit(X, Y, weight)
    np.testing.assert_allclose(iterative.predict(X + 0.1), exact.predict(X + 0.1), atol=1e-7)
    assert iterative.n_iter_ <= 60


def test_nystroem_with_some_centers_is_its_normal_equations(data):
    X, Y = data
    machine = KernelRegressor(ridge=0.1, solver="nystroem", n_centers=30, random_state=0).fit(X, Y)
    Z, kernel = machine.X_fit_, machine.kernel_
    K = kernel(X, Z)
    coef = np.linalg.solve(K.T @ K + 0.1 * kernel(Z, Z), K.T @ Y)
    assert Z.shape == (30, 4)
    np.testing.assert_allclose(machine.dual_coef_, coef, atol=1e-7)


def test_iterations_without_end_are_announced(data, monkeypatch):
    monkeypatch.setattr(solvers, "_MAX_ITERATIONS", 2)
    with pytest.warns(ConvergenceWarning, match=r"stopped after 2 iterations at a relative residual of \d\.\de"):
        KernelRegressor(ridge=1e-6, solver="nystroem", n_centers=30, random_state=0).fit(*data)


@pytest.mark.parametrize("solver", ["exact", "nystroem"])
def test_float32_stays_and_agrees(data, solver):
    X, Y = data
    machine = KernelRegressor(ridge=0.1, solver=solver)
    single = machine.fit(X.astype(np.float32), Y.astype(np.float32)).predict(X.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, machine.fit(X, Y).predict(X), atol=1e-3)


def test_interpolation_without_ridge(data):
    X, Y = data
    np.testing.assert_allclose(KernelRegressor(ridge=0).fit(X, Y).predict(X), Y, atol=1e-8)


def test_jitter_is_announced():
    X = np.array([[0.0], [0.0], [1.0]])
    with pytest.warns(RuntimeWarning, match=r"was not positive definite in floating point: \d\.\de-\d+ was added"):
        machine = KernelRegressor(ridge=0).fit(X, [1.0, 1.0, 2.0])
    assert 0 < machine.jitter_ < 1e-12
    np.testing.assert_allclose(machine.predict(X), [1, 1, 2])


def test_hopeless_matrix_is_refused():
    with pytest.raises(np.linalg.LinAlgError, match=r"not positive definite, even with \d\.\de-\d+ added"):
        cholesky(lambda: np.array([[1.0, 2.0], [2.0, 1.0]]), 0.0)


# Estimators


def test_regressor_survives_a_search_and_pickle(data):
    X, Y = data
    search = GridSearchCV(KernelRegressor(metric=FULL), {"ridge": [1e-3, 1e-1], "kernel": ["laplace", "ntk"]}, cv=2)
    restored = pickle.loads(pickle.dumps(search.fit(X, Y)))
    np.testing.assert_array_equal(restored.predict(X), search.predict(X))


def test_classifier_on_strings_in_parallel():
    X, y = make_spiral(400, random_state=0)
    scores = cross_val_score(KernelClassifier(bandwidth=0.1), X, np.array(["out", "in"])[y], cv=2, n_jobs=2)
    assert scores.mean() > 0.8


def test_two_classes_are_one_hot_too(data):
    X, y = data[0], (data[0][:, 0] > 3).astype(int)
    machine = KernelClassifier().fit(X, y)
    one_hot = KernelRegressor().fit(X, np.eye(2)[y]).predict(X)
    np.testing.assert_array_equal(machine.predict(X), one_hot.argmax(axis=1))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kernel": "cubic"}, "'kernel' parameter of KernelRegressor must be one of 'gaussian'"),
        ({"bandwidth": "mean"}, "'bandwidth' parameter .* 'median', 'marginal-likelihood' or a positive float"),
        (
            {"bandwidth": "marginal-likelihood", "ridge": [1.0]},
            "'ridge' parameter .* must be a float for the bandwidth",
        ),
        ({"bandwidth": 0.0}, r"must be a finite float in \(0, inf\)"),
        ({"ridge": -1.0}, r"must be a finite float in \[0, inf\)"),
        ({"ridge": []}, "sequence of at least one"),
        ({"ridge": [0.0, 1.0]}, r"must be a finite float in \(0, inf\)"),
        ({"ridge": [1.0], "solver": "nystroem"}, "must be a float unless the solver is exact"),
        ({"metric": np.eye(3)}, r"must be None or a positive semi-definite array of shape \(4,\) or \(4, 4\)"),
        ({"metric": -np.ones(4)}, "positive semi-definite"),
        ({"metric": np.triu(np.ones((4, 4)))}, "positive semi-definite"),
        ({"metric": 1e-12 * np.triu(np.ones((4, 4)))}, "positive semi-definite"),
        ({"solver": "magic"}, "'solver' parameter"),
        ({"n_centers": 0}, "'n_centers' parameter"),
    ],
)
def test_bad_parameters_are_refused(data, params, message):
    with pytest.raises(ValueError, match=message):
        KernelRegressor(**params).fit(*data)


def test_a_pickle_without_a_symmetry_is_that_of_earlier_versions():
    machine = KernelRegressor(ridge=0.1)
    again = pickle.loads(pickle.dumps(machine))
    assert not {"symmetry", "copies"} & machine.__getstate__().keys()
    assert again.get_params() == machine.get_params()
    known = KernelRegressor(symmetry=Antipodal(), copies=2)
    assert pickle.loads(pickle.dumps(known)).get_params() == known.get_params()

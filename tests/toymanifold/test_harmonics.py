"""Functions on the sphere against integrals, other formulas, and theory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import eval_legendre, roots_jacobi

from toymanifold import Constant, Harmonic, Quadratic, SectoralHarmonic, UniformSphere, sphere_problem


def sphere(dimension, n_samples=200_000):
    return UniformSphere(dimension).sample(n_samples, 0)


@pytest.mark.parametrize("dimension", [2, 3, 4, 10])
@pytest.mark.parametrize("degree", [1, 2, 3, 5])
def test_harmonics_have_mean_0_and_variance_1(dimension, degree):
    """By Gauss quadrature of the cosine, whose density is proportional to (1 - t^2)^((d - 3) / 2)."""
    t = np.cos((np.arange(20_000) + 0.5) * np.pi / 20_000)  # Chebyshev nodes, weight (1 - t^2)^(-1/2)
    weight = (1 - t**2) ** (dimension / 2 - 1)
    rest = np.sqrt(1 - t**2)
    axis = np.eye(dimension)[0]
    U = np.column_stack([t, rest, np.zeros((len(t), dimension - 2))])
    values = Harmonic("regression", axis=axis, degree=degree).values(U)
    assert np.average(values, weights=weight) == pytest.approx(0, abs=1e-6)
    assert np.average(values**2, weights=weight) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_harmonics_in_space_are_legendres(degree):
    U = sphere(3, 100)
    expected = np.sqrt(2 * degree + 1) * eval_legendre(degree, U[:, 2])
    np.testing.assert_allclose(Harmonic("regression", axis=[0, 0, 5], degree=degree).values(U), expected, rtol=1e-10)


def test_harmonics_in_the_plane_are_cosines():
    angle = np.linspace(0, 2 * np.pi, 50)
    U = np.column_stack([np.cos(angle), np.sin(angle)])
    np.testing.assert_allclose(
        Harmonic("regression", axis=[1, 0], degree=3).values(U), np.sqrt(2) * np.cos(3 * angle), atol=1e-12
    )


def test_harmonics_of_different_degree_are_orthogonal():
    U = sphere(5)
    values = [Harmonic("regression", axis=[1, 2, 0, -1, 3], degree=k).values(U) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(np.cov(values), np.eye(4), atol=0.02)


def test_degree_1_is_linear():
    U = sphere(7, 100)
    axis = np.arange(1.0, 8.0)
    expected = np.sqrt(7) * U @ axis / np.linalg.norm(axis)
    np.testing.assert_allclose(Harmonic("regression", axis=axis).values(U), expected, rtol=1e-12)


@pytest.mark.parametrize("dimension", [2, 3, 20])
def test_quadratic_has_mean_0_and_variance_1(dimension):
    form = Quadratic("regression", matrix=np.random.default_rng(1).standard_normal((dimension, dimension)))
    values = form.values(sphere(dimension))
    assert values.mean() == pytest.approx(0, abs=0.01)
    assert values.var() == pytest.approx(1, abs=0.02)


def test_a_quadratic_about_an_axis_is_the_harmonic_of_degree_2():
    axis, U = np.array([1.0, 2.0, -1.0, 0.5]), sphere(4, 100)
    form = Quadratic("regression", matrix=np.outer(axis, axis))
    np.testing.assert_allclose(form.values(U), Harmonic("regression", axis=axis, degree=2).values(U), rtol=1e-10)


@pytest.mark.parametrize("dimension", [2, 3, 6])
@pytest.mark.parametrize("degree", [1, 3, 6])
def test_sectoral_harmonics_have_mean_0_and_variance_1(dimension, degree):
    """By Gauss quadrature of the squared radius in the plane, which is Beta(1, d/2 - 1), and evenly by its angle."""
    plane = np.linalg.qr(np.random.default_rng(0).standard_normal((dimension, dimension)))[0][:2]
    t, weight = (np.ones(1), np.ones(1)) if dimension == 2 else roots_jacobi(20, dimension / 2 - 2, 0)
    radius = np.sqrt((t + 1) / 2)
    angle = 2 * np.pi * np.arange(40) / 40
    rest = np.linalg.svd(plane)[2][-1] if dimension > 2 else np.zeros(2)
    U = np.cos(angle)[:, None, None] * plane[0] + np.sin(angle)[:, None, None] * plane[1]
    U = U * radius[:, None] + rest * np.sqrt(1 - radius**2)[:, None]
    values = SectoralHarmonic("regression", plane=plane, degree=degree).values(U.reshape(-1, dimension)).reshape(40, -1)
    assert np.average(values.mean(axis=0), weights=weight) == pytest.approx(0, abs=1e-9)
    assert np.average((values**2).mean(axis=0), weights=weight) == pytest.approx(1, abs=1e-9)


def test_a_sectoral_harmonic_in_the_plane_is_the_harmonic():
    U, axis = sphere(2, 100), np.array([0.6, 0.8])
    rosette = SectoralHarmonic("regression", plane=[axis, [-0.8, 0.6]], degree=5)
    np.testing.assert_allclose(rosette.values(U), Harmonic("regression", axis=axis, degree=5).values(U), atol=1e-12)


def turned(U, share):
    """Turn the planes of coordinates 0 and 1, 2 and 3, and so on by a share of a full turn."""
    z = (U[:, ::2] + 1j * U[:, 1::2]) * np.exp(2j * np.pi * share)
    return np.stack([z.real, z.imag], axis=-1).reshape(U.shape)


def rotated(U):
    """Rotate at random."""
    return U @ np.linalg.qr(np.random.default_rng(3).standard_normal((U.shape[1], U.shape[1])))[0]


def moved(U, n_coordinates, move):
    """Move the first coordinates."""
    return np.hstack([move(U[:, :n_coordinates]), U[:, n_coordinates:]])


GROUPS = {
    "quadratic": (np.negative, lambda V: -V[:, ::-1]),
    "sign-flips": (lambda V: V * (-1.0) ** np.arange(V.shape[1]), lambda V: np.roll(V, 1, axis=1)),
    "rotations": (rotated, lambda V: V * [2.0] + 1),
    "joint-turns": (lambda V: turned(V, 0.123), lambda V: V[:, ::-1]),
    "cyclic-turns": (lambda V: turned(V, 1 / 5), lambda V: turned(V, 1 / 10)),
    "cyclic-shifts": (lambda V: np.roll(V, 2, axis=1), lambda V: V * (-1.0) ** np.arange(V.shape[1])),
}


@pytest.mark.parametrize("target", GROUPS)
@pytest.mark.parametrize("n_coordinates", [4, 6])
def test_a_target_is_kept_by_its_group_and_not_by_another_map(target, n_coordinates):
    dimension = 7 if target == "rotations" else 6
    n_coordinates = dimension if target == "quadratic" else n_coordinates
    problem = sphere_problem(
        dimension=dimension, target=target, n_coordinates=n_coordinates, degree=5, task="regression", problem_seed=4
    )
    U = sphere(dimension, 100)
    inside, outside = (moved(U, n_coordinates, move) for move in GROUPS[target])
    np.testing.assert_allclose(problem.label(inside), problem.label(U), atol=1e-10)
    assert np.abs(problem.label(outside) - problem.label(U)).max() > 0.1


@pytest.mark.parametrize("target", GROUPS)
def test_targets_of_groups_have_mean_0_and_variance_1(target):
    values = sphere_problem(dimension=6, target=target, n_coordinates=4, degree=5, task="regression").label(sphere(6))
    assert values.mean() == pytest.approx(0, abs=0.02)
    assert values.var() == pytest.approx(1, abs=0.03)


@given(st.floats(1e-3, 1e3))
def test_functions_are_of_the_direction_alone(factor):
    U = sphere(4, 20)
    function = Harmonic("regression", axis=[1, 0, 1, 0], degree=3)
    np.testing.assert_allclose(function.values(factor * U), function.values(U), rtol=1e-9, atol=1e-12)


def test_class_is_the_sign_of_the_value():
    U = sphere(4, 1000)
    value = Harmonic("regression", axis=[1, 0, 1, 0], degree=3).label(U)
    label = Harmonic("classification", axis=[1, 0, 1, 0], degree=3).label(U)
    np.testing.assert_array_equal(label, value > 0)
    assert (label.dtype, value.dtype) == (np.int64, np.float64)


def test_the_constant_is_nothing_to_learn():
    assert not Constant("regression", n_features=3).label(sphere(3, 10)).any()


def test_the_origin_has_a_value():
    assert np.isfinite(Harmonic("regression", axis=[1, 0, 0]).values(np.zeros((1, 3)))).all()


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: Harmonic("ranking"), "task"),
        (lambda: Harmonic(radius=0.0), "radius"),
        (lambda: Harmonic(axis=[0.0, 0.0]), "axis"),
        (lambda: Harmonic(axis=[1.0]), "axis"),
        (lambda: Harmonic(axis=[1.0, np.nan]), "axis"),
        (lambda: Harmonic(degree=0), "degree"),
        (lambda: SectoralHarmonic(degree=0), "degree"),
        (lambda: SectoralHarmonic(plane=np.eye(3)), "plane"),
        (lambda: SectoralHarmonic(plane=2 * np.eye(2)), "plane"),
        (lambda: SectoralHarmonic(plane=np.eye(2, 100_000), degree=1000), "degree"),
        (lambda: Quadratic(matrix=np.eye(3)), "matrix"),
        (lambda: Quadratic(matrix=np.ones((2, 3))), "matrix"),
    ],
)
def test_a_bad_function_is_refused_by_name(build, named):
    with pytest.raises(ValueError, match=f"The '{named}' parameter of (Harmonic|SectoralHarmonic|Quadratic) must be"):
        build()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"target": "joint-turns", "n_coordinates": 3}, "n_coordinates"),
        ({"target": "joint-turns", "dimension": 2}, "n_coordinates"),
        ({"target": "cyclic-turns", "n_coordinates": 3}, "n_coordinates"),
        ({"target": "rotations", "n_coordinates": 3}, "n_coordinates"),
        ({"target": "cyclic-shifts", "n_coordinates": 4}, "n_coordinates"),
        ({"target": "sign-flips", "n_coordinates": 1}, "n_coordinates"),
        ({"target": "rotation"}, "target"),
    ],
)
def test_a_group_without_a_target_is_refused_by_name(wrong, named):
    with pytest.raises(ValueError, match=f"The '{named}' parameter of sphere_problem must be"):
        sphere_problem(**wrong)

"""Every length gives the labels of length 1, scaled, or is refused by name; shapes that rounding spoils are refused."""

import functools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toymanifold import (
    Ball,
    Embedding,
    GaussianMixture,
    Harmonic,
    Quadratic,
    Shells,
    Spiral,
    SpiralBands,
    UniformBall,
    UniformBox,
    UniformSphere,
    concentric_spheres_problem,
    make_concentric_spheres,
    make_sphere,
    make_spiral,
    sphere_problem,
    spiral_problem,
)

torch = pytest.importorskip("torch")

POWERS = st.integers(-1000, 1000).map(lambda exponent: 2.0**exponent)
REFUSED = r"'(radius|scale|half_width|inner|outer|radii)' parameter of .* in \[1e-\d+, 1e\+\d+\]\. Got"
MAKERS = {
    "spiral": lambda length, **kwargs: make_spiral(200, radius=length, **kwargs),
    "two arms": lambda length, **kwargs: make_spiral(200, radius=length, arms=2, **kwargs),
    "uniform": lambda length, **kwargs: make_spiral(200, radius=length, density="uniform", **kwargs),
    "bands": lambda length, **kwargs: make_spiral(200, radius=length, arms=3, density="bands", **kwargs),
    "space": lambda length, **kwargs: make_spiral(200, radius=length, dimension=4, nuisance_scale=length, **kwargs),
    "ball": lambda length, **kwargs: make_sphere(200, radius=length, **kwargs),
    "quadratic": lambda length, **kwargs: make_sphere(200, radius=length, target="quadratic", **kwargs),
    "shells": lambda length, **kwargs: make_concentric_spheres(200, inner=length, outer=2 * length, **kwargs),
}


@functools.cache
def of_length_one(name, dtype):
    return MAKERS[name](1.0, random_state=0, dtype=dtype)


@pytest.mark.parametrize("name", MAKERS)
@given(length=POWERS, dtype=st.sampled_from([np.float64, np.float32]))
def test_a_sample_of_any_length_is_that_of_length_one_scaled_or_refused(name, length, dtype):
    largest = 1e90 if dtype == np.float64 else 1e19
    try:
        X, y = MAKERS[name](length, random_state=0, dtype=dtype)
    except ValueError as error:
        assert not 1 / largest < length < largest
        if not re.search(REFUSED, str(error)):
            raise
        return
    points, labels = of_length_one(name, dtype)
    np.testing.assert_array_equal(X, points * dtype(length))
    np.testing.assert_array_equal(y, labels)


GEOMETRIES = {
    "spiral": lambda length: (Spiral(radius=length), spiral_problem(radius=length).density),
    "uniform": lambda length: (Spiral(radius=length), UniformBox(2, length)),
    "bands": lambda length: (Spiral(radius=length, arms=2), SpiralBands(Spiral(radius=length, arms=2))),
    "ball": lambda length: (Ball(2, length), UniformBall(2, length)),
    "shells": lambda length: (Shells(2, length, 2 * length), UniformSphere(2, (length, 2 * length))),
}


@pytest.mark.parametrize("name", GEOMETRIES)
@given(length=st.integers(-300, 300).map(lambda exponent: 2.0**exponent))
def test_distances_boundaries_and_densities_scale(name, length):
    (unit, density), (region, scaled) = GEOMETRIES[name](1.0), GEOMETRIES[name](length)
    X = density.sample(100, 0)
    np.testing.assert_allclose(region.signed_distance(X * length), unit.signed_distance(X) * length)
    ends = [
        shape.boundary(20, **({} if isinstance(shape, Spiral) else {"random_state": 0})) for shape in (unit, region)
    ]
    np.testing.assert_allclose(ends[1], ends[0] * length)
    volume = (1 if name == "shells" else 2) * math.log(length)
    np.testing.assert_allclose(scaled.log_density(X * length), density.log_density(X) - volume, atol=1e-9)


@given(scale=POWERS, dtype=st.sampled_from(["float64", "float32"]), radius=st.sampled_from([1e-19, 1.0, 7.0, 1e19]))
def test_the_phase_of_points_at_any_scale_is_in_its_range(scale, dtype, radius):
    points = np.array([[1.0, 0.5], [-0.3, 0.2], [0.0, -1.0]]) * np.clip(scale, 1e-37, 1e37)
    X = points.astype(dtype)
    for phase in (Spiral(radius=radius).phase(X), Spiral(radius=radius).phase(torch.from_numpy(X)).numpy()):
        assert phase.dtype == dtype
        assert ((phase >= 0) & (phase < 2)).all()


@given(st.integers(-60, 60).map(lambda exponent: 2.0**exponent))
def test_the_phase_in_float32_is_that_of_radius_one(radius):
    X = np.random.default_rng(0).uniform(-1, 1, (50, 2)).astype(np.float32)
    np.testing.assert_array_equal(Spiral(radius=radius).phase(X * np.float32(radius)), Spiral().phase(X))


def test_a_radius_beyond_float32_is_refused_for_points_in_float32():
    with pytest.raises(ValueError, match=r"'radius' parameter of Spiral.phase .* \[1e-20, 1e\+20\]"):
        Spiral(radius=1e30).phase(np.ones((1, 2), dtype=np.float32))
    assert Spiral(radius=1e30).phase(np.ones((1, 2))).shape == (1,)


@given(POWERS)
def test_functions_on_the_sphere_do_not_depend_on_the_scale_of_their_parts(scale):
    U = np.random.default_rng(0).standard_normal((20, 2))
    points, axis, matrix = (np.array(part) * scale for part in (U, [1.0, 2.0], [[1.0, 2.0], [0.5, -3.0]]))
    for of_one, of_scale in (
        (Harmonic("regression", axis=[1.0, 2.0]), Harmonic("regression", axis=axis)),
        (Quadratic("regression", matrix=[[1.0, 2.0], [0.5, -3.0]]), Quadratic("regression", matrix=matrix)),
    ):
        np.testing.assert_array_equal(of_scale.values(U), of_one.values(U))
        if np.abs(points).max() < 1e150:
            np.testing.assert_array_equal(of_one.values(points), of_one.values(U))


@pytest.mark.parametrize("bad", [1e151, -1e200, math.inf, math.nan])
@pytest.mark.parametrize("evaluate", [Ball(2).contains, Spiral().signed_distance, UniformBox().log_density])
def test_points_beyond_all_scales_are_refused(evaluate, bad):
    with pytest.raises(ValueError, match=r"'X' parameter of .* at most 1e\+150 in absolute value"):
        evaluate([[0.0, bad]])
    assert np.isfinite(evaluate([[0.0, 0.25]])).all()


@pytest.mark.parametrize("length", [1e-200, 1e160, 1e308, 0.0, -1.0, math.nan])
@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("radius", lambda length: make_sphere(400, radius=length)),
        ("radius", lambda length: make_sphere(400, target="linear", radius=length)),
        ("radius", lambda length: make_spiral(400, radius=length)),
        ("inner", lambda length: concentric_spheres_problem(inner=length, outer=2.0)),
        ("outer", lambda length: concentric_spheres_problem(outer=length)),
        ("half_width", lambda length: UniformBox(half_width=length)),
        ("radius", lambda length: UniformBall(radius=length)),
        ("radii", lambda length: UniformSphere(radii=(length,))),
        ("scale", lambda length: GaussianMixture([[0.0]], length)),
        ("half_width", lambda length: GaussianMixture.random_spots(half_width=length)),
        ("nuisance_scale", lambda length: Embedding(np.eye(3)[:, :2], length or 1e-320)),
    ],
)
def test_a_length_of_no_scale_is_refused_by_name(name, build, length):
    with pytest.raises(ValueError, match=f"'{name}' parameter of .* Got"):
        build(length)


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("turns", lambda: Spiral(turns=1e300)),
        ("turns", lambda: Spiral(turns=1.1e4)),
        ("arms", lambda: Spiral(arms=10**9)),
        ("fill", lambda: Spiral(fill=1e-10)),
        ("fill", lambda: Spiral(fill=1e-8, arms=100)),
        ("tip", lambda: Spiral(tip=1e-300)),
        ("degree", lambda: sphere_problem(target="harmonic", degree=10**6)),
        ("degree", lambda: Harmonic(axis=np.ones(500), degree=1000)),
        ("centers", lambda: GaussianMixture([[1e200]], 1.0)),
        ("noise", lambda: sphere_problem(target="linear", task="regression", noise=1e308)),
    ],
)
def test_shapes_of_which_rounding_leaves_nothing_are_refused_by_name(name, build):
    with pytest.raises(ValueError, match=f"'{name}' parameter of .* Got"):
        build()


@pytest.mark.parametrize("arms", [1, 7])
def test_a_spiral_at_its_bounds_is_resolved(arms):
    """In the middle of a band and of a gap, at many angles, the labels are those of the closed form."""
    spiral = Spiral(turns=1e4, fill=1e-4, arms=arms, tip=1e-6)
    theta = np.linspace(1, 9999, 501)
    arm = np.arange(501) % arms / arms
    for lag, inside in ((spiral.band / 2, True), (spiral.band * 1.5, False)):
        rho, angle = (theta - lag) / 1e4, 2 * math.pi * (theta + arm)
        assert (spiral.contains(np.column_stack([rho * np.cos(angle), rho * np.sin(angle)])) == inside).all()


def test_a_harmonic_of_the_highest_degree_is_that_of_its_cosine():
    angle = np.linspace(0, math.pi, 101)
    values = Harmonic("regression", degree=1000).values(np.column_stack([np.cos(angle), np.sin(angle)]))
    np.testing.assert_allclose(values, math.sqrt(2) * np.cos(1000 * angle), atol=1e-9)


def test_the_density_on_spheres_of_many_dimensions_is_finite():
    sphere = UniformSphere(500, (1.0, 1.3))
    X = sphere.sample(20, 0)
    density = sphere.log_density(X)
    radius = np.linalg.norm(X, axis=1)
    log_area = math.log(2) + 250 * math.log(math.pi) - math.lgamma(250) + 499 * np.log(radius)
    np.testing.assert_allclose(density, -log_area - math.log(2))


def test_an_area_beyond_floats_is_refused():
    assert Ball(2, 1e100).surface_area == pytest.approx(2e100 * math.pi)
    with pytest.raises(ValueError, match=r"'radius' parameter of Ball .* too large for a float"):
        _ = Ball(5, 1e100).surface_area

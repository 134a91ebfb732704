"""Signed distances against brute force, the eikonal equation, and points whose distance is known."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.spatial import KDTree

from toymanifold import Spiral
from toymanifold.arcs import Arc

SPIRALS = [Spiral(), Spiral(turns=0.6, fill=0.2, tip=0.3), Spiral(turns=12, fill=0.8, tip=0.01, radius=50.0)]
seeds = st.integers(0, 2**32 - 1)


@st.composite
def spirals(draw):
    """Thin and thick bands of few and many turns; the tip from a needle's to one as long as the arm."""
    fill = draw(st.floats(0.05, 0.95))
    turns = draw(st.floats(max(0.6, fill + 0.01), 30))
    longest = 2 * math.pi * (turns - fill)
    tip = draw(st.one_of(st.just(longest), st.floats(0.01, 1).map(lambda share: share * longest), st.just(0.01)))
    return Spiral(turns=turns, fill=fill, tip=min(tip, longest), radius=draw(st.sampled_from([1e-3, 1.0, 37.0, 1e3])))


@st.composite
def points_about(draw, spiral, n_samples=100):
    """Draw points from a square of any size, about a point anywhere; the simplest is the spiral's own square."""
    scale = draw(st.sampled_from([1.0, 1e-4, 0.03, 0.3, 3.0, 1e4]))
    center = draw(st.tuples(st.floats(-2, 2), st.floats(-2, 2)))
    rng = np.random.default_rng(draw(seeds))
    return spiral.radius * (np.array(center) + scale * rng.uniform(-1, 1, (n_samples, 2)))


def rounding(spiral, X):
    return 1e-12 * np.maximum(spiral.radius, np.linalg.norm(X, axis=1))


def refined_grid_distance(arc, X):
    """Take the minima on a dense grid of angles, all of them, and close in on each by ternary search."""
    u = np.linspace(arc.start, arc.stop, 4_000)
    coarse = np.linalg.norm(arc.points(u) - X[:, None], axis=2)
    padded = np.pad(coarse, [(0, 0), (1, 1)], constant_values=np.inf)
    row, at = np.nonzero((coarse <= padded[:, :-2]) & (coarse <= padded[:, 2:]))
    low, high = u[np.maximum(at - 1, 0)], u[np.minimum(at + 1, len(u) - 1)]
    for _ in range(90):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        falls = np.linalg.norm(arc.points(left) - X[row], axis=1) > np.linalg.norm(arc.points(right) - X[row], axis=1)
        low, high = np.where(falls, left, low), np.where(falls, high, right)
    distance = coarse.min(axis=1)
    np.minimum.at(distance, row, np.linalg.norm(arc.points((low + high) / 2) - X[row], axis=1))
    return distance


def centers_of_curvature(arc, u):
    angle = (u + arc.offset)[:, None]
    radial, forward = np.hstack([np.cos(angle), np.sin(angle)]), np.hstack([-np.sin(angle), np.cos(angle)])
    normal = (forward - u[:, None] * radial) / np.sqrt(1 + u * u)[:, None]
    curvature = (2 + u * u) / (1 + u * u) ** 1.5 / arc.slope
    return arc.points(u) + normal / curvature[:, None]


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 20), st.floats(1e-3, 30), st.floats(-200, 200), st.sampled_from([1e-4, 1.0, 30.0]), seeds)
@example(start=0.001, extent=0.001953125, offset=79.0, slope=1e-4, seed=0)  # an end, whose turn rounding hides
def test_distance_to_an_arc_is_the_global_minimum(start, extent, offset, slope, seed):
    """Also where minima meet: by the centres of curvature, which lie about the circle r = slope, and at the ends.

    As exact as `Arc.distance` promises, though what it is compared with errs as well.
    """
    arc = Arc(slope, start, start + extent, offset)
    rng = np.random.default_rng(seed)
    r = slope * np.concatenate([10 ** rng.uniform(-6, 2, 12), rng.normal(1, 0.05, 12)])
    angle = rng.uniform(0, 7, 24)
    u = rng.uniform(start, arc.stop, 12)
    near = centers_of_curvature(arc, u) + slope * 10 ** rng.uniform(-9, 0, (12, 1)) * rng.normal(size=(12, 2))
    ends = arc.points(np.array([start, arc.stop]))
    X = np.vstack([r[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]), near, ends, [[0, 0]]])
    error = np.abs(arc.distance(X) - refined_grid_distance(arc, X))
    rounding = 4 * (1 + abs(offset) + arc.stop) * np.finfo(float).eps
    assert (error <= rounding * np.maximum(slope * arc.stop, np.linalg.norm(X, axis=1))).all()


@pytest.mark.parametrize("spiral", SPIRALS)
def test_distance_agrees_with_a_million_boundary_points(spiral):
    """A sample at most half a spacing h along from the foot is farther by at most h/2.

    Away from corners, where the offset is perpendicular, that is (h/2)^2 (1/distance + curvature) / 2.
    """
    boundary = spiral.boundary(10**6)
    spacing = spiral.arc_length / 10**6
    X = spiral.radius * np.random.default_rng(0).uniform(-1.3, 1.3, (2_000, 2))
    nearest, index = KDTree(boundary).query(X)
    distance = np.abs(spiral.signed_distance(X))
    excess = nearest - distance
    assert (excess >= -rounding(spiral, X)).all()
    assert (excess <= spacing / 2 + rounding(spiral, X)).all()

    corners = np.vstack([arc.points(np.array([arc.start, arc.stop])) for arc, _ in spiral._boundary_path()])
    smooth = KDTree(corners).query(boundary[index])[0] > 2 * spacing
    curvature = 4 * math.pi * spiral.turns / spiral.radius  # of the arms at the origin, where it is greatest
    allowed = spacing**2 / 8 * (1 / distance + curvature) + rounding(spiral, X)
    assert smooth.mean() > 0.7
    assert (excess <= 1.01 * allowed)[smooth].all()


@given(st.data(), spirals())
def test_sign_is_that_of_contains(data, spiral):
    X = data.draw(points_about(spiral))
    distance = spiral.signed_distance(X)
    inside = spiral.contains(X)
    assert (distance[inside] <= 0).all()
    assert (distance[~inside] >= 0).all()


@given(st.data(), spirals())
def test_distance_is_lipschitz_across_the_boundary(data, spiral):
    """Fails where the drawn boundary is not that of `contains`: the sign would jump far from it."""
    X = data.draw(points_about(spiral))
    step = np.random.default_rng(1).normal(size=X.shape) * spiral.radius * np.logspace(-9, 0, len(X))[:, None]
    change = np.abs(spiral.signed_distance(X + step) - spiral.signed_distance(X))
    assert (change <= np.linalg.norm(step, axis=1) + rounding(spiral, X + step) + rounding(spiral, X)).all()


@pytest.mark.parametrize("spiral", SPIRALS)
def test_gradient_has_norm_one_almost_everywhere(spiral):
    h = 1e-5 * spiral.radius
    X = spiral.radius * np.random.default_rng(0).uniform(-1.3, 1.3, (20_000, 2))
    slopes = [spiral.signed_distance(X + e) - spiral.signed_distance(X - e) for e in h * np.eye(2)]
    norm = np.hypot(*slopes) / (2 * h)
    assert np.mean(np.abs(norm - 1) < 1e-4) > 0.99


@given(st.data(), spirals(), st.floats(1e-3, 1e3))
def test_distance_scales_with_the_radius(data, spiral, factor):
    X = data.draw(points_about(spiral))
    scaled = Spiral(spiral.turns, spiral.fill, spiral.tip, spiral.radius * factor)
    error = np.abs(np.abs(scaled.signed_distance(factor * X)) - factor * np.abs(spiral.signed_distance(X)))
    assert (error <= factor * rounding(spiral, X)).all()


@given(spirals(), st.integers(1, 2_000))
def test_boundary_points_are_at_distance_zero(spiral, n_samples):
    assert np.abs(spiral.signed_distance(spiral.boundary(n_samples))).max() < 1e-12 * spiral.radius


@given(st.floats(0.1, 0.9), st.floats(2.5, 30), st.floats(0.01, 0.3), st.floats(0, 1))
def test_offset_along_the_normal_is_the_distance(fill, turns, share, place):
    """On the outer arm, beyond its first turn and before the tip, by less than half a band or gap."""
    spiral = Spiral(turns=turns, fill=fill, tip=1.0, radius=3.0)
    pitch = spiral.radius / turns
    theta = 2 * math.pi + place * (2 * math.pi * (turns - 2))
    radial = np.array([math.cos(theta), math.sin(theta)])
    forward = np.array([-radial[1], radial[0]])
    outward = (theta * radial - forward) / math.hypot(theta, 1)  # perpendicular to the tangent radial + theta forward
    on_arm = pitch * theta / (2 * math.pi) * radial
    offset = share * min(fill, 1 - fill) * pitch
    distance = spiral.signed_distance([on_arm + offset * outward, on_arm - offset * outward])
    np.testing.assert_allclose(distance, [offset, -offset], rtol=0, atol=1e-12 * spiral.radius)


@given(spirals())
def test_corners_are_at_distance_zero(spiral):
    tip = 2 * math.pi * spiral.turns
    bend = tip - spiral.tip
    bend_radius = spiral.radius / spiral.turns * (bend / (2 * math.pi) - spiral.fill)
    corners = np.array([[0, 0], [spiral.radius, tip], [bend_radius, bend]])
    X = corners[:, :1] * np.column_stack([np.cos(corners[:, 1]), np.sin(corners[:, 1])])
    assert np.abs(spiral.signed_distance(X)).max() < 1e-12 * spiral.radius


@given(spirals(), st.floats(1e-6, 0.2))
def test_ahead_of_the_tip_the_tip_is_nearest(spiral, share):
    assume(spiral.turns > 2)
    angle = 2 * math.pi * spiral.turns
    radial, forward = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    ahead = share * spiral.radius / spiral.turns
    X = spiral.radius * radial + ahead * (radial + angle * forward) / math.hypot(1, angle)
    assert spiral.signed_distance([X])[0] == pytest.approx(ahead, rel=0, abs=1e-12 * spiral.radius)


@pytest.mark.parametrize("share", [1e-9, 0.3, 0.999])
def test_near_the_origin_the_origin_is_nearest(share):
    """Half filled, both arms leave along the x axis; either bends about a point of the y axis, half a slope away."""
    y = share * 0.5 / (2 * math.pi * 4)
    np.testing.assert_allclose(Spiral().signed_distance([[0, y], [0, -y]]), [-y, y], rtol=0, atol=1e-14)


def test_rows_are_measured_alone():
    """Across the blocks in which rows are worked on, and for none at all."""
    X = np.random.default_rng(0).uniform(-1, 1, (20_001, 2))
    order = np.random.default_rng(1).permutation(len(X))
    whole = Spiral().signed_distance(X)
    np.testing.assert_allclose(Spiral().signed_distance(X[order]), whole[order], rtol=0, atol=1e-14)
    assert Spiral().signed_distance(np.empty((0, 2))).shape == (0,)


def test_single_precision_points_have_double_precision_distances():
    X = np.random.default_rng(0).uniform(-1, 1, (1_000, 2)).astype(np.float32)
    single, double = Spiral().signed_distance(X), Spiral().signed_distance(X.astype(np.float64))
    assert single.dtype == np.float64
    np.testing.assert_array_equal(np.abs(single), np.abs(double))
    np.testing.assert_array_equal(single <= 0, Spiral().contains(X))


@given(spirals())
def test_arc_length_is_the_integral_of_the_speed(spiral):
    def length(slope, from_radius, to_radius):
        return quad(lambda r: math.hypot(1, r / slope), from_radius, to_radius, epsabs=0, epsrel=1e-12)[0]

    arm = spiral.radius / (2 * math.pi * spiral.turns)
    bend = arm * (2 * math.pi * (spiral.turns - spiral.fill) - spiral.tip)
    rise = (spiral.radius - bend) / spiral.tip
    expected = length(arm, 0, spiral.radius) + length(arm, 0, bend) + length(rise, bend, spiral.radius)
    assert spiral.arc_length == pytest.approx(expected, rel=1e-10)

"""The spiral against independent references: polygons, algebra, several arms against one."""

import math

import array_api_strict
import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import KDTree

from toymanifold import Ball, Shells, Spiral, SpiralBands
from toymanifold.geometry import turned
from toymanifold.strategies import spirals

one_arm = spirals(arms=st.just(1))
BANDS = [SpiralBands(Spiral(arms=arms, radius=2.0)) for arms in (1, 2, 5)]


def polygon(spiral, n_vertices):
    """Trace the boundary from its definition in r(theta), knowing nothing of `contains` or `boundary`."""
    pitch = spiral.radius / spiral.turns
    theta = np.linspace(0, 2 * np.pi * spiral.turns, n_vertices // 2)
    outer = pitch * theta / (2 * np.pi)
    bend = 2 * np.pi * spiral.turns - spiral.tip
    lagging = pitch * (theta / (2 * np.pi) - spiral.fill)
    at_bend = pitch * (bend / (2 * np.pi) - spiral.fill)
    rising = at_bend + (theta - bend) / spiral.tip * (spiral.radius - at_bend)
    inner = np.maximum(0, np.where(theta < bend, lagging, rising))
    r, angle = np.r_[outer, inner[::-1]], np.r_[theta, theta[::-1]]
    return shapely.Polygon(np.column_stack([r * np.cos(angle), r * np.sin(angle)])).buffer(0)


@pytest.mark.parametrize(
    "spiral", [Spiral(), Spiral(turns=2.3, fill=0.3, tip=1.0), Spiral(turns=7, fill=0.8, tip=6.0, radius=50.0)]
)
def test_contains_agrees_with_a_polygon(spiral):
    """At 10^5 points away from the boundary by more than the polygon's error: no disagreement."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.1 * spiral.radius, 1.1 * spiral.radius, (100_000, 2))
    shape = polygon(spiral, 20_000)
    shapely.prepare(shape)  # older versions do not by themselves, and take minutes
    step = 2 * np.pi * spiral.turns / 10_000
    sagitta = spiral.radius * step**2 / 8  # of the longest chord
    points = shapely.points(X)
    vertices = shapely.get_coordinates(shape)
    spacing = np.hypot(*np.diff(vertices, axis=0).T).max()
    clear = KDTree(vertices).query(X)[0] > spacing
    clear[~clear] = shapely.distance(shape.exterior, points[~clear]) > 2 * sagitta
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(spiral.contains(X)[clear], shapely.contains_xy(shape, X[clear]))


@given(one_arm, st.integers(1, 500))
def test_boundary_lies_on_the_arms(spiral, n_samples):
    points = spiral.boundary(n_samples)
    on_inner_arm = np.abs(spiral.phase(points) - spiral.fill) < 1e-6
    at_origin = np.hypot(*points.T) < 1e-9 * spiral.radius
    assert (on_inner_arm | _on_outer_arm(spiral, points) | at_origin).all()


@given(spirals(), st.integers(1, 100))
@example(Spiral(turns=2, fill=0.25, arms=2), 100)
def test_boundary_is_finite_for_any_number_of_arms(spiral, n_samples):
    """The example's walk along the path begins an arm at a length of -2e-15, by rounding."""
    assert np.isfinite(spiral.boundary(n_samples)).all()


def _on_outer_arm(spiral, points):
    """Return the mask of points with r = R theta / (2 pi T) for some turn of the angle."""
    rho = np.hypot(*points.T) * spiral.turns / spiral.radius
    angle = np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi)
    return np.abs((rho - angle + 0.5) % 1 - 0.5) < 1e-6


@given(one_arm)
def test_boundary_is_evenly_spaced_by_arc_length(spiral):
    """Chords of many points are all near one length; none exceeds it."""
    points = spiral.boundary(20_000)
    chords = np.hypot(*np.diff(points, axis=0, append=points[:1]).T)
    assert chords.max() <= np.median(chords) * (1 + 1e-3)
    assert (chords > 0.99 * chords.max()).mean() > 0.99


@given(one_arm, st.floats(1e-3, 1e3))
def test_membership_scales_with_the_radius(spiral, factor):
    larger = Spiral(spiral.turns, spiral.fill, spiral.tip, spiral.radius * factor)
    X = np.random.default_rng(0).uniform(-spiral.radius, spiral.radius, (200, 2))
    away = np.abs(spiral.phase(X) - spiral.fill) > 1e-9
    away &= np.abs((spiral.phase(X) - 1e-9) % 1) > 1e-8
    np.testing.assert_array_equal(larger.contains(X * factor)[away], spiral.contains(X)[away])


def test_area_is_that_of_the_band():
    """By the closed form: half the integral of (outer^2 - inner^2) over the angle."""
    spiral = Spiral()
    theta = np.linspace(0, 2 * np.pi * spiral.turns, 400_001)
    outer = theta / theta[-1]
    bend = theta[-1] - spiral.tip
    at_bend = bend / theta[-1] - spiral.fill / spiral.turns
    inner = np.where(
        theta < bend, outer - spiral.fill / spiral.turns, at_bend + (theta - bend) / spiral.tip * (1 - at_bend)
    )
    area = np.trapezoid((outer**2 - np.maximum(inner, 0) ** 2) / 2, theta)
    share = Spiral().contains(np.random.default_rng(0).uniform(-1, 1, (1_000_000, 2))).mean()
    assert share == pytest.approx(area / 4, abs=4 * math.sqrt(0.25 / 1_000_000))


def test_nothing_beyond_the_radius_is_inside():
    angle = np.linspace(0, 2 * np.pi, 1000)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    assert not Spiral().contains(1.000001 * circle).any()


def test_phase_is_one_function_for_all_array_libraries():
    torch = pytest.importorskip("torch")
    X = np.random.default_rng(0).uniform(-1, 1, (100, 2))
    expected = Spiral().phase(X)
    np.testing.assert_allclose(Spiral().phase(torch.from_numpy(X)).numpy(), expected, rtol=1e-14)
    np.testing.assert_allclose(np.asarray(Spiral().phase(array_api_strict.asarray(X))), expected, rtol=1e-14)


@pytest.mark.parametrize(
    "params",
    [
        {"turns": math.nan},
        {"turns": 0.5},
        {"turns": math.inf},
        {"fill": 0.0},
        {"fill": 1.0},
        {"tip": 0.0},
        {"tip": 22.0},
        {"radius": -1.0},
        {"arms": 0},
    ],
)
def test_a_bad_spiral_is_refused_by_name(params):
    with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter of Spiral must be"):
        Spiral(**params)


@settings(max_examples=settings().max_examples * 2 // 5)
@given(st.integers(2, 6), one_arm)
def test_arms_are_one_arm_turned(arms, one):
    """K arms contain what any of K spirals of 1/K the width contains, each turned by 1/K."""
    several = Spiral(one.turns, one.fill, one.tip, one.radius, arms)
    single = Spiral(one.turns, one.fill / arms, one.tip, one.radius)
    X = np.random.default_rng(0).uniform(-one.radius, one.radius, (200, 2))
    distances = [single.signed_distance(turned(X, -arm / arms)) for arm in range(arms)]
    clear = np.abs(distances).min(axis=0) > 1e-9 * one.radius
    np.testing.assert_array_equal(several.contains(X)[clear], np.min(distances, axis=0)[clear] <= 0)
    np.testing.assert_array_equal(several.label(X), np.argmin(distances, axis=0))
    distance = several.signed_distance(X)
    np.testing.assert_allclose(np.abs(distance), np.abs(distances).min(axis=0), atol=1e-12 * one.radius)
    assert ((distance <= 0) == several.contains(X)).all()


def test_turning_by_one_arm_moves_every_label_by_one():
    spiral = Spiral(arms=5)
    X = np.random.default_rng(0).uniform(-1, 1, (2000, 2))
    np.testing.assert_array_equal(spiral.label(turned(X, 1 / 5)), (spiral.label(X) + 1) % 5)


def test_the_two_spirals_of_lang_and_witbrock_are_two_arms():
    """Their 194 points: radius 6.5 (104 - i) / 104 at angle i pi / 16, and the same points mirrored in the origin."""
    i = np.arange(97)
    r, angle = 6.5 * (104 - i) / 104, i * np.pi / 16
    one = np.column_stack([r * np.cos(angle), -r * np.sin(angle)])  # mirrored: theirs wind the other way
    one = turned(one, 1 / 4 - 1 / 8)  # r = 2 theta, then half a band inwards
    label = Spiral(turns=3.5, radius=7.0, arms=2).label(np.vstack([one, -one]))
    assert label.tolist() == [0] * 97 + [1] * 97


@pytest.mark.parametrize("region", [Spiral(), Ball(3), Shells(3)])
def test_points_of_another_dimension_are_refused(region):
    with pytest.raises(ValueError, match=r"contains must be an array of shape \(n_samples, [23]\)"):
        region.contains(np.zeros((5, 4)))


@pytest.mark.parametrize("density", BANDS)
def test_bands_are_filled_as_their_density_says(density):
    """Chi-square on the cells of a grid: counts against the density's integral, by a fine midpoint rule."""
    n, edges = 50_000, np.linspace(-2, 2, 9)
    counts, *_ = np.histogram2d(*density.sample(n, 0).T, bins=[edges, edges])
    centres = 2.0 * ((np.arange(1000) + 0.5) / 500 - 1)
    x, y = np.meshgrid(centres, centres, indexing="ij")
    mass = np.exp(density.log_density(np.column_stack([x.ravel(), y.ravel()]))) * (4 / 1000) ** 2
    expected = n * mass.reshape(8, 125, 8, 125).sum(axis=(1, 3))
    far = np.hypot(*np.meshgrid(edges[:-1] + 0.25, edges[:-1] + 0.25)) > 0.5  # the rule is poor at the singular centre
    statistic = ((counts - expected) ** 2 / np.maximum(expected, 1e-9))[far & (expected > 5)]
    assert stats.chi2.sf(statistic.sum(), len(statistic)) > 1e-4


@pytest.mark.parametrize("density", BANDS)
def test_bands_hold_all_their_points_and_all_their_density(density):
    X = density.sample(5000, 0)
    assert density.spiral.contains(X * (1 - 1e-12)).mean() > 0.999
    assert np.isfinite(density.log_density(X)).mean() > 0.999
    everywhere = np.random.default_rng(0).uniform(-2, 2, (5000, 2))
    dense = np.isfinite(density.log_density(everywhere))
    assert density.spiral.contains(everywhere)[dense].all()

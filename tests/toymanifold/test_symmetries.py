import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from toymanifold import (
    Antipodal,
    CyclicShifts,
    CyclicTurns,
    FunctionSymmetry,
    JointTurns,
    Rotations,
    Screw,
    SignFlips,
    SmallTurns,
    Spiral,
    Symmetry,
)
from toymanifold.streams import as_generator
from toymanifold.symmetries import SYMMETRIES, _distinct

FINITE = st.one_of(
    st.just(Antipodal()),
    st.builds(SignFlips, st.integers(1, 5)),
    st.builds(CyclicTurns, st.integers(2, 9)),
    st.builds(CyclicShifts, st.integers(2, 6)),
)
INFINITE = st.one_of(
    st.builds(Rotations, st.integers(2, 4)), st.builds(JointTurns, st.sampled_from([2, 4, 6])), st.just(Screw())
)
SEEDS = st.integers(0, 2**32 - 1)


def points(symmetry, seed=0, n_samples=20, extra=1, scale=1.0):
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal((n_samples, max(symmetry.min_features, 2) + extra))


def quotient_distances(symmetry, X, Z):
    """Return the least distance of each row of X from an image of each row of Z."""
    return np.min([cdist(X, image) for image in symmetry.orbit(Z, symmetry.size)], axis=0)


@given(FINITE, SEEDS)
def test_the_whole_orbit_of_a_finite_group_has_each_image_once_and_the_point_first(symmetry, seed):
    X = points(symmetry, seed)
    orbit = symmetry.orbit(X, symmetry.size + 3, seed)
    assert orbit.shape == (symmetry.size, *X.shape)
    np.testing.assert_array_equal(orbit[0], X)
    for image in orbit.swapaxes(0, 1):
        assert len(np.unique(image.round(6), axis=0)) == symmetry.size
    np.testing.assert_array_equal(symmetry.orbit(X, symmetry.size), orbit)


@given(FINITE, SEEDS, st.data())
def test_fewer_images_are_different_members_of_the_orbit(symmetry, seed, data):
    n_images = data.draw(st.integers(1, symmetry.size))
    X = points(symmetry, seed)
    some, all_images = symmetry.orbit(X, n_images, seed), symmetry.orbit(X, symmetry.size)
    assert len(some) == n_images
    np.testing.assert_array_equal(some[0], X)
    for few, orbit in zip(some.swapaxes(0, 1), all_images.swapaxes(0, 1), strict=True):
        apart = cdist(few, orbit)
        assert len({int(nearest) for nearest in apart.argmin(axis=1)}) == n_images
        assert apart.min(axis=1).max() < 1e-12


@given(FINITE | INFINITE, SEEDS, st.integers(-40, 40))
def test_coordinates_do_not_change_along_orbits_on_any_scale(symmetry, seed, exponent):
    scale = 1.0 if isinstance(symmetry, Screw) else 10.0**exponent
    X = points(symmetry, seed, scale=scale)
    for image in symmetry.orbit(X, 6, seed):
        np.testing.assert_allclose(symmetry.coordinates(image), symmetry.coordinates(X), atol=1e-11 * scale)


@given(FINITE | INFINITE, SEEDS)
@settings(max_examples=settings().max_examples // 2)
def test_coordinates_of_tensors_are_those_of_arrays_with_finite_gradients(symmetry, seed):
    torch = pytest.importorskip("torch")
    X = points(symmetry, seed)
    if not isinstance(symmetry, Screw):  # the phase has no gradient at the origin
        X[0] = 0
    tensor = torch.tensor(X, requires_grad=True)
    new = symmetry.coordinates(tensor)
    np.testing.assert_allclose(new.detach().numpy(), symmetry.coordinates(X), rtol=1e-12, atol=1e-12)
    new.sum().backward()
    assert torch.isfinite(tensor.grad).all()


@given(FINITE | INFINITE, SEEDS)
def test_precision_is_kept(symmetry, seed):
    X = points(symmetry, seed).astype(np.float32)
    assert symmetry.orbit(X, 5, seed).dtype == symmetry.coordinates(X).dtype == np.float32
    assert symmetry.orbit(X.astype(int), 5, seed).dtype == np.float64


@given(st.integers(1, 5), SEEDS)
def test_absolute_values_are_exactly_as_far_apart_as_orbits_of_flips(k, seed):
    flips = SignFlips(k)
    X, Z = points(flips, seed), points(flips, seed + 1)
    found = cdist(flips.coordinates(X), flips.coordinates(Z))
    np.testing.assert_allclose(found, quotient_distances(flips, X, Z), rtol=1e-12, atol=1e-12)


@given(st.integers(2, 4), SEEDS)
@settings(max_examples=settings().max_examples // 5)
def test_norms_are_exactly_as_far_apart_as_orbits_of_rotations(k, seed):
    """The nearest image has the direction of the other point."""
    rotations = Rotations(k)
    X, Z = points(rotations, seed), points(rotations, seed + 1)
    nearest = np.hstack(
        [X[:, :k] * (np.linalg.norm(Z[:, :k], axis=1) / np.linalg.norm(X[:, :k], axis=1))[:, None], Z[:, k:]]
    )
    found = np.linalg.norm(rotations.coordinates(X) - rotations.coordinates(Z), axis=1)
    np.testing.assert_allclose(found, np.linalg.norm(X - nearest, axis=1), rtol=1e-9, atol=1e-12)
    images = rotations.orbit(Z, 10, seed)
    assert (np.linalg.norm(X - images, axis=2) >= found - 1e-12).all()


@given(SEEDS)
def test_products_of_planes_on_a_sphere_have_the_order_of_their_orbits(seed):
    turns = JointTurns(6)
    X, Z = (np.random.default_rng(s).standard_normal((20, 6)) for s in (seed, seed + 1))
    X, Z = (rows / np.linalg.norm(rows, axis=1)[:, None] for rows in (X, Z))
    x, z = (rows[:, ::2] + 1j * rows[:, 1::2] for rows in (X, Z))
    cos = np.abs(x.conj() @ z.T)
    np.testing.assert_allclose(cdist(turns.coordinates(X), turns.coordinates(Z)) ** 2, 1 - cos**2, atol=1e-12)


@given(st.integers(2, 9), st.sampled_from([2, 4, 6]), SEEDS)
def test_cyclic_turns_are_joint_turns_by_parts_of_a_turn(order, n_coordinates, seed):
    turns, joint = CyclicTurns(order, n_coordinates), JointTurns(n_coordinates)
    X = points(joint, seed)
    for element in range(order):
        moved = turns.act(X, np.array([element]))
        np.testing.assert_allclose(moved, joint.act(X, np.array([element / order])), atol=1e-12)
        np.testing.assert_allclose(joint.coordinates(moved), joint.coordinates(X), atol=1e-12)


def test_several_planes_have_no_coordinates_but_for_all_turns():
    assert CyclicTurns(3).has_coordinates
    assert JointTurns(4).has_coordinates
    assert not CyclicTurns(3, 4).has_coordinates
    with pytest.raises(TypeError, match="CyclicTurns has no coordinates"):
        CyclicTurns(3, 4).coordinates(np.ones((2, 4)))


def test_small_turns_are_by_the_largest_angle_at_most():
    X = np.array([[1.0, 0.0, 7.0]])
    images = SmallTurns(degrees=5).orbit(X, 1000, 0)[1:, 0]
    angles = np.degrees(np.arctan2(images[:, 1], images[:, 0]))
    assert -5 <= angles.min() < -4.9
    assert 4.9 < angles.max() <= 5
    np.testing.assert_array_equal(images[:, 2], 7)


@given(SEEDS)
def test_products_on_a_sphere_have_the_order_of_antipodal_orbits(seed):
    antipodal = Antipodal()
    X, Z = (rows / np.linalg.norm(rows, axis=1)[:, None] for rows in (points(antipodal, s) for s in (seed, seed + 1)))
    exact = quotient_distances(antipodal, X, Z)
    angle = 2 * np.arcsin(exact / 2)
    np.testing.assert_allclose(cdist(antipodal.coordinates(X), antipodal.coordinates(Z)), np.sin(angle), atol=1e-12)


@pytest.mark.parametrize("symmetry", [Antipodal(), CyclicTurns(3), CyclicTurns(7)], ids=str)
def test_short_lengths_are_those_of_the_quotient(symmetry):
    X = points(symmetry, n_samples=300)
    X = X[np.linalg.norm(X[:, :2], axis=1) > 0.1]
    Z = X + 1e-6 * np.random.default_rng(1).standard_normal(X.shape)
    found = np.linalg.norm(symmetry.coordinates(X) - symmetry.coordinates(symmetry.orbit(Z, 2, 0)[1]), axis=1)
    np.testing.assert_allclose(found, np.linalg.norm(X - Z, axis=1), rtol=1e-3)


@given(st.integers(2, 9), SEEDS)
def test_coordinates_of_turns_are_never_further_apart_than_orbits(order, seed):
    turns = CyclicTurns(order)
    X, Z = points(turns, seed), points(turns, seed + 1)
    found = cdist(turns.coordinates(X), turns.coordinates(Z))
    assert (found <= quotient_distances(turns, X, Z) + 1e-12).all()


def test_equal_coordinates_that_are_shifted_have_one_representative():
    X = np.array([[1.0, 0.0, 1.0, 0.0, 0.0]])
    images = CyclicShifts(5).orbit(X, 5)[:, 0]
    assert len(np.unique(CyclicShifts(5).coordinates(images), axis=0)) == 1


def test_the_group_acts_on_the_first_coordinates_alone():
    for symmetry in (SignFlips(2), CyclicTurns(3), CyclicShifts(2), Rotations(2), Screw()):
        X = points(symmetry, extra=3)
        assert (symmetry.orbit(X, 5, 0)[:, :, 2:] == X[:, 2:]).all()
        assert (symmetry.coordinates(X)[:, -3:] == X[:, 2:]).all()


@pytest.mark.parametrize("k", [2, 3, 5])
def test_rotations_are_uniform_and_do_not_mirror(k):
    matrices = Rotations(k).draw(4000, np.random.default_rng(0))
    np.testing.assert_allclose(
        matrices @ matrices.swapaxes(1, 2), np.broadcast_to(np.eye(k), matrices.shape), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1)
    assert abs(matrices.mean(axis=0)).max() < 6 / np.sqrt(4000 * k)
    np.testing.assert_allclose((matrices**2).mean(axis=0), 1 / k, atol=0.06)


@given(SEEDS)
@settings(max_examples=settings().max_examples // 10)
def test_a_screw_keeps_phase_and_labels_and_reaches_the_whole_arm(seed):
    spiral, X = Spiral(), np.random.default_rng(seed).uniform(-1, 1, (50, 2))
    images = Screw().orbit(X, 200, seed)
    every = images.reshape(-1, 2)
    np.testing.assert_array_equal(spiral.label(every), np.tile(spiral.label(X), 200))
    np.testing.assert_allclose(spiral.phase(every), np.tile(spiral.phase(X), 200), atol=1e-10)
    radii = np.linalg.norm(images, axis=2)
    moves = np.ptp(radii, axis=0) > 0
    assert moves[np.linalg.norm(X, axis=1) < 0.6].all()
    assert (radii[:, moves].min(axis=0) < 0.1).all()
    assert (radii[:, moves].max(axis=0) > 0.6).all()


@pytest.mark.parametrize("symmetry", [SignFlips(20), Rotations(3), Screw()], ids=str)
def test_images_are_those_of_the_seed_and_of_each_point_by_itself(symmetry):
    X = np.repeat(points(symmetry, n_samples=1) / 10, 50, axis=0)
    orbit = symmetry.orbit(X, 4, 0)
    np.testing.assert_array_equal(orbit, symmetry.orbit(X, 4, 0))
    assert (orbit[1:] != symmetry.orbit(X, 4, 1)[1:]).any()
    assert len(np.unique(orbit[1], axis=0)) > 40
    np.testing.assert_array_equal(orbit, symmetry.orbit(X, 4, as_generator(0, "test")))


@given(st.integers(1, 12), st.integers(0, 20), SEEDS)
def test_drawn_subsets_are_distinct(n_draws, more, seed):
    drawn = _distinct(n_draws, 30, n_draws + more, np.random.default_rng(seed))
    assert drawn.min() >= 0
    assert drawn.max() < n_draws + more
    assert all(len(set(column)) == n_draws for column in drawn.T.tolist())


def test_drawn_subsets_are_uniform():
    drawn = np.sort(_distinct(2, 30_000, 4, np.random.default_rng(0)), axis=0)
    counts = np.unique(drawn, axis=1, return_counts=True)[1]
    np.testing.assert_allclose(counts, 5000, rtol=0.08)


def test_elements_are_the_whole_group_or_different_ones_of_it():
    assert SignFlips(3).elements(30).tolist() == list(range(8))
    assert len(set(SignFlips(40).elements(30, 0).tolist())) == 30
    assert Rotations(3).elements(5, 0).shape == (5, 3, 3)


def test_a_function_of_ones_own_is_a_finite_group_or_one_of_a_number():
    X = points(Antipodal())
    flip = FunctionSymmetry(lambda X, g: -X if g else X, order=2)
    np.testing.assert_array_equal(flip.orbit(X, 2), Antipodal().orbit(X, 2))
    stretch = FunctionSymmetry(lambda X, t: X * (1 + t), invariants=lambda X: X[:, :1] / X[:, 1:2])
    images = stretch.orbit(X, 100, 0)
    assert ((images / X >= 1) & (images / X < 2)).all()
    np.testing.assert_allclose(stretch.coordinates(images[1]), stretch.coordinates(X))
    with pytest.raises(TypeError, match="FunctionSymmetry has no coordinates"):
        flip.coordinates(X)


def test_symmetries_are_values():
    for symmetry in (*(kind() for kind in SYMMETRIES.values()), Screw()):
        copy = pickle.loads(pickle.dumps(symmetry))
        assert copy == symmetry
        assert hash(copy) == hash(symmetry)
        assert repr(symmetry).startswith(type(symmetry).__name__)


def test_a_symmetry_needs_a_size_or_a_method_draw():
    unfinished = type("Unfinished", (Symmetry,), {"act": lambda self, X, elements: X})()
    with pytest.raises(NotImplementedError, match="Unfinished must have a size, or a method draw"):
        unfinished.orbit([[1.0]], 2)


class Mine(Symmetry):
    """A group whose parts a test replaces."""

    size = 2

    def act(self, X, elements):
        X *= 1 - 2 * elements[:, None]
        return X


def mine(**parts):
    return type("Mine", (Mine,), parts)()


def test_a_group_that_changes_points_in_place_spoils_no_image():
    X = points(Antipodal())
    kept = X.copy()
    np.testing.assert_array_equal(Mine().orbit(X, 2), [kept, -kept])
    np.testing.assert_array_equal(X, kept)


@pytest.mark.parametrize("size", [0, -1, 2.5, "2", True, 2**63])
def test_a_size_that_is_not_a_number_of_elements_is_refused(size):
    for call in (lambda: mine(size=size).orbit([[1.0]], 2), lambda: mine(size=size).elements(2)):
        with pytest.raises((TypeError, ValueError), match=r"The 'size' parameter of Mine must be an int in \[1, "):
            call()


@pytest.mark.parametrize(
    ("act", "got"),
    [
        (lambda self, X, elements: None, r"shape \(\) and dtype object"),
        (lambda self, X, elements: X[:, :1], r"shape \(3, 1\)"),
        (lambda self, X, elements: X[:1], r"shape \(1, 2\)"),
        (lambda self, X, elements: X.astype(str), r"shape \(3, 2\) and dtype <U"),
        (lambda self, X, elements: X * 1j, r"shape \(3, 2\) and dtype complex128"),
        (lambda self, X, elements: X * np.nan, "nan"),
    ],
)
def test_images_that_are_not_points_are_refused(act, got):
    with pytest.raises(ValueError, match=rf"Mine.act must return .* of shape \(3, 2\).* Got {got}"):
        mine(act=act).orbit(np.ones((3, 2)), 2)


def test_images_that_numpy_would_broadcast_are_refused():
    for function in (lambda X, g: 1.0, lambda X, g: X[:, :1], lambda X, g: X[0]):
        with pytest.raises(ValueError, match="The 'function' parameter of FunctionSymmetry must be one that returns"):
            FunctionSymmetry(function, order=2).orbit(np.ones((3, 2)), 2)


def test_draws_of_another_number_are_refused():
    short = mine(size=None, draw=lambda self, n_elements, rng: rng.random(1))
    with pytest.raises(ValueError, match=r"Mine\.draw must return an array of n_elements = 3 rows. Got shape"):
        short.orbit(np.ones((3, 2)), 2)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: SignFlips(0), "n_coordinates"),
        (lambda: SignFlips(63), "n_coordinates"),
        (lambda: CyclicTurns(1), "order"),
        (lambda: CyclicTurns(2, 3), "n_coordinates"),
        (lambda: JointTurns(3), "n_coordinates"),
        (lambda: SmallTurns(0.0), "degrees"),
        (lambda: CyclicShifts(2.0), "n_coordinates"),
        (lambda: Rotations(1), "n_coordinates"),
        (lambda: Screw(fill=2.0), "fill"),
        (lambda: FunctionSymmetry("turn"), "function"),
        (lambda: FunctionSymmetry(len, order=0), "order"),
        (lambda: FunctionSymmetry(len, invariants=1), "invariants"),
        (lambda: Rotations(3).orbit([[1.0, 2.0]], 2), "X"),
        (lambda: Antipodal().orbit([1.0, 2.0], 2), "X"),
        (lambda: Antipodal().orbit([[np.nan]], 2), "X"),
        (lambda: Antipodal().orbit([[1.0]], 0), "n_images"),
        (lambda: Antipodal().orbit([[1.0]], 2, "seed"), "random_state"),
        (lambda: Antipodal().elements(0), "n_elements"),
    ],
)
def test_bad_arguments_are_refused_by_name(make, named):
    with pytest.raises((TypeError, ValueError), match=f"The '{named}' parameter of"):
        make()

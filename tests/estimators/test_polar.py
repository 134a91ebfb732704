"""One function for numpy and torch: the same tests on both, and on a strict reading of the array API."""

import math

import array_api_strict
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from estimators import from_polar, to_polar

POINTS = npst.arrays(
    np.float64, st.tuples(st.integers(1, 5), st.integers(2, 6)), elements=st.floats(-1e6, 1e6, allow_subnormal=False)
)


@pytest.fixture(params=[np.asarray, torch.asarray, array_api_strict.asarray], ids=["numpy", "torch", "strict"])
def asarray(request):
    return request.param


@pytest.mark.parametrize("encoding", ["raw", "sincos"])
@given(X=POINTS)
def test_there_and_back(encoding, X):
    back = from_polar(to_polar(X, encoding=encoding), encoding=encoding)
    np.testing.assert_allclose(back, X, rtol=1e-9, atol=1e-9 * np.abs(X).max())


@pytest.mark.parametrize("encoding", ["raw", "sincos"])
def test_all_libraries_agree(asarray, encoding):
    X = np.random.default_rng(0).standard_normal((50, 4))
    expected = to_polar(X, encoding=encoding)
    np.testing.assert_allclose(np.asarray(to_polar(asarray(X), encoding=encoding)), expected, rtol=1e-13)


def test_plane_is_radius_and_angle(asarray):
    X = asarray([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [0.0, -1.0]])
    half = np.pi / 2
    np.testing.assert_allclose(np.asarray(to_polar(X)), [[1, 0], [2, half], [3, np.pi], [1, -half]], atol=1e-15)


def test_space_is_the_textbooks(asarray):
    """Colatitude from the first axis, then the azimuth about it."""
    r, colatitude, azimuth = 2.0, 0.7, -2.1
    point = [r * np.cos(colatitude), r * np.sin(colatitude) * np.cos(azimuth), r * np.sin(colatitude) * np.sin(azimuth)]
    np.testing.assert_allclose(np.asarray(to_polar(asarray([point])))[0], [r, colatitude, azimuth])


@given(X=POINTS)
def test_radius_is_the_norm_and_angles_are_in_range(X):
    polar = to_polar(X)
    np.testing.assert_allclose(polar[:, 0], [math.hypot(*x) for x in X], rtol=1e-12)
    assert (polar[:, 1:-1] >= 0).all()
    assert (np.abs(polar[:, 1:]) <= np.pi).all()


def test_angle_jumps_at_the_cut_where_its_cosine_and_sine_do_not():
    X = np.array([[-1.0, 1e-9], [-1.0, -1e-9]])
    raw, sincos = to_polar(X), to_polar(X, encoding="sincos")
    assert raw[0, 1] - raw[1, 1] == pytest.approx(2 * np.pi)
    np.testing.assert_allclose(sincos[0], sincos[1], atol=1e-8)


@pytest.mark.parametrize("encoding", ["raw", "sincos"])
@pytest.mark.parametrize(
    "point", [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
)
def test_gradient_is_finite_at_the_origin_and_on_the_axes(encoding, point):
    X = torch.tensor([point], dtype=torch.float64, requires_grad=True)
    to_polar(X, encoding=encoding).sum().backward()
    assert torch.isfinite(X.grad).all()


@pytest.mark.parametrize("encoding", ["raw", "sincos"])
def test_gradient_is_that_of_finite_differences(encoding):
    X = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: to_polar(x, encoding=encoding), X)


def test_float32_stays_float32(asarray):
    X = asarray(np.ones((3, 3), dtype=np.float32))
    assert to_polar(X).dtype == X.dtype
    assert from_polar(to_polar(X)).dtype == X.dtype

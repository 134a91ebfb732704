import math

import numpy as np
import pytest

from toymanifold.validation import check_choice, check_integer, check_points, check_real


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_integers_become_int(value):
    checked = check_integer(value, "n", "f", low=1)
    assert type(checked) is int
    assert checked == 3


@pytest.mark.parametrize(
    ("value", "error"), [(2.0, TypeError), ("3", TypeError), (True, TypeError), (None, TypeError), (0, ValueError)]
)
def test_what_is_no_allowed_integer_is_refused(value, error):
    with pytest.raises(error, match=r"The 'n' parameter of f must be an int in \[1, inf\)\. Got .* instead\."):
        check_integer(value, "n", "f", low=1)


def test_integer_above_its_bound_is_refused():
    with pytest.raises(ValueError, match=r"an int in \[1, 5\]\. Got 6 instead"):
        check_integer(6, "n", "f", low=1, high=5)


@pytest.mark.parametrize("value", [1, 1.0, np.float32(1), np.int8(1)])
def test_reals_become_float(value):
    assert type(check_real(value, "a", "f")) is float


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        check_real(value, "a", "f")


@pytest.mark.parametrize(("closed", "bad"), [("()", [0, 1]), ("[)", [1]), ("(]", [0]), ("[]", [])])
def test_brackets_close_or_open_an_interval(closed, bad):
    for end in (0, 1):
        if end in bad:
            with pytest.raises(ValueError, match="The 'a' parameter of f"):
                check_real(end, "a", "f", low=0, high=1, closed=closed)
        else:
            assert check_real(end, "a", "f", low=0, high=1, closed=closed) == end


@pytest.mark.parametrize("value", ["1.0", None, True, 1j])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match="Got"):
        check_real(value, "a", "f")


def test_choice_names_what_is_allowed():
    assert check_choice("b", "c", "f", ("a", "b")) == "b"
    with pytest.raises(ValueError, match=r"must be one of 'a', 'b'\. Got 'x' instead"):
        check_choice("x", "c", "f", ("a", "b"))


@pytest.mark.parametrize("given", [np.float32, np.float64, np.int64])
def test_points_are_worked_on_in_double_precision(given):
    assert check_points(np.ones((4, 2), dtype=given), 2, "f").dtype == np.float64


@pytest.mark.parametrize("shape", [(4,), (4, 3), (2, 2, 2)])
def test_points_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(n_samples, 2\)"):
        check_points(np.ones(shape), 2, "f")

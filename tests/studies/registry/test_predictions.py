import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.base import BaseEstimator

from studies.registry.predictions import predict

N = 4
X = np.zeros((N, 2))
INTEGERS, REALS, TEXTS = np.dtype(np.int64), np.dtype(np.float64), np.dtype("<U3")


class Returns(BaseEstimator):
    def __init__(self, returned):
        self.returned = returned

    def predict(self, X):
        return self.returned


@pytest.mark.parametrize(
    "returned",
    [
        [0, 1, 1, 0],
        np.array([0, 1, 1, 0], dtype=np.int8),
        np.array([[0.0], [1.0], [1.0], [0.0]]),
        np.array([False, True, True, False]),
        pd.Series([0, 1, 1, 0]),
        pd.DataFrame({"y": [0, 1, 1, 0]}),
    ],
)
@pytest.mark.parametrize("labels", [INTEGERS, REALS])
def test_a_prediction_for_each_point_is_an_array_of_one_dimension(returned, labels):
    predictions = predict(Returns(returned), X, labels)
    assert predictions.shape == (N,)
    assert (predictions == [0, 1, 1, 0]).all()


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (1, r"shape \(\)"),
        (None, r"shape \(\)"),
        ([0, 1, 1], r"shape \(3,\)"),
        ([[0, 1, 1, 0]], r"shape \(1, 4\)"),
        (np.zeros((N, 2)), r"shape \(4, 2\)"),
        (np.zeros((N, 1, 1)), r"shape \(4, 1, 1\)"),
        (["0", "1", "1", "0"], "<U1"),
        (np.array([0, 1, 1, 0], dtype=object), "object"),
        (np.array([0, 1, 1, None]), "object"),
        ([b"0", b"1", b"1", b"0"], "S1"),
        (np.array([0, 1, 1, 0], dtype=complex), "complex128"),
        (np.array([0, 1, 1, 0], dtype="datetime64[s]"), "datetime64"),
        (np.ma.array([0, 1, 1, 0], mask=[0, 1, 0, 0]), "masked"),
        ([0.0, np.nan, 1.0, 1.0], "NaN or infinity for 1 of 4 points"),
        ([-np.inf, np.inf, 1.0, 1.0], "NaN or infinity for 2 of 4 points"),
    ],
)
@pytest.mark.parametrize("labels", [INTEGERS, REALS])
def test_predictions_that_cannot_equal_the_labels_are_refused(returned, got, labels):
    with pytest.raises(ValueError, match=f"^predict must return .*{got}"):
        predict(Returns(returned), X, labels)


def test_fractions_are_values_and_not_labels():
    halves = Returns([0.0, 0.5, 1.0, 1.0])
    assert predict(halves, X, REALS).tolist() == [0.0, 0.5, 1.0, 1.0]
    with pytest.raises(ValueError, match=r"must return labels, which are whole numbers. Got 0\.5"):
        predict(halves, X, INTEGERS)


def test_texts_are_compared_with_texts_only():
    assert predict(Returns(["in", "out", "in", "in"]), X, TEXTS).tolist() == ["in", "out", "in", "in"]
    with pytest.raises(ValueError, match="can equal the problem's, which are <U3"):
        predict(Returns([0, 1, 1, 0]), X, TEXTS)


@given(npst.arrays(st.sampled_from([np.float32, np.int16, bool]), npst.array_shapes(max_dims=3, max_side=5)))
def test_any_other_shape_is_refused(returned):
    if returned.shape in ((N,), (N, 1)):
        finite = np.nan_to_num(returned, posinf=0, neginf=0)
        assert predict(Returns(finite), X, REALS).shape == (N,)
    else:
        with pytest.raises(ValueError, match="shape"):
            predict(Returns(returned), X, INTEGERS)

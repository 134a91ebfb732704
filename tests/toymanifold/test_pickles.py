"""Pickles of problems without what is new are those of earlier versions, and these are read."""

import pickle

import numpy as np
import pytest

from toymanifold import (
    CoordinateFunction,
    DataProblem,
    Spiral,
    SpiralBands,
    gaussian_problem,
    modular_problem,
    sphere_problem,
    spiral_problem,
)

NEW = {"n_unlabelled", "graph", "cosine", "start"}
X, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
AS_BEFORE = [
    spiral_problem(),
    sphere_problem(),
    gaussian_problem(cosine=1.0),
    modular_problem(),
    DataProblem.from_data(X, y),
    SpiralBands(Spiral()),
    CoordinateFunction(),
]


@pytest.mark.parametrize("value", AS_BEFORE, ids=lambda value: type(value).__name__)
def test_a_pickle_has_no_field_that_is_new_and_has_its_default(value):
    again = pickle.loads(pickle.dumps(value))
    assert not NEW & value.__getstate__().keys()
    assert pickle.dumps(again) == pickle.dumps(value)
    assert [getattr(again, name, 0) for name in NEW] == [getattr(value, name, 0) for name in NEW]


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        (spiral_problem(n_unlabelled=5), "n_unlabelled", 5),
        (CoordinateFunction(cosine=0.5), "cosine", 0.5),
        (SpiralBands(Spiral(), 1.0), "start", 1.0),
    ],
)
def test_a_pickle_has_what_is_new_and_set(value, name, expected):
    assert getattr(pickle.loads(pickle.dumps(value)), name) == expected


def test_a_pickle_has_the_graph():
    problem = DataProblem.from_data(X, y, graph=[[0, 1], [1, 0]])
    assert (pickle.loads(pickle.dumps(problem)).graph != problem.graph).nnz == 0

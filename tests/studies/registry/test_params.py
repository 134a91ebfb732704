import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from estimators import NetClassifier
from studies.registry.params import canonical, canonical_params, n_points, named_parameters, plain, variants
from toymanifold import spiral_problem

GRIDS = st.dictionaries(
    st.sampled_from("abc"), st.integers() | st.lists(st.integers(), min_size=1, max_size=3, unique=True)
)


def test_plain_data_of_python_and_toml_are_the_same():
    python = {"a": (1, 2.5), "b": np.arange(2), "c": np.float64(1.5), "d": {"e": np.bool_(True)}, "f": -0.0}
    assert canonical(plain(python)) == canonical({"a": [1, 2.5], "b": [0, 1], "c": 1.5, "d": {"e": True}, "f": 0.0})


@pytest.mark.parametrize(
    "value", [None, math.nan, math.inf, 2**63, date(2026, 1, 1), {1: 2}, [{}, [object()]], "\ud800"]
)
def test_values_without_a_toml_type_are_errors(value):
    with pytest.raises(ValueError, match="must"):
        plain(value)


def test_an_int_becomes_a_float_only_where_the_annotation_is_float():
    assert (
        canonical(canonical_params(NetClassifier, {"learning_rate": 1, "width": 5}))
        == '{"learning_rate": 1.0, "width": 5}'
    )
    assert canonical(canonical_params(RandomForestClassifier, {"max_features": 1})) == '{"max_features": 1}'
    assert canonical(canonical_params(RandomForestClassifier, {"max_features": 1.0})) == '{"max_features": 1.0}'


@pytest.mark.parametrize("builder", [NetClassifier, RandomForestClassifier, spiral_problem])
def test_parameters_at_their_defaults_are_left_out(builder):
    defaults = {name: parameter.default for name, parameter in named_parameters(builder).items()}
    assert canonical_params(builder, defaults) == {}


@given(GRIDS)
def test_variants_are_the_points_of_the_grid(params):
    points = list(variants("x", params))
    assert len(points) == n_points(params) == len({point.label for point in points})
    assert len({canonical(point.params) for point in points}) == len(points)
    for point in points:
        for name, value in params.items():
            assert point.params[name] in (value if isinstance(value, list) else [value])


def test_a_label_contains_the_axes_and_a_list_in_a_list_is_a_value():
    params = {"width": [16, 64], "sizes": [[8, 8]], "loss": "focal", "norm": [True, False]}
    assert [point.label for point in variants("net", params)] == [
        "net, width=16, norm=true",
        "net, width=16, norm=false",
        "net, width=64, norm=true",
        "net, width=64, norm=false",
    ]
    first = next(variants("net", params))
    assert first.axes == {"width": 16, "norm": True}
    assert first.params == {"width": 16, "sizes": [8, 8], "loss": "focal", "norm": True}

import numpy as np
import pytest

from studies.registry.reference_curves import ReferenceCurve, find_reference_curve


def law(width, n_samples, noise=0.5, prior=None):
    return np.nan if prior else noise * n_samples / width


@pytest.mark.parametrize(
    ("axis", "given", "expected"),
    [
        ("width", {"n_samples": 10, "depth": 3}, [5, 2.5]),
        ("width", {"n_samples": 10, "noise": 1.0, "width": 7}, [10, 5]),
        ("width", {"n_samples": 10, "prior": "polar"}, [np.nan, np.nan]),
        ("width", {"depth": 3}, [np.nan, np.nan]),
        ("depth", {"n_samples": 10, "width": 1}, [np.nan, np.nan]),
    ],
    ids=["defaults", "given", "does not apply", "lacks a parameter", "lacks the axis"],
)
def test_a_curve_takes_the_parameters_that_it_names(axis, given, expected):
    found = ReferenceCurve(law, "law").along(axis, np.array([1.0, 2.0]), given)
    np.testing.assert_array_equal(found, expected)


def test_a_function_of_an_allowed_module_is_a_curve_under_its_name(tmp_path, monkeypatch):
    (tmp_path / "my_curves.py").write_text("def inverse_width(width):\n    return 1 / width\n")
    monkeypatch.syspath_prepend(tmp_path)
    curve = find_reference_curve("my_curves:inverse_width", ["my_curves"])
    assert curve.title == "inverse width"
    assert curve.along("width", np.array([2.0]), {}) == [0.5]
    with pytest.raises(ValueError, match="my_curves"):
        find_reference_curve("my_curves:inverse_width")

import numpy as np
import pytest

from studies.analysis.curve_models import FAMILIES, fit_model

SIZES = np.geomspace(100, 100_000, 7)
LAWS = {
    "pow2": (lambda n, a, b: a * n**-b, {"a": 2, "b": 0.5}),
    "pow3": (lambda n, a, b, c: a * n**-b + c, {"a": 2, "b": 0.5, "c": 0.005}),
    "exp3": (lambda n, a, b, c: a * np.exp(-b * n) + c, {"a": 0.2, "b": 0.0003, "c": 0.01}),
    "pow4": (lambda n, a, b, c, d: a * (n + d) ** -b + c, {"a": 5, "b": 0.5, "c": 0.003, "d": 300}),
    "mmf4": (lambda n, a, b, c, d: (a * b + c * n**d) / (b + n**d), {"a": 0.3, "b": 500, "c": 0.01, "d": 0.8}),
    "wbl4": (lambda n, a, b, c, d: b * np.exp(-a * n**d) + c, {"a": 0.02, "b": 0.4, "c": 0.01, "d": 0.5}),
}


def fitted(model, errors, noise=1e-4):
    """Parameters of the formula, and relative residual."""
    x0, log_unit = np.log(SIZES).mean(), np.log(errors).mean()
    x, log_mean = np.log(SIZES) - x0, np.log(errors) - log_unit
    theta = fit_model(model, x, log_mean, np.full(len(x), noise))
    return model.parameters(theta, log_unit, x0), np.abs(model.log_error(theta, x) - log_mean).max()


def test_the_simplest_come_first():
    n_parameters = [len(LAWS[name][1]) for name in FAMILIES]
    assert n_parameters == sorted(n_parameters)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_finds_its_own_parameters(name):
    law, params = LAWS[name]
    found, residual = fitted(FAMILIES[name], law(SIZES, **params))
    assert found == pytest.approx(params, rel=1e-6)
    assert residual < 1e-9


@pytest.mark.parametrize("name", [name for name, model in FAMILIES.items() if model.is_power_law])
def test_a_power_law_falls_with_its_exponent_at_large_n(name):
    model = FAMILIES[name]
    theta = np.array([0.1, 0.7, 0.3, 0.0])[: 2 + len(model.grid) - 1 + model.has_floor]
    theta[-1] = 0.0 if model.has_floor else theta[-1]
    low, high = model.log_error(theta, np.array([30.0, 31.0]))
    assert low - high == pytest.approx(model.exponent(theta), rel=1e-6)


def test_one_size_out_of_line_counts_less_than_in_least_squares():
    errors = 2 * SIZES**-0.5
    errors[-1] *= 1.5
    found, _ = fitted(FAMILIES["pow2"], errors, noise=0.01)
    least_squares = -np.polyfit(np.log(SIZES), np.log(errors), 1)[0]
    assert abs(found["b"] - 0.5) < abs(least_squares - 0.5) / 2

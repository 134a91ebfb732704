import numpy as np
import pandas as pd
import pytest
from scipy.linalg import circulant, hankel

from studies.analysis.claims import check_claims
from studies.execution.tasks import fit_cell
from studies.library.grokking import (
    deviation_from_circulant,
    participation,
)
from studies.registry.metrics import METRICS, Fitted
from studies.registry.test_sets import TestSets
from studies.spec.cells import plan_study
from studies.spec.study import built_in
from toymanifold import modular_problem

P = 31


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_functions_of_a_sum_or_a_difference_are_circulant(rng):
    values = rng.standard_normal(P)
    for block in (circulant(values), hankel(values, np.roll(values, 1))):
        assert deviation_from_circulant(block) == pytest.approx(0, abs=1e-12)


def test_deviation_is_the_share_of_squares_off_the_nearest_circulant(rng):
    """Of an exact circulant and unrelated noise, the noise's share but for the mean along each diagonal."""
    block, noise = circulant(rng.standard_normal(P)), rng.standard_normal((P, P))
    projection = np.mean([np.roll(np.roll(noise, k, 0), k, 1) for k in range(P)], axis=0)
    off = ((noise - projection) ** 2).sum()
    assert deviation_from_circulant(block + noise) == pytest.approx(off / ((block + noise) ** 2).sum())
    assert deviation_from_circulant(noise) == pytest.approx(1 - 1 / P, abs=0.02)


def test_participation_counts_frequencies():
    t = 2 * np.pi * np.arange(P) / P
    one, two = np.cos(3 * t + 1), np.cos(3 * t + 1) + np.sin(5 * t)
    np.testing.assert_allclose(participation([one, 1e-5 * two, np.zeros(P)]), [1, 1 / 2], atol=1e-9)


@pytest.mark.parametrize("family", ["net", "rfm"])
def test_measures_are_taken_of_nets_and_of_machines(family):
    study = built_in()["grokking"].reduced()
    cell = next(p.cell for p in plan_study(study) if p.family == family)
    problem = modular_problem(modulus=P)
    fitted = Fitted(fit_cell(cell), TestSets(problem), 0.0, cell.n_samples, cell.seed)
    assert METRICS["circulant_deviation"].function(fitted) > 0.4
    found = METRICS["inverse_participation"].function(fitted)
    assert (0 < found < 0.3) if family == "net" else found == {}


def frame_of(value):
    """Return the study's frame with values by `value(planned, metric)`."""
    study = built_in()["grokking"]
    rng = np.random.default_rng(0)
    rows = []
    for p in plan_study(study):
        place = {"learner": p.learner, "family": p.family, **p.axes, "n_samples": p.cell.n_samples, "seed": p.cell.seed}
        rows += [
            {**place, "metric": name, "value": found * rng.uniform(0.99, 1)}
            for name in study.metrics[1:]
            if (found := value(p, name)) is not None
        ]
    frame = pd.DataFrame(rows)
    exact = frame["metric"].str.startswith("accuracy")
    return frame.assign(value=frame["value"].where(~exact, frame["value"].round()))


def grokking(p, metric):
    if p.family == "rfm":
        n_rounds = p.axes["n_rounds"]
        return {
            "accuracy": float(n_rounds > 8),
            "accuracy_train": 1.0,
            "circulant_deviation": np.exp(-n_rounds / 5),
        }.get(metric)
    decay, epochs = p.cell.params.get("weight_decay", 0.0), p.cell.params["epochs"]
    known = {0.0: np.inf, 1.0: 300, 5.0: 80}[decay] * (480 / p.cell.n_samples) ** 3
    return {
        "accuracy": float(epochs > known),
        "accuracy_train": float(epochs > 10),
        "circulant_deviation": 1 / epochs,
        "inverse_participation": 0.9 if decay else 0.2,
    }[metric]


def learning_at_once(p, metric):
    """A learner that knows all from the start, whatever its parameters: its measures do not move."""
    return {"circulant_deviation": 0.5, "inverse_participation": None if p.family == "rfm" else 0.5}.get(
        metric, 0.0 if p.cell.params.get("epochs", p.axes.get("n_rounds")) in (0, 2) else 1.0
    )


def test_claims_hold_of_learners_that_grok():
    assert [claim.holds for claim in check_claims("grokking", frame_of(grokking))] == [True] * 8


def test_claims_fail_of_learners_that_generalize_at_once():
    found = check_claims("grokking", frame_of(learning_at_once))
    assert True not in [claim.holds for claim in found]


@pytest.mark.slow
def test_grokking_is_supported(measured):
    """But for recursive feature machines on half of the pairs, too few for so small a modulus."""
    found = check_claims("grokking", measured("grokking").frame())
    assert [claim.holds for claim in found] == [True] * 5 + [False, True, True]

import numpy as np
import pandas as pd
import pytest

from studies.analysis.claims import check_claims
from studies.library.regularisers import NOISE, gap
from studies.spec.cells import plan_study
from studies.spec.study import built_in


def frame_of(value):
    """Return the study's frame with values by `value(planned, metric)`, each a little different by seed."""
    rng = np.random.default_rng(0)
    rows = []
    for p in plan_study(built_in()["regularisers"]):
        place = {"problem": p.problem, "learner": p.learner, "family": p.family, **p.axes}
        place |= {"n_samples": p.cell.n_samples, "seed": p.cell.seed}
        rows += [
            {**place, "metric": metric, "value": value(p, metric) - 0.001 * rng.random()}
            for metric in ("accuracy", "accuracy_train")
        ]
    return pd.DataFrame(rows)


def overfitting(p, metric):
    """Nets that memorise, and regularisers that help, the more the larger the sample."""
    if metric == "accuracy_train":
        return 1.0 if p.family == "net" else 0.8
    return 0.7 + (p.family != "net") * 0.1 * np.log10(p.cell.n_samples / 100)


def robust(p, metric):
    """Nets that learn the true labels, and regularisers that do harm."""
    return 0.8 if metric == "accuracy_train" else 1.0 if p.family == "net" else 0.7


def test_the_gap_of_the_truth_is_none():
    """One who knows the true labels is right at as many noisy ones in the sample as outside."""
    truth = frame_of(lambda p, metric: 1 - NOISE if metric == "accuracy_train" else 1.0)
    found = gap(truth[truth["flip_probability"] == NOISE], "net", NOISE)
    np.testing.assert_allclose(found, 0, atol=0.002)


def test_claims_hold_where_regularisers_help():
    assert [claim.holds for claim in check_claims("regularisers", frame_of(overfitting))] == [True] * 8


def test_claims_fail_where_there_is_no_overfitting():
    assert True not in [claim.holds for claim in check_claims("regularisers", frame_of(robust))]


def test_no_results_make_no_claims():
    assert check_claims("regularisers", frame_of(robust)[:0]) == []


@pytest.mark.slow
def test_regularisers_help_under_label_noise(measured):
    found = {claim.says: claim.holds for claim in check_claims("regularisers", measured("regularisers").frame())}
    without_noise = {says: holds for says, holds in found.items() if says.endswith("without label noise.")}
    assert all(holds for says, holds in found.items() if says not in without_noise)
    assert not any(without_noise.values())

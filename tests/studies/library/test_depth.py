import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from torch.nn.functional import cross_entropy

from estimators import NetClassifier
from studies.analysis.claims import check_claims
from studies.library.depth import first_layer_gradient, log_gradient, plot_gradient_by_layer
from studies.registry.metrics import METRICS, Fitted
from studies.registry.test_sets import TestSets
from studies.spec.cells import plan_study
from studies.spec.study import built_in
from tests.studies.library.test_kept import RESULTS
from toymanifold import sphere_problem


@pytest.mark.parametrize(("scale", "depth"), [(1.0, 3), (6**0.5, 20), (4.0, 7)])
def test_a_relu_multiplies_gradients_by_its_half(scale, depth):
    assert log_gradient("relu", scale, depth) == pytest.approx(depth / 2 * np.log(scale**2 / 6))


def test_a_tanh_of_small_signals_is_linear():
    assert log_gradient("tanh", 0.01, 4) == pytest.approx(4 / 2 * np.log(0.01**2 / 3), rel=1e-4)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("scale", [1.5, 3.0])
def test_gradients_of_wide_nets_are_as_in_theory(activation, scale):
    """Of the first output of random nets 1,000 wide, by the ratio of two depths, in which constants cancel."""
    X = torch.randn(20, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    norms = {}
    for depth in (2, 6):
        squares = []
        for seed in range(3):
            net = NetClassifier(
                depth, 1000, activation, bias=False, standardize=False, init_scale=scale, epochs=0, random_state=seed
            ).fit(X.numpy(), np.arange(20) % 2)
            module = net.net_.module_.double()
            weight = module.body[0].weight
            squares += [torch.autograd.grad(module(x[None])[0, 0], weight)[0].square().sum().item() for x in X]
        norms[depth] = np.log(np.mean(squares)) / 2
    expected = log_gradient(activation, scale, 6) - log_gradient(activation, scale, 2)
    assert norms[6] - norms[2] == pytest.approx(expected, abs=0.1)


def test_the_first_gradients_that_were_measured_are_as_in_theory():
    """Within a factor that one expects of nets 256 wide, without a constant that is fitted."""
    frame = pd.read_csv(RESULTS / "data" / "depth.csv")
    measured = frame[(frame["family"] == "plain") & (frame["metric"] == "gradient_norm_1")]
    means = measured.groupby(["activation", "init_scale", "depth"])["value"].mean()
    expected = [first_layer_gradient(depth, 10, scale, activation) for activation, scale, depth in means.index]
    assert len(means) == 2 * 4 * 5
    assert np.abs(np.log(means / expected)).max() < np.log(1.4)


def test_the_measured_norms_are_those_of_single_points():
    problem = sphere_problem(dimension=10, target="quadratic")
    net = NetClassifier(2, 8, bias=False, epochs=0, random_state=0).fit(*problem.sample(100, 0))
    found = METRICS["gradient_norm"].function(Fitted(net, TestSets(problem), 0.0, 100, 0))
    X, y = problem.sample(16, 0)
    module = net.net_.module_.double()
    squares = np.zeros(3)
    for point, label in zip(torch.from_numpy(X), torch.from_numpy(y), strict=True):
        loss = cross_entropy(module(point[None]), label[None])
        squares += [g.square().sum().item() / 16 for g in torch.autograd.grad(loss, list(module.body.parameters()))]
    assert list(found) == ["1", "2", "3"]
    np.testing.assert_allclose(list(found.values()), np.sqrt(squares))


def frame_of(value):
    rng = np.random.default_rng(0)
    rows = []
    for p in plan_study(built_in()["depth"]):
        place = {"learner": p.learner, "family": p.family, **p.axes, "n_samples": 500, "seed": p.cell.seed}
        rows.append({**place, "metric": "accuracy_train", "value": value(p, "accuracy_train")})
        for layer in range(1, p.axes["depth"] + 2):
            norm = value(p, "gradient_norm") * np.exp(0.01 * rng.standard_normal())
            rows.append({**place, "metric": f"gradient_norm_{layer}", "value": norm})
    return pd.DataFrame(rows)


def as_in_theory(p, metric):
    scale, depth = p.cell.params.get("init_scale", 1.0), p.axes["depth"]
    if metric == "accuracy_train":
        return 1.0 if p.family != "trained plain" or 2 < scale < 3 else 0.5
    if p.family != "plain":
        return 1.0
    return np.exp(log_gradient(p.axes["activation"], scale, depth))


def without_theory(p, metric):
    """Gradients that halve with each layer, and nets that train if and only if they should not."""
    if metric == "accuracy_train":
        return 1.5 - as_in_theory(p, metric)
    return 0.5 ** p.axes["depth"]


def test_claims_hold_in_theory():
    found = check_claims("depth", frame_of(as_in_theory))
    assert [claim.holds for claim in found] == [True] * 15


def test_claims_fail_without_it():
    assert True not in [claim.holds for claim in check_claims("depth", frame_of(without_theory))]


def test_a_part_of_the_results_makes_some_claims():
    frame = frame_of(as_in_theory)
    assert len(check_claims("depth", frame[frame["family"].str.startswith("trained")])) == 5
    assert check_claims("depth", frame[:0]) == []


class Kept:
    """Stands for `Results`: plots ask for the frame only."""

    def frame(self):
        return frame_of(as_in_theory)


def test_each_net_is_named_at_its_first_layer():
    ax = plot_gradient_by_layer(Kept(), Figure().subplots())
    names = [text.get_text() for text in ax.texts]
    assert names == ["scale 1", "scale 1.73", "scale 2.45", "scale 4", "layer norm", "residual"]
    assert {text.xy[0] for text in ax.texts} == {1}


@pytest.mark.slow
def test_gradients_are_as_in_theory(measured):
    found = {claim.says: claim.holds for claim in check_claims("depth", measured("depth").frame())}
    assert all(holds for says, holds in found.items() if "gradient" in says and "ReLU net of" not in says)

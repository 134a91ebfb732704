import copy

import numpy as np
import pytest
import torch
from torch import nn

from estimators import KernelRegressor, NetClassifier, NetRegressor, RandomFeaturesRegressor
from estimators.diagnostics import (
    STEEPEST,
    agop,
    as_double,
    average_gradient_outer_product,
    feature_ansatz,
    gradient_norms,
    input_gradients,
    lipschitz_lower_bound,
    lipschitz_upper_bound,
    neural_feature_matrices,
    principal_angles,
    share_inside,
)
from toymanifold.densities import GaussianMixture
from toymanifold.embedding import Embedding
from toymanifold.problems import Problem
from toymanifold.spheres import Ball

rng = np.random.default_rng(0)
X = rng.standard_normal((40, 3))


def linear(*matrices):
    """A product of linear maps, the first one applied first."""
    layers = [nn.Linear(W.shape[1], W.shape[0]) for W in matrices]
    for layer, W in zip(layers, matrices, strict=True):
        layer.weight.data = torch.tensor(W)
        layer.bias.data = layer.bias.data.double()
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def net():
    return NetClassifier(depth=2, width=8, epochs=3, dropout=0.3, random_state=0).fit(X, X[:, 0] > 0)


def seeded(build):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build()


def test_agop_of_a_linear_map_is_its_gram_matrix():
    W = rng.standard_normal((2, 3))
    np.testing.assert_allclose(average_gradient_outer_product(linear(W), X), W.T @ W, rtol=1e-14)


def test_agop_of_a_quadratic_form():
    """The gradient of x'Ax / 2 is Ax, so the AGOP is A S A with S the second moments of the points."""
    A = rng.standard_normal((3, 3))
    A += A.T
    form = torch.tensor(A)
    matrix = average_gradient_outer_product(lambda x: ((x @ form) * x).sum(dim=1) / 2, X)
    np.testing.assert_allclose(matrix, A @ (X.T @ X / len(X)) @ A, rtol=1e-12)
    np.testing.assert_allclose(agop(X @ A), matrix, rtol=1e-12)


@pytest.mark.parametrize("prior", [None, "polar"])
def test_gradients_are_those_of_finite_differences(prior):
    module = NetClassifier(width=8, epochs=2, activation="tanh", prior=prior).fit(X, X[:, 0] > 0).net_.module_
    double, h = as_double(module), 1e-5
    gradients = input_gradients(module, X)
    assert gradients.shape == (40, 3, 2)
    for j, e in enumerate(np.eye(3)):
        with torch.no_grad():
            ahead, behind = double(torch.tensor(X + h * e)), double(torch.tensor(X - h * e))
        np.testing.assert_allclose(gradients[:, j], ((ahead - behind) / (2 * h)).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    "learner", [NetRegressor(epochs=2, random_state=0), KernelRegressor("gaussian"), RandomFeaturesRegressor()]
)
def test_a_fitted_learner_is_a_function_with_gradients(learner):
    learner.fit(X, np.sin(X[:, 0]))
    gradients = learner.gradients(X)
    np.testing.assert_array_equal(input_gradients(learner, X), gradients)
    np.testing.assert_array_equal(average_gradient_outer_product(learner, X), agop(gradients))
    assert lipschitz_lower_bound(learner, X, n_steps=0) == pytest.approx(np.linalg.norm(gradients, axis=1).max())


def test_outputs_of_one_dimension_have_gradients_of_two():
    np.testing.assert_allclose(input_gradients(lambda x: x.sum(dim=1), X), np.ones_like(X))


def test_a_function_may_be_constant():
    np.testing.assert_array_equal(average_gradient_outer_product(lambda x: torch.ones(len(x)) + 0 * x[:, 0], X), 0)


def test_feature_matrices_are_named_by_layer(net):
    features = neural_feature_matrices(net.net_.module_)
    assert [(name, M.shape) for name, M in features.items()] == [
        ("body.0", (3, 3)),
        ("body.3", (8, 8)),
        ("body.6", (8, 8)),
    ]
    W = net.net_.module_.body[3].weight.detach().numpy().astype(np.float64)
    np.testing.assert_allclose(features["body.3"], W.T @ W, atol=1e-12)


def test_ansatz_holds_exactly_in_balanced_linear_maps():
    """W1 = S V', W2 = U S: W1'W1 = V S^2 V' while the AGOP at the input is V S^4 V'."""
    U, V = (np.linalg.qr(rng.standard_normal((3, 3)))[0] for _ in range(2))
    S = np.diag([3.0, 1.0, 0.2])
    module = linear(S @ V.T, U @ S)
    assert feature_ansatz(module, X, power=0.5)["0"] == pytest.approx(1)
    assert feature_ansatz(module, X)["0"] == pytest.approx((81 * 9 + 1) / np.hypot(9, 1) / np.hypot(81, 1), rel=1e-3)
    assert feature_ansatz(module, X)["1"] == pytest.approx(1)


def test_ansatz_takes_the_gradient_at_each_layers_input(net):
    """By hand: what follows a layer, as a function of what comes in."""
    module = as_double(net.net_.module_)
    with torch.no_grad():
        hidden = module.body[:3](module.inputs(torch.tensor(X))).numpy()
    G, features = average_gradient_outer_product(module.body[3:], hidden), neural_feature_matrices(module)["body.3"]
    expected = np.vdot(G, features) / np.linalg.norm(G) / np.linalg.norm(features)
    assert feature_ansatz(net.net_.module_, X)["body.3"] == pytest.approx(expected)


def test_ansatz_of_a_dead_net_is_not_a_number():
    assert np.isnan(feature_ansatz(linear(np.zeros((2, 3))), X)["0"])


def test_net_finds_the_plane_of_its_target():
    """Inside or outside a circle of a random plane in ten dimensions, the others Gaussian nuisance."""
    plane = Embedding.random(10, 2, nuisance_scale=1.0, rng=np.random.default_rng(0))
    problem = Problem(Ball(2, 1.2), GaussianMixture(np.zeros((1, 2)), 1.0), plane)
    X, y = problem.sample(2000, 0)
    net = NetClassifier(epochs=20, learning_rate=3e-3, random_state=0)
    matrix = average_gradient_outer_product(net.fit(X, y).net_.module_, X)
    assert principal_angles(matrix, plane.frame).max() < 0.1
    assert share_inside(matrix, plane.frame) > 0.9
    untrained = average_gradient_outer_product(net.set_params(epochs=0).fit(X, y).net_.module_, X)
    assert principal_angles(untrained, plane.frame).max() > 0.5
    assert share_inside(untrained, plane.frame) < 0.5


def test_lipschitz_bounds_of_a_linear_map_are_its_spectral_norm():
    W = rng.standard_normal((4, 3))
    norm = np.linalg.norm(W, 2)
    assert lipschitz_lower_bound(linear(W), X, n_steps=2) == pytest.approx(norm)
    assert lipschitz_upper_bound(linear(W), X) == pytest.approx(norm)


def test_ascent_crosses_the_kinks_of_a_piecewise_linear_function():
    """Slope 1 where the points are, 3 to the right of them, where no second derivative leads."""

    def f(x):
        return (torch.relu(x) + 2 * torch.relu(x - 1))[:, 0]

    points = np.array([[0.2], [0.5], [0.97]])
    assert lipschitz_lower_bound(f, points, n_steps=0) == 1
    assert lipschitz_lower_bound(f, points, step=0.2) == 3


def test_ascent_climbs_to_the_steepest_point_of_a_smooth_function():
    f, points = torch.tanh, np.array([[-2.0], [1.0]])
    assert lipschitz_lower_bound(f, points, n_steps=0) < 0.5
    assert 0.99 < lipschitz_lower_bound(f, points) <= 1


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "silu"])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_slopes_of_a_net_lie_between_its_bounds(activation, layer_norm):
    options = {"width": 8, "depth": 2, "epochs": 5, "dropout": 0.2, "random_state": 0}
    net = NetClassifier(activation=activation, layer_norm=layer_norm, **options).fit(X * [1, 5, 9], X[:, 0] > 0)
    module, double = net.net_.module_, as_double(net.net_.module_)
    lower, upper = lipschitz_lower_bound(module, X), lipschitz_upper_bound(module, X)
    assert lipschitz_lower_bound(module, X, n_steps=0) <= lower <= upper
    with torch.no_grad():
        A, B = (torch.tensor(rng.standard_normal((500, 3)) * [1, 5, 9]) for _ in range(2))
        assert ((double(A) - double(B)).norm(dim=1) / (A - B).norm(dim=1)).max() <= upper


def test_upper_bound_is_the_product_of_the_layers():
    module = NetClassifier(depth=1, epochs=1).fit(X * [1, 5, 9], X[:, 0] > 0).net_.module_
    norms = [np.linalg.norm(module.body[i].weight.detach().numpy().astype(np.float64), 2) for i in (0, 2)]
    assert lipschitz_upper_bound(module, X) == pytest.approx(np.prod(norms) / X[:, 0].std(), rel=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in STEEPEST if kind is not nn.Sequential])
def test_constant_of_an_activation_is_its_steepest_slope(kind):
    slope = np.abs(input_gradients(kind(), np.linspace(-6, 6, 12_001)[:, None])).max()
    assert STEEPEST[kind] - 0.002 < slope <= STEEPEST[kind]


def test_layer_norm_is_steepest_where_its_input_is_constant():
    module = nn.LayerNorm(3).double()
    with torch.no_grad():
        module.weight.copy_(torch.tensor([1.0, -4.0, 2.0]))
    upper = lipschitz_upper_bound(module, X)
    assert upper == pytest.approx(4 / np.sqrt(1e-5))
    slope = lipschitz_lower_bound(module, np.full((1, 3), 2.0), n_steps=0)
    assert 0.8 * upper < slope <= upper  # the mean is taken off, which spares some of it


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 3)

    def forward(self, x):
        return x + self.body(x)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: NetClassifier(prior="polar", epochs=1).fit(X, X[:, 0] > 0).net_.module_, "layer 'inputs.0', a Prior"),
        (lambda: nn.Sequential(nn.Linear(3, 3), nn.Softmax(dim=1)), "layer '1', a Softmax"),
        (lambda: nn.Sequential(Residual(), nn.Linear(3, 1)), "The input of layer '1' must be the output"),
        (Residual, "The output of Residual must be"),
    ],
)
def test_what_has_no_known_constant_is_refused_by_name(build, message):
    with pytest.raises(ValueError, match=message):
        lipschitz_upper_bound(seeded(build), X)


def test_gradient_norms_are_those_of_autograd_by_hand(net):
    y = (X[:, 0] > 0).astype(np.int64)
    norms = gradient_norms(net.net_.module_, X, y, nn.functional.cross_entropy)
    double = copy.deepcopy(net.net_.module_).double().eval()
    nn.functional.cross_entropy(double(torch.tensor(X)), torch.tensor(y)).backward()
    assert list(norms) == ["body.0", "body.3", "body.6"]
    for name, norm in norms.items():
        layer = double.get_submodule(name)
        assert norm == pytest.approx(np.hypot(layer.weight.grad.norm().item(), layer.bias.grad.norm().item()))


def test_gradient_norm_of_least_squares_in_closed_form():
    W, y = rng.standard_normal((1, 3)), rng.standard_normal(len(X))
    module = linear(W)
    module[0].bias.data.zero_()
    residual = X @ W[0] - y
    expected = 2 * np.hypot(np.linalg.norm(X.T @ residual), residual.sum()) / len(X)
    for loss in (nn.functional.mse_loss, "mse_loss"):
        assert gradient_norms(module, X, y, loss)["0"] == pytest.approx(expected)


CALLS = [
    lambda module: average_gradient_outer_product(module, X),
    lambda module: neural_feature_matrices(module),
    lambda module: feature_ansatz(module, X),
    lambda module: lipschitz_lower_bound(module, X, n_steps=2),
    lambda module: lipschitz_upper_bound(module, X),
    lambda module: gradient_norms(module, X, np.ones(len(X), dtype=int), nn.functional.cross_entropy),
]


@pytest.mark.parametrize("call", CALLS)
def test_net_and_global_state_are_left_as_they_were(net, call):
    module = copy.deepcopy(net.net_.module_).train()  # without the gradients of training
    before, seed = copy.deepcopy(module.state_dict()), torch.get_rng_state()
    expected = call(module)
    assert module.training
    assert all(p.grad is None and p.requires_grad and p.dtype == torch.float32 for p in module.parameters())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in module.modules())
    assert torch.equal(torch.get_rng_state(), seed)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert str(call(module)) == str(expected)
            assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: input_gradients(nn.Identity(), X[0]), "The 'X' parameter of input_gradients"),
        (lambda: input_gradients(nn.Identity(), X * np.nan), "The 'X' parameter of input_gradients must be finite"),
        (lambda: feature_ansatz(linear(X), X, power=0), "The 'power' parameter of feature_ansatz"),
        (lambda: lipschitz_lower_bound(linear(X), X, step=0), "The 'step' parameter of lipschitz_lower_bound"),
        (lambda: lipschitz_lower_bound(linear(X), X, n_steps=-1), "The 'n_steps' parameter of lipschitz_lower_bound"),
    ],
)
def test_bad_arguments_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()

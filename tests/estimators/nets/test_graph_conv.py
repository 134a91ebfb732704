import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from estimators import GraphConvClassifier
from estimators.nets.graph_conv import propagation
from estimators.nets.graph_nets import GraphConv, GraphConvNet, _Sums, _tensor
from toymanifold.graphs import check_graph

GCN_CONV = json.loads((Path(__file__).parent / "data" / "gcn_conv.json").read_text())
N = 12
RNG = np.random.default_rng(0)
PAIRS = np.array([[a, b] for a in range(N - 1) for b in range(a) if RNG.random() < 0.3]).T  # the last node has no edge
EDGES = np.hstack([PAIRS, PAIRS[::-1]])
WEIGHTS = np.tile(RNG.uniform(0.5, 2, PAIRS.shape[1]), 2)
ADJACENCY = sparse.csr_array((WEIGHTS, tuple(EDGES)), shape=(N, N))
X = RNG.standard_normal((N, 5))
Y = np.array([0, 1, 2, 0, 1, 2, *[-1] * (N - 6)])
SMALL = {"epochs": 5, "width": 4, "random_state": 0}


def dense_sums(adjacency):
    """Return D^-1/2 (A + I) D^-1/2 by its formula."""
    looped = adjacency.toarray() + np.eye(adjacency.shape[0])
    degrees = looped.sum(axis=1)
    return looped / np.sqrt(degrees[:, None] * degrees[None, :])


def layers(widths, dtype=torch.float64):
    return GraphConvNet(None, widths, dropout=0.5, seed=0, dtype=dtype).eval()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize("name", GCN_CONV["graphs"])
def test_layers_are_those_of_pytorch_geometric(name, dtype, tolerance):
    """Its outputs are kept, since skorch imports it wherever it is installed; data/make_gcn_conv.py made them."""
    graph = GCN_CONV["graphs"][name]
    net = layers([5, 4, 3], dtype)
    for own, theirs in zip(net.layers, GCN_CONV["layers"], strict=True):
        own.load_state_dict({key: torch.tensor(value, dtype=torch.float64) for key, value in theirs.items()})
    edges, points = np.array(graph["edges"], dtype=int), torch.tensor(GCN_CONV["X"], dtype=torch.float64)
    given = edges if graph["weights"] is None else sparse.coo_array((graph["weights"], tuple(edges)), shape=(N, N))
    found = net(points, _tensor(propagation(check_graph(given, N, "test")), dtype))
    np.testing.assert_allclose(found.detach().numpy(), graph["outputs"], atol=tolerance, rtol=tolerance)


def test_the_sums_are_those_of_the_formula():
    np.testing.assert_allclose(propagation(ADJACENCY).toarray(), dense_sums(ADJACENCY), atol=1e-14)


def test_a_net_is_the_formula_of_kipf_and_welling():
    net = layers([5, 4, 3])
    (W1, b1), (W2, b2) = ((layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in net.layers)
    S = dense_sums(ADJACENCY)
    expected = S @ np.maximum(S @ X @ W1 + b1, 0) @ W2 + b2
    found = net(torch.from_numpy(X), _tensor(propagation(ADJACENCY), torch.float64))
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-12)


def test_gradients_are_those_of_the_sums():
    sums = _tensor(propagation(ADJACENCY), torch.float64)
    points = torch.from_numpy(X).requires_grad_()
    assert torch.autograd.gradcheck(lambda given: _Sums.apply(sums, given), points)


def test_initial_weights_are_glorots():
    layer = GraphConv(200, 100, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    assert float(layer.weight.detach().std()) == pytest.approx(np.sqrt(2 / 300), rel=0.02)


def test_a_fit_changes_no_global_generator_and_is_repeated_by_its_seed():
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    one, same = (GraphConvClassifier(ADJACENCY, **SMALL).fit(X, Y) for _ in range(2))
    other = clone(one).set_params(random_state=1).fit(X, Y)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    np.testing.assert_array_equal(one.label_distributions_, same.label_distributions_)
    assert not np.array_equal(one.label_distributions_, other.label_distributions_)


def test_training_is_gradient_descent_on_the_labelled_nodes():
    """A step of Adam has the length of the learning rate, against the sign of the gradient."""
    options = {"standardize": False, "dropout": 0.0, "dtype": "float64", "learning_rate": 1e-3, "random_state": 0}
    before, after = (
        GraphConvClassifier(ADJACENCY, width=4, epochs=epochs, **options).fit(X, Y).net_.module_ for epochs in (0, 1)
    )
    outputs = before(torch.from_numpy(X), _tensor(propagation(ADJACENCY), torch.float64))
    torch.nn.functional.cross_entropy(outputs[:6], torch.from_numpy(Y[:6])).backward()
    for start, end in zip(before.parameters(), after.parameters(), strict=True):
        torch.testing.assert_close(end, start - 1e-3 * start.grad.sign(), atol=1e-6, rtol=0)


def test_unlabelled_nodes_take_part_in_the_graph_only():
    """Their edges count, their number does not: nodes apart from the labelled ones change no weight."""
    options = {**SMALL, "standardize": False, "dropout": 0.0}
    apart = sparse.block_diag([ADJACENCY, np.ones((3, 3))], format="csr")
    alone = GraphConvClassifier(ADJACENCY, **options).fit(X, Y)
    longer = GraphConvClassifier(apart, **options).fit(np.vstack([X, X[:3]]), np.append(Y, [-1] * 3))
    np.testing.assert_allclose(longer.label_distributions_[:N], alone.label_distributions_, atol=1e-6)


def test_relations_alone_are_learnt():
    """Two circles of friends, with one label each and features that say nothing."""
    circle = np.ones((5, 5))
    net = GraphConvClassifier(sparse.block_diag([circle, circle]), epochs=60, random_state=0)
    net.fit(np.eye(10), ["red", *[-1] * 4, "blue", *[-1] * 4])
    assert net.transduction_.tolist() == ["red"] * 5 + ["blue"] * 5


def test_new_points_are_joined_to_their_nearest_neighbours():
    net = GraphConvClassifier(n_neighbors=3, **SMALL).fit(X, Y)
    new = RNG.standard_normal((2, 5))
    nearest = np.argsort(((new[0] - X) ** 2).sum(axis=1))[:3]
    looped = np.zeros((N + 1, N + 1))
    looped[:N, :N], looped[N, nearest] = net.graph_.toarray(), 1
    looped += np.eye(N + 1)
    scale = 1 / np.sqrt(looped.sum(axis=1))
    sums = torch.from_numpy(scale[:, None] * looped * scale)
    module = net.net_.module_.double().eval()
    everyone = torch.from_numpy(np.vstack([X, new[:1]]))
    expected = module(everyone, sums).softmax(dim=1)[-1].detach().numpy()
    np.testing.assert_allclose(net.predict_proba(new)[0], expected, atol=1e-10)
    np.testing.assert_allclose(net.predict_proba(new[:1])[0], expected, atol=1e-10)  # whatever else is asked


def test_a_given_graph_has_its_own_nodes():
    net = GraphConvClassifier(EDGES, **SMALL).fit(X, Y)
    np.testing.assert_array_equal(net.predict(X), net.transduction_)
    with pytest.raises(ValueError, match=r"'X' parameter of GraphConvClassifier\.predict must be the 12 nodes"):
        net.predict(X[:3])


def test_a_larger_graph_can_be_given():
    net = GraphConvClassifier(EDGES, **SMALL).fit(X, Y)
    apart = sparse.block_diag([net.graph_, sparse.csr_array((3, 3))])
    found = net.predict_proba(np.vstack([X, X[:3]]), graph=apart)
    np.testing.assert_allclose(found[:N], net.label_distributions_, atol=1e-12)
    with pytest.raises(ValueError, match=r"'graph' parameter of GraphConvClassifier\.predict"):
        net.predict(X[:3], graph=EDGES)


def test_a_net_is_a_step_of_a_pipeline_and_pickles():
    pipe = make_pipeline(StandardScaler(), GraphConvClassifier(EDGES, standardize=False, **SMALL)).fit(X, Y)
    again = pickle.loads(pickle.dumps(pipe))
    np.testing.assert_array_equal(again.predict_proba(X), pipe.predict_proba(X))
    alone = GraphConvClassifier(EDGES, **SMALL).fit(X, Y)
    np.testing.assert_allclose(pipe.predict_proba(X), alone.predict_proba(X), atol=1e-6)


def test_a_training_that_diverges_is_an_error():
    with pytest.raises(ValueError, match="training diverged"):
        GraphConvClassifier(EDGES, learning_rate=1e30, epochs=20, random_state=0).fit(X, Y)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"graph": [[0, 12], [12, 0]]}, "graph"),
        ({"graph": [[0], [1]]}, "graph"),
        ({"graph": sparse.eye_array(3)}, "graph"),
        ({"n_neighbors": 0}, "n_neighbors"),
        ({"width": 0}, "width"),
        ({"n_layers": 0}, "n_layers"),
        ({"dropout": 1.0}, "dropout"),
        ({"epochs": -1}, "epochs"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"dtype": "float16"}, "dtype"),
        ({"device": "nowhere"}, "device"),
        ({"callbacks": ["none"]}, "callbacks"),
    ],
)
def test_what_is_not_allowed_is_named(params, named):
    with pytest.raises(ValueError, match=f"'{named}' parameter of GraphConvClassifier"):
        GraphConvClassifier(**params).fit(X, Y)


@pytest.mark.parametrize(("y", "message"), [([-1] * N, "one label at least"), ([-1, *[1] * (N - 1)], "2 classes")])
def test_labels_of_two_classes_are_needed(y, message):
    with pytest.raises(ValueError, match=message):
        GraphConvClassifier().fit(X, y)

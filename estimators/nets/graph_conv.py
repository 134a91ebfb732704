"""The net of a graph's nodes, whose layers sum over neighbours."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from estimators.base import FLOATS, check_classes
from estimators.graphs import as_adjacency
from estimators.neighbor_search import build_index, index_neighbors
from estimators.nets.base import DTYPES, check_skorch_options
from estimators.unlabelled import encode_labels
from toymanifold.graphs import check_graph
from toymanifold.validation import check_choice, check_integer, check_real, check_scale, error_message

Array = NDArray[np.float64]


class GraphConvClassifier(ClassifierMixin, BaseEstimator):
    r"""A graph convolutional net that classifies the nodes of a graph, some of them labelled.

    With the adjacency matrix A, without self-loops, and the degrees D of A + I, a layer maps the nodes' features X to
    :math:`D^{-1/2} (A + I) D^{-1/2} X W + b`; all but the last are followed by a ReLU (Kipf and Welling,
    Semi-supervised classification with graph convolutional networks, ICLR 2017). The net is trained by skorch with
    AdamW on the cross-entropy of the labelled nodes, all nodes in one batch; nodes without a label, whose y is -1, are
    part of the graph. A node without edges has itself as its only neighbour.

    Parameters
    ----------
    graph : sparse matrix, array-like or None, default=None
        A graph whose nodes are the rows of X: a symmetric sparse adjacency matrix (n_samples, n_samples) of weights, or
        an edge_index (2, n_edges) as in PyTorch Geometric, with each edge in both directions. Self-loops are left out,
        and repeated edges add up. None is the symmetric graph of nearest neighbours, as in `HarmonicClassifier`.
    n_neighbors : int, default=10
        Neighbours of a point in that graph; with fewer other points, all of them. Not used if a graph is given.
    width : int, default=16
        Units in each hidden layer.
    n_layers : int, default=2
        Layers, at least 1: a node's class depends on the nodes at most so many edges away.
    standardize : bool, default=True
        Scale the features to mean 0 and variance 1 over all nodes.
    dropout : float, default=0.5
        Share of each layer's inputs that a step sets to 0, in [0, 1).
    epochs : int, default=200
        Steps, each on all nodes.
    learning_rate : float, default=0.01
        Of AdamW.
    weight_decay : float, default=0.0
        Decoupled (Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019).
    dtype : {"float32", "float64"}, default="float32"
        Of training. Predictions are computed in float64.
    device : str, default="auto"
        A torch device, of training. "auto" is the CPU.
    callbacks : list of skorch callbacks or None, default=None
    verbose : int, default=0
        0 is silent; 1 prints each epoch's loss.
    random_state : int, RandomState or None, default=None
        Of initial weights and dropout. No global generator is read or changed.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    transduction_ : ndarray of shape (n_samples,)
        Predicted class of each node of the graph, labelled or not.
    label_distributions_ : ndarray of shape (n_samples, n_classes)
        Their probabilities.
    graph_ : csr_array of shape (n_samples, n_samples)
        Weights of the edges, A.
    net_ : skorch.NeuralNetClassifier
        The trained net. Its module takes features and the weights of the sums, ``X`` and ``sums``.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    Six people in two circles of friends, and one label in each:

    >>> import numpy as np
    >>> friends = np.array([[0, 0, 1, 3, 3, 4], [1, 2, 2, 4, 5, 5]])
    >>> both_ways = np.hstack([friends, friends[::-1]])
    >>> net = GraphConvClassifier(both_ways, random_state=0).fit(np.eye(6), [0, -1, -1, 1, -1, -1])
    >>> net.transduction_
    array([0, 0, 0, 1, 1, 1])
    """

    uses_unlabelled = True

    def __init__(
        self,
        graph: Any = None,
        n_neighbors: int = 10,
        width: int = 16,
        n_layers: int = 2,
        *,
        standardize: bool = True,
        dropout: float = 0.5,
        epochs: int = 200,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        dtype: str = "float32",
        device: str = "auto",
        callbacks: list[Any] | None = None,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.graph = graph
        self.n_neighbors = n_neighbors
        self.width = width
        self.n_layers = n_layers
        self.standardize = standardize
        self.dropout = dropout
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dtype = dtype
        self.device = device
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the net anew.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of all nodes.
        y : array-like of shape (n_samples,)
            Labels of any type; -1, or "-1" among strings, marks a node without a label.

        Returns
        -------
        self : GraphConvClassifier

        Raises
        ------
        ValueError, TypeError
            If a parameter, the graph or the data are not allowed.
        """
        from estimators.nets import graph_nets

        owner = type(self).__name__
        self._check_parameters()
        points, labels = validate_data(self, X, y, dtype=FLOATS)
        check_scale(points, "X", owner)
        self.classes_, codes = encode_labels(labels, owner)
        check_classes(self.classes_, owner)
        self.graph_ = as_adjacency(self.graph, points, self.n_neighbors, owner)
        self._neighbors = _Neighbors(points, self.n_neighbors) if self.graph is None else None
        sums = propagation(self.graph_)
        seed = int(check_random_state(self.random_state).randint(2**31))
        self.net_ = graph_nets.train(points, sums, codes, len(self.classes_), seed, self.get_params(deep=False))
        self.label_distributions_ = graph_nets.probabilities(self.net_, points, sums)
        self.transduction_ = self.classes_[self.label_distributions_.argmax(axis=1)]
        return self

    def predict_proba(self, X: ArrayLike, graph: Any = None) -> Array:
        """Return the probability of each class of `classes_` as (n_samples, n_classes).

        A net that was fitted on the graph of nearest neighbours joins each row of `X` to its `n_neighbors` nearest
        training points, and to no other row; these points stay as they are. A net that was fitted on a given graph
        takes the rows as the nodes of that graph, all of them and in their order. Either takes the rows as the nodes
        of another graph, larger or new, if it is given here.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        graph : sparse matrix, array-like or None, default=None
            A graph of the rows of `X`, as the parameter of the net.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)

        Raises
        ------
        ValueError, TypeError
            If the rows are not the nodes of the graph.
        """
        from estimators.nets import graph_nets

        check_is_fitted(self)
        owner = type(self).__name__
        points = validate_data(self, X, dtype=FLOATS, reset=False)
        check_scale(points, "X", owner, allow_tiny=True)
        if graph is None and self._neighbors is not None:
            joined = propagation(self._neighbors.join(self.graph_, points))
            everyone = np.vstack([self._neighbors.points, points])
            return graph_nets.probabilities(self.net_, everyone, joined)[-len(points) :]
        n_nodes = self.graph_.shape[0]
        if graph is None and len(points) != n_nodes:
            allowed = f"the {n_nodes} nodes of the graph in their order, unless their own graph is given"
            raise ValueError(error_message("X", f"{owner}.predict", allowed, f"{len(points)} rows"))
        own = self.graph_ if graph is None else check_graph(graph, len(points), f"{owner}.predict")
        return graph_nets.probabilities(self.net_, points, propagation(own))

    def predict(self, X: ArrayLike, graph: Any = None) -> NDArray[Any]:
        """Return the likeliest class of each row of `X` (n_samples, n_features), which is joined as in `predict_proba`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        graph : sparse matrix, array-like or None, default=None

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        best = self.predict_proba(X, graph).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def _check_parameters(self) -> None:
        owner = type(self).__name__
        check_integer(self.width, "width", owner, low=1)
        check_integer(self.n_layers, "n_layers", owner, low=1)
        check_real(self.dropout, "dropout", owner, low=0, high=1, closed="[)")
        check_integer(self.epochs, "epochs", owner, low=0)
        check_real(self.learning_rate, "learning_rate", owner, low=0, closed="()")
        check_real(self.weight_decay, "weight_decay", owner, low=0, closed="[)")
        check_choice(self.dtype, "dtype", owner, DTYPES)
        check_skorch_options(self.callbacks, self.device, owner)


class _Neighbors:
    """The training points, for new ones to be joined to."""

    def __init__(self, points: NDArray[np.floating], n_neighbors: int) -> None:
        self.points = points.astype(np.float64)
        self.n_neighbors = min(n_neighbors, len(points))
        self._index = build_index(self.points)

    def join(self, graph: sparse.csr_array, X: NDArray[np.floating]) -> sparse.csr_array:
        """Return a graph with further nodes, each with edges from its nearest training points, and none to them."""
        nearest = index_neighbors(self._index, X.astype(np.float64), self.n_neighbors)[1]
        ends = np.repeat(np.arange(len(X)), self.n_neighbors), nearest.ravel()
        edges = sparse.csr_array((np.ones(nearest.size), ends), shape=(len(X), len(self.points)))
        return sparse.block_array([[graph, None], [edges, sparse.csr_array((len(X), len(X)))]], format="csr")


def propagation(graph: sparse.csr_array) -> sparse.csr_array:
    """Return D^-1/2 (A + I) D^-1/2, of the adjacency matrix A (n, n) and the row sums D of A + I."""
    looped = graph + sparse.eye_array(graph.shape[0], format="csr")
    scale = sparse.diags_array(1 / np.sqrt(looped.sum(axis=1)))
    return (scale @ looped @ scale).tocsr()

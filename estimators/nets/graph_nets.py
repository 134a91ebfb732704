"""The torch and skorch side of a graph convolutional net: its module, its training and its outputs."""

import copy
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import skorch
import torch
from numpy.typing import NDArray
from scipy import sparse
from skorch.callbacks import Callback
from skorch.dataset import Dataset
from torch import Tensor, nn

from estimators.base import mean_and_std
from estimators.nets.building import CountsSteps, PlainAdamW
from estimators.nets.modules import Dropout, Standardize
from estimators.nets.training import Params, raise_if_diverged

Floats = NDArray[np.floating]


class _Sums(torch.autograd.Function):
    """The product of a constant symmetric sparse matrix and a dense one.

    In torch the gradient transposes the matrix at each step, which takes several times as long.
    """

    @staticmethod
    def forward(ctx: Any, sums: Tensor, X: Tensor) -> Tensor:
        ctx.sums = sums
        return sums @ X

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, ctx.sums @ gradient


class GraphConv(nn.Module):
    """A layer of Kipf and Welling: a linear map, weighted sums over neighbours, and a constant.

    Parameters
    ----------
    n_inputs, n_outputs : int
    generator : torch.Generator
        Of the initial weights, which are uniform with variance 2 / (n_inputs + n_outputs) (Glorot and Bengio 2010).
    dtype : torch.dtype
    """

    def __init__(self, n_inputs: int, n_outputs: int, *, generator: torch.Generator, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_inputs, n_outputs, dtype=dtype, device="cpu"))
        self.bias = nn.Parameter(torch.zeros(n_outputs, dtype=dtype, device="cpu"))
        nn.init.xavier_uniform_(self.weight, generator=generator)

    def forward(self, X: Tensor, sums: Tensor) -> Tensor:
        """Map features (n_nodes, n_inputs), summed with the weights `sums` (n_nodes, n_nodes), a sparse matrix."""
        summed: Tensor = _Sums.apply(sums, X @ self.weight)
        return summed + self.bias


class GraphConvNet(nn.Module):
    """Layers `GraphConv` with ReLU between them, each behind a dropout, and a standardisation in front.

    Parameters
    ----------
    scale : tuple of ndarray of shape (n_inputs,), or None
        Mean and standard deviation of the features.
    widths : list of int
        Numbers of features, from the inputs to the outputs.
    dropout : float
    seed : int
        Of the initial weights and of dropout.
    dtype : torch.dtype
    """

    def __init__(
        self,
        scale: tuple[Floats, Floats] | None,
        widths: list[int],
        *,
        dropout: float,
        seed: int,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.inputs = nn.Sequential() if scale is None else Standardize(*scale)
        self.dropouts = nn.ModuleList(
            Dropout(dropout, seed, layer) if dropout else nn.Identity() for layer in range(len(widths) - 1)
        )
        self.layers = nn.ModuleList(
            GraphConv(n_in, n_out, generator=generator, dtype=dtype) for n_in, n_out in pairwise(widths)
        )

    def forward(self, X: Tensor, sums: Tensor) -> Tensor:
        """Map the features (n_nodes, n_inputs) of the nodes of a graph to outputs (n_nodes, n_outputs)."""
        features = self.inputs(X).to(sums.dtype)
        for index, (dropout, layer) in enumerate(zip(self.dropouts, self.layers, strict=True)):
            features = layer(dropout(features.relu() if index else features), sums)
        return features


class _FullBatch(CountsSteps, skorch.NeuralNetClassifier):
    """A skorch net whose only batch are all nodes of a graph."""

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:  # noqa: ARG002
        """Return the batch of an epoch."""
        return [(dataset.X, dataset.y)]


class _Divergence(Callback):
    """End a training whose loss is not finite."""

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        raise_if_diverged(net.history[-1])


def train(
    X: Floats, sums: sparse.csr_array, codes: NDArray[np.int64], n_classes: int, seed: int, params: Params
) -> skorch.NeuralNetClassifier:
    """Return a net trained on the nodes of a graph.

    Parameters
    ----------
    X : ndarray of shape (n_nodes, n_features)
    sums : csr_array of shape (n_nodes, n_nodes)
        Symmetric.
    codes : ndarray of int64, of shape (n_nodes,)
        Classes of the nodes, -1 for those without a label.
    n_classes, seed : int
    params : mapping
        Of `estimators.GraphConvClassifier`, by name.

    Returns
    -------
    net : skorch.NeuralNetClassifier
    """
    dtype = getattr(torch, params["dtype"])
    points = X.astype(np.float64)
    module = GraphConvNet(
        mean_and_std(points, None) if params["standardize"] else None,
        [X.shape[1], *[params["width"]] * (params["n_layers"] - 1), n_classes],
        dropout=params["dropout"],
        seed=seed,
        dtype=dtype,
    )
    options = {} if params["verbose"] else {"callbacks__print_log": None}
    net = _FullBatch(
        module,
        criterion=nn.CrossEntropyLoss,
        criterion__ignore_index=-1,
        optimizer=PlainAdamW,
        optimizer__weight_decay=params["weight_decay"],
        lr=params["learning_rate"],
        callbacks=[*(params["callbacks"] or []), ("divergence", _Divergence)],
        callbacks__valid_acc=None,
        classes=list(range(n_classes)),
        train_split=None,
        verbose=params["verbose"],
        device="cpu" if params["device"] == "auto" else params["device"],
        **options,
    ).initialize()
    inputs = {"X": torch.from_numpy(points), "sums": _tensor(sums, dtype)}
    return net.partial_fit(Dataset(inputs, torch.from_numpy(codes)), epochs=params["epochs"])


def probabilities(net: skorch.NeuralNetClassifier, X: Floats, sums: sparse.csr_array) -> NDArray[np.float64]:
    """Return the probabilities (n_nodes, n_classes) of the nodes of a graph, from a pass in float64."""
    module = copy.deepcopy(net.module_).cpu().double().eval()
    with torch.inference_mode():
        outputs = module(torch.from_numpy(X.astype(np.float64)), _tensor(sums, torch.float64))
    found: NDArray[np.float64] = outputs.softmax(dim=1).numpy()
    return found


def _tensor(matrix: sparse.csr_array, dtype: torch.dtype) -> Tensor:
    """Return a sparse matrix as one of torch, by rows, whose products are several times as fast as of coordinates."""
    starts, columns, values = (torch.from_numpy(part) for part in (matrix.indptr, matrix.indices, matrix.data))
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # torch calls these matrices a beta
        tensor: Tensor = torch.sparse_csr_tensor(
            starts, columns, values, matrix.shape, dtype=dtype, check_invariants=False
        )
    return tensor

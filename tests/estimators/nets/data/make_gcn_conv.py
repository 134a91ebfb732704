"""Write what two layers of PyTorch Geometric make of small graphs, to which ours are held.

    pip install torch-geometric
    python make_gcn_conv.py

It is not installed for the tests: where it is, skorch imports it too, which takes seconds and warns.
"""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

N_NODES, WIDTHS = 12, (5, 4, 3)


def outputs(layers, X, edges, weights):
    """Return the outputs of the layers, with a ReLU between them."""
    edges, weights = torch.from_numpy(edges), None if weights is None else torch.from_numpy(weights)
    hidden = layers[0](torch.from_numpy(X), edges, weights).relu()
    return layers[1](hidden, edges, weights).detach().numpy()


def main():
    import torch_geometric  # here, since pytest imports this file for its docstrings
    from torch_geometric.nn import GCNConv

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    pairs = np.array([[a, b] for a in range(N_NODES - 1) for b in range(a) if rng.random() < 0.3]).T  # 11 is isolated
    edges, X = np.hstack([pairs, pairs[::-1]]), rng.standard_normal((N_NODES, WIDTHS[0]))
    layers = [GCNConv(*sizes).double() for sizes in pairwise(WIDTHS)]
    for layer in layers:
        layer.bias.data.normal_()
    loops = np.tile(np.arange(0, N_NODES, 2), (2, 1))
    graphs = {
        "edges": (edges, None),
        "weights": (edges, np.tile(rng.uniform(0.1, 3, pairs.shape[1]), 2)),
        "self-loops": (np.hstack([loops, edges]), None),
        "repeated edges": (np.hstack([edges, edges[:, ::3], edges[::-1, ::3]]), None),
        "no edges": (np.empty((2, 0), dtype=np.int64), None),
    }
    found = {
        "torch_geometric": torch_geometric.__version__,
        "X": X.tolist(),
        "layers": [{"weight": layer.lin.weight.T.tolist(), "bias": layer.bias.tolist()} for layer in layers],
        "graphs": {
            name: {
                "edges": edges.tolist(),
                "weights": None if weights is None else weights.tolist(),
                "outputs": outputs(layers, X, edges, weights).tolist(),
            }
            for name, (edges, weights) in graphs.items()
        },
    }
    Path(__file__).with_name("gcn_conv.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

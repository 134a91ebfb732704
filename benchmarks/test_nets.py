"""A net of 3 x 64 on 1,000 points beside its peers, those that are installed; the cost of an epoch is constant."""

import pytest
import torch

from benchmarks.anchors import fit_skorch, fit_torch
from benchmarks.peers import fit_jax, fit_numba, fit_torch_compile
from estimators import NetClassifier
from toymanifold import make_spiral

EPOCHS = 40
X, y = make_spiral(1000, random_state=0)


def fit_ours(X, y, variant, epochs, seed, batch_size):
    NetClassifier(epochs=epochs, batch_size=batch_size, random_state=seed, **variant).fit(X, y)


FITS = {
    "bare torch": fit_torch,
    "numba": fit_numba,
    "NetClassifier": fit_ours,
    "skorch": fit_skorch,
    "torch.compile": fit_torch_compile,
    "JAX with optax": fit_jax,
}


@pytest.mark.benchmark(group="train on 1,000 points, an epoch")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch.compile calls what torch deprecates
@pytest.mark.parametrize("batch_size", [128, 1000])
@pytest.mark.parametrize("name", FITS)
def test_training(timed, name, batch_size):
    if name == "JAX with optax":
        pytest.importorskip("jax", reason="JAX is not installed")
        pytest.importorskip("optax", reason="optax is not installed")
    torch.set_num_threads(1)
    points = X.astype("float32")
    timed(f"{name}, batch {batch_size}", lambda: FITS[name](points, y, {}, EPOCHS, 0, batch_size), EPOCHS)

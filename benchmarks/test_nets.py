"""A net of 3 x 64 on 1,000 points beside skorch and a bare torch loop; the cost of an epoch is constant."""

import pytest
import torch

from benchmarks.anchors import fit_skorch, fit_torch
from estimators import NetClassifier
from toymanifold import make_spiral

EPOCHS = 40
X, y = make_spiral(1000, random_state=0)


def fit_ours(X, y, variant, epochs, seed, batch_size):
    NetClassifier(epochs=epochs, batch_size=batch_size, random_state=seed, **variant).fit(X, y)


FITS = {"bare torch": fit_torch, "NetClassifier": fit_ours, "skorch": fit_skorch}


@pytest.mark.benchmark(group="train on 1,000 points, an epoch")
@pytest.mark.parametrize("batch_size", [128, 1000])
@pytest.mark.parametrize("name", FITS)
def test_training(timed, name, batch_size):
    torch.set_num_threads(1)
    points = X.astype("float32")
    timed(f"{name}, batch {batch_size}", lambda: FITS[name](points, y, {}, EPOCHS, 0, batch_size), EPOCHS)

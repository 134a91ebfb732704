"""A net of 3 x 64 on 1,000 points beside skorch's defaults and a bare torch loop; the cost of an epoch is constant."""

import pytest
import skorch
import torch

from estimators import NetClassifier
from toymanifold import make_spiral

EPOCHS = 40
X, y = make_spiral(1000, random_state=0)
POINTS, LABELS = torch.tensor(X, dtype=torch.float32), torch.tensor(y)


def network():
    layers = [torch.nn.Linear(2, 64), torch.nn.ReLU()]
    for _ in range(2):
        layers += [torch.nn.Linear(64, 64), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(64, 2))


def ours(batch_size):
    NetClassifier(epochs=EPOCHS, batch_size=batch_size, random_state=0).fit(X, y)


def skorch_defaults(batch_size):
    """As skorch's documentation shows it, with Adam in place of plain gradient descent."""
    net = skorch.NeuralNetClassifier(
        network,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=EPOCHS,
        batch_size=batch_size,
        iterator_train__shuffle=True,
        verbose=0,
    )
    net.fit(POINTS.numpy(), y)


def bare_torch(batch_size):
    net = network()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    for _ in range(EPOCHS):
        order = torch.randperm(len(POINTS))
        for rows in order.split(batch_size):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(POINTS[rows]), LABELS[rows]).backward()
            optimizer.step()


FITS = {"bare torch": bare_torch, "NetClassifier": ours, "skorch": skorch_defaults}


@pytest.mark.benchmark(group="train on 1,000 points, an epoch")
@pytest.mark.parametrize("batch_size", [128, 1000])
@pytest.mark.parametrize("name", FITS)
def test_training(timed, name, batch_size):
    torch.set_num_threads(1)
    timed(f"{name}, batch {batch_size}", lambda: FITS[name](batch_size), EPOCHS)

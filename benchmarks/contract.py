"""How many of scikit-learn's checks each estimator passes, as Markdown tables: ours, skorch's and xrfm's.

    SCIPY_ARRAY_API=1 OMP_NUM_THREADS=1 python benchmarks/contract.py

Ours are the instances of tests/estimators/test_contract.py. A peer is checked if it is installed.
"""

import logging
import runpy
import warnings
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import skorch
import torch
from sklearn.utils.estimator_checks import check_estimator

TESTS = runpy.run_path(str(Path(__file__).parents[1] / "tests/estimators/test_contract.py"))


def tally(estimator: Any) -> str:
    """Return the number of checks passed, of those run, and the reasons of the others."""
    try:
        expected = TESTS["expected_failures"](estimator)
        results = check_estimator(estimator, expected_failed_checks=expected, on_fail=None)
    except Exception as error:  # of an estimator for which the checks cannot even be listed
        return f"0: {type(error).__name__}, {str(error).split('. ')[0]}"
    counts = Counter(result["status"] for result in results)
    text = f"{counts['passed']} of {len(results) - counts['skipped']}"
    notes = {"xfail": "expected", "failed": "FAILED", "skipped": "skipped"}
    reasons = ", ".join(f"{counts[status]} {note}" for status, note in notes.items() if counts[status])
    return f"{text} ({reasons})" if reasons else text


def print_table(header: list[str], rows: list[list[str]]) -> None:
    for cells in (header, ["---", *["--:"] * (len(header) - 1)], *rows):
        print(f"| {' | '.join(cells)} |", flush=True)
    print()


class Small(torch.nn.Module):
    """A module such as skorch's documentation has, but for any number of features and of any type."""

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        layers = torch.nn.LazyLinear(16), torch.nn.ReLU(), torch.nn.Linear(16, n_outputs)
        self.layers = torch.nn.Sequential(*layers).double()

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.layers(X.double())


def peers() -> Iterator[tuple[str, Any]]:
    common = {"max_epochs": 25, "lr": 0.02, "optimizer": torch.optim.Adam, "train_split": None, "verbose": 0}
    classifier = {"module__n_outputs": 5, "criterion": torch.nn.CrossEntropyLoss}
    yield "skorch `NeuralNetClassifier`", skorch.NeuralNetClassifier(Small, **classifier, **common)
    yield "skorch `NeuralNetRegressor`", skorch.NeuralNetRegressor(Small, module__n_outputs=1, **common)
    if find_spec("xrfm"):
        from xrfm import xRFM

        yield "xrfm `xRFM`", xRFM(device="cpu", verbose=False)


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable()
    print_table(["ours", "checks passed"], [[name, tally(ours)] for name, ours in TESTS["OURS"].items()])
    print_table(["peer", "checks passed"], [[name, tally(peer)] for name, peer in peers()])


if __name__ == "__main__":
    main()

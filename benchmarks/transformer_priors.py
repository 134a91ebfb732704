"""Transformers of scikit-learn as priors on the spiral: errors, and what each is worth, as a Markdown table.

    OMP_NUM_THREADS=1 python benchmarks/transformer_priors.py

The numbers are kept beside this file, and the table stands in docs/priors.md. A prior's worth is how many times the
samples that it has at n = 1,000 the learner without it needs for the same error.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import RBFSampler
from sklearn.preprocessing import FunctionTransformer, SplineTransformer

from estimators import make_learner
from studies.analysis import NoEquivalence, data_equivalence
from toymanifold import spiral_problem

KEPT = Path(__file__).with_suffix(".csv")

N, N_TEST, SEEDS = 1000, 20_000, range(5)
SIZES = (500, 1000, 2000)
PLAIN_SIZES = (125, 250, 500, 1000, 2000, 4000, 8000)
"""Of the learners without a prior."""

LEARNERS = {"kNN (k = 1)": ("knn", {"n_neighbors": 1}), "net": ("net", {})}


def polar(X):
    """Return radius and angle of points of the plane."""
    return np.column_stack([np.hypot(X[:, 0], X[:, 1]), np.arctan2(X[:, 1], X[:, 0])])


PRIORS = {
    "none": None,
    '"polar"': "polar",
    "FunctionTransformer(polar)": FunctionTransformer(polar),
    "RBFSampler(gamma=10)": RBFSampler(gamma=10, random_state=0),
    "PCA()": PCA(),
    "SplineTransformer(n_knots=10)": SplineTransformer(n_knots=10),
}


def measured() -> Iterator[tuple]:
    """Yield learner, its kind, n, seed, the name of the metric, and the error on fresh points."""
    for seed in SEEDS:
        problem = spiral_problem(problem_seed=seed)
        X, y = problem.sample(max(PLAIN_SIZES), seed)
        X_test, y_test = problem.sample(N_TEST, seed, split="test")
        for learner, (name, params) in LEARNERS.items():
            for label, prior in PRIORS.items():
                for n in PLAIN_SIZES if prior is None else SIZES:
                    own = params | ({"random_state": seed} if name == "net" else {})
                    fitted = make_learner(name, prior=prior, **own).fit(X[:n], y[:n])
                    yield learner, label, n, seed, "error", 1 - fitted.score(X_test, y_test)


def table(frame: pd.DataFrame) -> str:
    """Return the errors at n = 1,000 in per cent, with the worth in brackets, as a Markdown table."""
    lines = ["| `prior=` | " + " | ".join(LEARNERS) + " |", "|---|" + "--:|" * len(LEARNERS)]
    for label in PRIORS:
        cells = [cell(frame[frame["kind"] == learner], label) for learner in LEARNERS]
        lines.append(f"| {label if label == 'none' else f'`{label}`'} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(frame: pd.DataFrame, label: str) -> str:
    """Return an error in per cent, and how many times the samples the learner without a prior needs for it."""
    error = frame.loc[(frame["learner"] == label) & (frame["n_samples"] == N), "value"].mean()
    if label == "none":
        return f"{100 * error:.1f}"
    try:
        worth = data_equivalence(frame, label, "none", N).times
    except NoEquivalence:
        return f"{100 * error:.1f} (no single size)"
    return f"{100 * error:.1f} ({worth.value_text()} {worth.bounds_text()})"


if __name__ == "__main__":
    columns = ["kind", "learner", "n_samples", "seed", "metric", "value"]
    kept = pd.DataFrame(measured(), columns=columns)
    kept.to_csv(KEPT, index=False, float_format="%.6g")
    print(table(pd.read_csv(KEPT)))

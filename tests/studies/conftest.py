import numpy as np
import pytest

from studies import Outcome, Results, Store, Study, plan_study
from studies.metrics import MAP_SIZE


@pytest.fixture
def tiny():
    """A study of a few cheap cells."""
    return Study.model_validate(
        {
            "name": "tiny",
            "question": "Does it work?",
            "seeds": 2,
            "sizes": {"start": 20, "stop": 200, "per_decade": 1},
            "gallery": [20],
            "quick": {"seeds": 1, "shrink": 2},
            "learners": {
                "kNN": {"estimator": "knn-1"},
                "kNN + phase": {"estimator": "knn-1", "prior": "phase", "max_samples": 100},
            },
            "questions": [
                {
                    "ask": "Does the phase help?",
                    "a": {"learner": "kNN + phase", "n_samples": 20},
                    "b": {"learner": "kNN", "n_samples": 20},
                }
            ],
        }
    )


def power_law(learner, n_samples, seed):
    """Errors of the study `worth`: the polar net does with a quarter of the data, kNN needs 2.5 times as much."""
    head_start = {"net": 1, "net + polar": 4, "kNN": 0.4}[learner]
    return 3 * (head_start * n_samples) ** -0.5 * (1 + 0.05 * np.sin(7 * seed + 3))


def store_errors(study, store, error=power_law):
    """Store a study's cells as if they had been run, with the errors that are given."""
    side = np.arange(MAP_SIZE)
    for planned in plan_study(study):
        cell = planned.cell
        wrong = error(planned.learner, cell.n_samples, cell.seed)
        values = {"accuracy": 1 - wrong, "accuracy_uniform": 1 - 1.5 * wrong, "fit_seconds": cell.n_samples / 1e4}
        shown = (side[:, None] < 240 * wrong) | (side > 120) if cell.n_samples in study.gallery else None
        store.add(Outcome(cell.key, cell.spec, "ok", values, shown, seconds=1.0))


@pytest.fixture(scope="session")
def worth():
    """A study whose answers are known: see `power_law`."""
    net = {"estimator": "net", "params": {"epochs": 10}, "max_samples": 10_000}
    return Study.model_validate(
        {
            "name": "worth",
            "question": "What is the prior worth?",
            "seeds": 3,
            "sizes": {"start": 100, "stop": 100_000, "per_decade": 2},
            "gallery": [100, 10_000],
            "quick": {"seeds": 1, "shrink": 10},
            "learners": {"net": net, "net + polar": {**net, "prior": "polar"}, "kNN": {"estimator": "knn-1"}},
            "questions": [
                {
                    "ask": "Does the prior help?",
                    "a": {"learner": "net + polar", "n_samples": 1000},
                    "b": {"learner": "net", "n_samples": 1000},
                },
                {
                    "ask": "Does kNN catch up?",
                    "a": {"learner": "kNN", "n_samples": 10_000},
                    "b": {"learner": "net + polar", "n_samples": 1000},
                },
            ],
        }
    )


@pytest.fixture(scope="session")
def worth_url(worth, tmp_path_factory):
    """The address of a store in which the study `worth` is measured in full; to be read only."""
    url = f"sqlite:///{tmp_path_factory.mktemp('worth')}/results.db"
    with Store(url) as store:
        store_errors(worth, store)
    return url


@pytest.fixture(scope="session")
def worth_results(worth, worth_url):
    """The results of the study `worth`."""
    with Store(worth_url) as store:
        yield Results(worth, store)

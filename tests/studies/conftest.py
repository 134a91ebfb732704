import pytest

from studies import Study


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

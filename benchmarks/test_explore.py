"""How long a teacher waits when a slider of `toymanifold explore` is moved: from question to answer, by HTTP."""

import itertools
from statistics import median
from urllib.request import urlopen

import pytest

QUESTIONS = {
    "kNN, n = 10,000": "learner=knn&n_samples=10000",
    "kNN, n = 10,000, k = 9": "learner=knn&n_samples=10000&n_neighbors=9",
    "net of 200 epochs, n = 1,000": "learner=net&n_samples=1000&epochs=200",
    "net of 500 epochs, n = 1,000": "learner=net&n_samples=1000&epochs=500",
}


@pytest.mark.benchmark(group="an answer of explore")
@pytest.mark.parametrize("name", QUESTIONS)
def test_answer(benchmark, measured, explored, name):
    turns = itertools.cycle(1 + 0.25 * step for step in range(29))  # so that nothing is drawn already

    def move():
        with urlopen(f"{explored}/scene?{QUESTIONS[name]}&turns={next(turns)}") as answer:
            return answer.read()

    benchmark.pedantic(move, rounds=15, warmup_rounds=2)
    if benchmark.stats is not None:  # it is None under --benchmark-disable
        measured[f"{name}, ms", None] = 1000 * median(benchmark.stats.stats.data)

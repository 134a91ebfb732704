import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from estimators import NeighborsClassifier
from studies.analysis.claims import check_claims
from studies.analysis.findings import find
from studies.analysis.verdicts import verdicts
from studies.library.prior_vs_data import are_little, limit_of_uniform_ratio
from studies.spec.study import built_in
from studies.web.wording import headline, worth_lines
from toymanifold import UniformBox, spiral_problem

SIZES = np.round(np.geomspace(100, 100_000, 7))
LEARNERS = {  # factor and exponent of error = factor * n ** -exponent
    "net": (2.0, 0.5),
    "net + polar": (1.0, 0.5),
    "net + polar + extras": (1.0, 0.5),
    "kNN, k=1": (3.15, 0.5),
    "kNN, k=1 + polar": (1.6, 0.5),
}


LIMITS = [limit_of_uniform_ratio(spiral_problem(problem_seed=seed)) for seed in range(5)]


def frame_of(uniform=1.0, **changed):
    """Power laws, and errors over the square that are `uniform` times what they are in the limit of many points."""
    rng, luck = np.random.default_rng(1), np.random.default_rng(2)
    rows = []
    for learner, (factor, exponent) in {**LEARNERS, **changed}.items():
        for seed in range(5):
            for n in SIZES:
                error = factor * n**-exponent * np.exp(0.01 * rng.standard_normal())
                rows.append((learner, int(n), seed, "accuracy", 1 - error))
                over = uniform * LIMITS[seed] * error * np.exp(0.01 * luck.standard_normal())
                rows.append((learner, int(n), seed, "accuracy_uniform", 1 - over))
    return pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])


def test_the_story_is_recognised():
    verdicts = [claim.holds for claim in check_claims("prior-vs-data", frame_of())]
    assert verdicts == [True, True, True, None, True, True, True]  # the ratio differs between five densities


@pytest.mark.parametrize(
    ("changed", "which", "verdict"),
    [
        ({"net + polar": (2.5, 0.5)}, 0, False),
        ({"net + polar + extras": (3.5, 0.5)}, 1, False),
        ({"kNN, k=1": (6.0, 0.5)}, 2, False),
        ({"uniform": 0.5}, 3, False),
        ({"uniform": 2.0}, 3, None),
        ({"uniform": 0.85}, 4, False),
        ({"net + polar": (4.0, 0.7)}, 5, False),
        ({"kNN, k=1 + polar": (3.2, 0.5)}, 6, False),
    ],
)
def test_another_story_is_not(changed, which, verdict):
    assert check_claims("prior-vs-data", frame_of(**changed))[which].holds is verdict


def test_without_a_law_exponents_are_inconclusive():
    few = frame_of().query("n_samples in (100, 1000, 10000)")
    assert [claim.holds for claim in check_claims("prior-vs-data", few)][5:] == [None] * 2


@pytest.mark.parametrize(
    ("effect", "verdict"), [(0.0, True), (0.07, True), (-0.07, True), (0.1, None), (0.2, False), (-0.2, False)]
)
def test_an_effect_is_little_in_either_direction_or_it_is_not(effect, verdict):
    spread = pd.Series([-0.01, 0.0, 0.02, -0.02, 0.01])
    assert verdicts([are_little(effect + spread, pd.Series([0.5] * 5))]) == [verdict]


@pytest.mark.parametrize(("half_width", "ratio"), [(1.0, 1.0), (2.0, 4.0)])
def test_errors_over_the_square_are_as_many_times_more_as_the_density_there_is_lower(half_width, ratio):
    """Of a uniform density over a wider square, of which only a share lies about the region."""
    problem = replace(spiral_problem(), density=UniformBox(2, half_width))
    assert limit_of_uniform_ratio(problem) == pytest.approx(ratio)


def test_the_limit_is_that_of_a_strip_along_the_boundary():
    """Beside errors that are counted, of so simple a spiral that its strip is narrow at 100,000 points."""
    problem, n = spiral_problem(turns=1.0), 100_000
    X, y = problem.sample(n, 0)
    neighbour = NeighborsClassifier(1).fit(X, y)
    wrong = []
    for density in (problem.density, UniformBox(2)):
        points, labels = replace(problem, density=density).sample(1_000_000, 1, split="test")
        wrong.append(np.mean(neighbour.predict(points) != labels))
    assert wrong[1] / wrong[0] == pytest.approx(limit_of_uniform_ratio(problem), rel=0.15)


def test_the_worth_by_the_recipe_of_the_article_is_beside_that_of_the_study():
    """The polar net of the article is measured at one size, the plain one at three."""
    frame = frame_of(**{"net, 1,000 epochs": (1.7, 0.5), "net + polar, 1,000 epochs": (1.0, 0.5)})
    kept = {"net, 1,000 epochs": [1000, 3162, 10_000], "net + polar, 1,000 epochs": [1000]}
    sizes = frame["learner"].map(kept).map(lambda found: found if isinstance(found, list) else list(SIZES))
    frame = frame[[n in found for n, found in zip(frame["n_samples"], sizes, strict=True)]]
    frame.attrs |= {"n_test": 50_000, "own_test": True}
    (found,) = find(built_in()["prior-vs-data"], frame)
    first, *_, last = headline(found)
    assert first.startswith("The polar prior was worth 4")
    assert first.endswith("times the data to net at n = 316, 1,000 and 3,162, over 5 problems, one for each seed.")
    assert re.fullmatch(
        r"The polar prior was worth 2\.9 \[.*\] times the data to net, 1,000 epochs at n = 1,000\.", last
    )
    assert [line.split(" times")[0][:29] for line in worth_lines(found)] == [first[:29], last[:29]]


@pytest.mark.slow
def test_the_story_is_reproduced(measured):
    verdicts = [claim.holds for claim in check_claims("prior-vs-data", measured("prior-vs-data").frame())]
    assert verdicts[:3] == [True] * 3

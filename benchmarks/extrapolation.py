"""How well laws of learning curves extrapolate on real curves: those of the learning curve database (LCDB).

    pip download --no-deps --dest /tmp lcdb==0.1.0
    OMP_NUM_THREADS=1 python benchmarks/extrapolation.py /tmp/lcdb-0.1.0.tar.gz --half 2
    OMP_NUM_THREADS=1 python benchmarks/extrapolation.py /tmp/lcdb-0.1.0.tar.gz --half 2 --every 3

The package (68 MB, which is read and not installed) holds the accuracies of 20 classifiers of scikit-learn on 248 data
sets of OpenML, at sizes of 16 times the powers of the square root of 2 (Mohr, Viering, Loog and van Rijn, ECML PKDD
2022). Two minutes of one core for each half.

*Curves.* Four classifiers, drawn at random, of each data set with at least 3,036 training rows. Seeds are the five
outer seeds with the inner seed 0. A curve is fitted up to the largest size that is at most 1 / 5.5 of its last one, on
five sizes with errors and one and a half decades at least; every third of these sizes has about the spacing of the
built-in studies. The truth is the mean error of all splits, 25 as a rule, at the last size: 5.5 to 7.8 times as far.

*Halves.* The data sets are shuffled (seed 0). The first half has the odd places; all choices were made on it.

*The rule* was written, with all this, before anything of the second half was measured. An extrapolation is the hull of
the jackknife intervals of all models that the data do not rule out and of the straight line, in logarithms, through the
last three sizes, widened by n^-+DRIFT beyond the last. DRIFT is the smallest multiple of 0.01 with which 95 % of them
hold the truth on the first half, with all sizes and with every third: 0.03. It is offered if on the second half, over
all curves, whether they have a law or not, both with all sizes and with every third,

- it holds the truth in 90 % of curves or more, and
- the median width of its logarithm is at most 1.5 times that of the line alone at equal coverage: the line's own
  jackknife interval, widened or narrowed by n^-+k, until it holds as often.

If it fails one of these, `ScalingLaw.extrapolate`, and the dotted lines of plots, go. Curves with a law are too few for
a rule of their own, and are shown beside.
"""

import argparse
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studies.analysis.curve_models import FAMILIES, fit_candidates
from studies.analysis.intervals import Interval, hull, jackknife_interval
from studies.analysis.learning_curves import LearningCurve
from studies.analysis.scaling_laws import UNDECIDED, NoScalingLaw, fit_scaling

Array = NDArray[np.float64]

STEP, DECADES, MIN_SIZES, LEARNERS, SEED = 5.5, 1.5, 5, 4, 0
LEAST_ROWS = 3036
SPLITS = 20  # of 25, that a size has at least
COLUMNS = ["openmlid", "learner", "size_train", "size_test", "outer_seed", "inner_seed", "score_test"]
MODELS = ("pow3", "pow4", "mmf4")
OURS, LINE = "law and line", "three-point line"


@dataclass(frozen=True)
class Task:
    """A curve up to some size, and the logarithm of the error at a larger one."""

    curve: LearningCurve
    n: float
    truth: float

    @property
    def step(self) -> float:
        return float(np.log(self.n / self.curve.sizes[-1]))


def read(archive: Path) -> pd.DataFrame:
    """Return the errors of 25 splits."""
    with tarfile.open(archive) as files:
        (member,) = (file for file in files if file.name.endswith("/database-accuracy.csv"))
        frame = pd.read_csv(files.extractfile(member), usecols=COLUMNS, dtype={"learner": "category"})
    frame = frame[frame["inner_seed"] < 5]
    return frame.assign(error=(1 - frame["score_test"]).clip(lower=0).round(4))


def tasks(frame: pd.DataFrame, half: int, every: int) -> Iterator[Task]:
    """Yield the curves of one half of the data sets, of every so manieth size."""
    rows = frame.groupby("openmlid")["size_train"].max()
    shuffled = np.random.default_rng(SEED).permutation(np.sort(rows[rows >= LEAST_ROWS].index))
    rng = np.random.default_rng(SEED)
    for data_set in shuffled[half - 1 :: 2]:
        part = frame[frame["openmlid"] == data_set]
        learners = rng.permutation([str(learner) for learner in part["learner"].unique()])
        found = (task(part[part["learner"] == learner], every) for learner in learners)
        yield from islice(filter(None, found), LEARNERS)


def task(rows: pd.DataFrame, every: int) -> Task | None:
    """Return the task of one learner on one data set; None if too little is measured or all is classified rightly."""
    splits = rows.groupby("size_train")["error"].agg(["mean", "size"])
    seeds = rows[rows["inner_seed"] == 0].pivot(index="outer_seed", columns="size_train", values="error")
    seeds = seeds.dropna(axis=1)[[n for n in seeds.dropna(axis=1) if splits.loc[n, "size"] >= SPLITS]]
    if len(seeds) < 5 or seeds.empty:
        return None
    last = seeds.columns[-1]
    fitted = seeds[[n for n in seeds if n <= last / STEP][::-every][::-1]]
    sizes = fitted.columns.to_numpy(dtype=float)
    if len(sizes) < MIN_SIZES or np.log10(sizes[-1] / sizes[0]) < DECADES - 0.01:
        return None
    curve = LearningCurve(sizes, fitted.to_numpy(), int(rows["size_test"].median()))
    if np.count_nonzero(curve.has_errors()) < MIN_SIZES:
        return None
    truth = max(float(splits.loc[last, "mean"]), 0.5 / curve.n_test)
    return Task(curve, float(last), float(np.log(truth)))


def extrapolations(task: Task) -> tuple[dict[str, Interval], str]:
    """Return the interval of each method for the logarithm of the error, and if there is a law."""
    curve, n = task.curve, task.n
    try:
        law, verdict = fit_scaling(curve), "law"
    except NoScalingLaw as refusal:
        law, verdict = refusal.estimate, "; ".join(refusal.reasons)
    logs = curve.log_means()
    line = jackknife_interval(np.polyfit(np.log(curve.sizes[-3:] / n), logs[:, -3:].T, 1)[1])
    own = {name: fit_candidates(curve, [FAMILIES[name]])[0] for name in MODELS}
    candidates = [jackknife_interval(fit.log_errors(n)) for fit in law.candidates]
    chosen = jackknife_interval(law.chosen.log_errors(n))
    ours = law.extrapolate(n)
    found = {
        OURS: Interval(*np.log((ours.mean, ours.low, ours.high))),
        "law alone": hull(chosen, candidates),
        LINE: line,
        "last value": jackknife_interval(logs[:, -1]),
        **{name: jackknife_interval(fit.log_errors(n)) for name, fit in own.items()},
    }
    return found, verdict


def needed(intervals: Array, truth: Array, step: Array) -> Array:
    """Return the exponent by which each interval must be widened to hold the truth; negative where it need not be."""
    return np.maximum(intervals[:, 1] - truth, truth - intervals[:, 2]) / step


def table(intervals: dict[str, Array], truth: Array, step: Array) -> pd.DataFrame:
    """Return how often intervals hold, how wide they are, and how wide at the coverage of ours."""
    coverage = float(np.mean(needed(intervals[OURS], truth, step) <= 0))
    rows = []
    for method, found in intervals.items():
        need, width = needed(found, truth, step), found[:, 2] - found[:, 1]
        k = float(np.quantile(need, coverage, method="higher"))
        rows.append(
            {
                "extrapolation": method,
                "holds, %": 100 * np.mean(need <= 0),
                "median width": np.median(width),
                "k": 0.0 if method == OURS else k,
                "width at equal coverage": np.median(width if method == OURS else np.maximum(width + 2 * k * step, 0)),
                "median miss": np.median(np.abs(found[:, 0] - truth)),
                "90 % of misses below": np.quantile(np.abs(found[:, 0] - truth), 0.9),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Print the tables of one half."""
    parser = argparse.ArgumentParser(description="How well laws extrapolate on the curves of LCDB.")
    parser.add_argument("archive", type=Path, help="lcdb-0.1.0.tar.gz")
    parser.add_argument("--half", type=int, choices=(1, 2), required=True)
    parser.add_argument("--every", type=int, choices=(1, 3), default=1, help="every third size only")
    words = parser.parse_args()
    asked = list(tasks(read(words.archive), words.half, words.every))
    answers = [extrapolations(each) for each in asked]
    truth, step = np.array([each.truth for each in asked]), np.array([each.step for each in asked])
    verdicts = pd.Series([verdict for _, verdict in answers])
    intervals = {
        method: np.array([(found[method].mean, found[method].low, found[method].high) for found, _ in answers])
        for method in answers[0][0]
    }
    groups = {"all": np.full(len(asked), True), "not decided": verdicts == UNDECIDED, "law": verdicts == "law"}
    for name, chosen in groups.items():
        print(f"{name}: {np.sum(chosen)} curves")
        if np.sum(chosen):
            part = {method: found[chosen] for method, found in intervals.items()}
            print(table(part, truth[chosen], step[chosen]).to_markdown(index=False, floatfmt=".2f"))


if __name__ == "__main__":
    main()

"""The worths of named priors that built-in studies have measured, kept in worths.csv beside this module."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Self

import pandas as pd

from estimators.priors import PRIORS
from estimators.worths import PredictedWorth
from studies.analysis.findings import PriorWorth, find, worth_of
from studies.analysis.intervals import CensoredInterval
from studies.analysis.verdicts import VERDICTS, verdict_of
from studies.spec.cells import plan_series
from studies.spec.study import Study

SOURCES = ("prior-vs-data", "symmetry")
"""The studies whose worths are kept."""

N_SAMPLES = 1_000
"""Number of samples at which a worth is kept, if both learners have it; else the one at which it is reported."""

_FILE = "worths.csv"


@dataclass(frozen=True)
class KeptWorth:
    """The worth of a named prior to a learner on a problem.

    Attributes
    ----------
    prior : str
        Name of the prior.
    study, problem, informed, plain : str
        The study with its labels of the problem, and of the learner with the prior and without it.
    n_samples : int
        Of the informed learner.
    times : float
        How many times the data: infinite where it is more than `low`, 0 where it is at most `high`.
    low, high : float
        The 95 % interval.
    predicted, predicted_low, predicted_high : float
        The worth by theory with its tolerated range; NaN without theory.
    source : str
        That of the theory.
    """

    prior: str
    study: str
    problem: str
    informed: str
    plain: str
    n_samples: int
    times: float
    low: float
    high: float
    predicted: float
    predicted_low: float
    predicted_high: float
    source: str

    @classmethod
    def of(cls, prior: str, study: str, problem: str, worth: PriorWorth) -> Self:
        """Return the worth of a prior that a study has measured."""
        theory = worth.predicted or PredictedWorth(math.nan, math.nan, math.nan, "")
        ends = (worth.times.mean, worth.times.low, worth.times.high)
        given = (prior, study, problem, worth.informed, worth.plain, round(worth.n_informed))
        return cls(*given, *ends, theory.times, theory.low, theory.high, theory.source)

    @property
    def measured(self) -> CensoredInterval:
        """The measured worth with its interval."""
        return CensoredInterval(self.times, self.low, self.high)

    @property
    def theory(self) -> PredictedWorth | None:
        """The worth by theory."""
        if math.isnan(self.predicted):
            return None
        ends = self.predicted_low, self.predicted_high
        return PredictedWorth(self.predicted, *ends, self.source, is_bound=self.predicted_low == 1)

    @property
    def texts(self) -> dict[str, str]:
        """The worth as a row of a table, by heading."""
        theory = self.theory
        return {
            "prior": self.prior,
            "with it": self.informed,
            "without": self.plain,
            "problem": f"{self.problem} of {self.study}",
            "n": f"{self.n_samples:,}",
            "worth": str(self.measured),
            "theory": "" if theory is None else theory.text(),
            "verdict": "" if theory is None else VERDICTS[verdict_of(self.measured, theory.low, theory.high)],
        }


def find_worths(study: Study, frame: pd.DataFrame) -> Iterator[KeptWorth]:
    """Yield the worths of named priors in a frame of a study, in the study's order."""
    cells = {(p.problem, p.learner): p.cell for p in plan_series(study)}
    labels = list(dict.fromkeys(problem for problem, _ in cells))
    for found in find(study, frame):
        problem = found.problem or labels[0]
        for worth in found.worths:
            name = cells[problem, worth.informed].prior
            if name in PRIORS:
                yield KeptWorth.of(name, study.name, problem, _at_common_size(study, found.judged_rows, worth))


def _at_common_size(study: Study, rows: pd.DataFrame, worth: PriorWorth) -> PriorWorth:
    sizes = [set(rows.loc[rows["learner"] == learner, "n_samples"]) for learner in (worth.informed, worth.plain)]
    if N_SAMPLES not in set.intersection(*sizes):
        return worth
    return worth_of(study, rows, worth.informed, worth.plain, N_SAMPLES)


def kept_worths() -> list[KeptWorth]:
    """Return the kept worths, in the order of `PRIORS`."""
    with resources.files("studies.library").joinpath(_FILE).open(encoding="utf-8") as file:
        rows = pd.read_csv(file, dtype={"source": str}, keep_default_na=False, na_values=["nan"])
    return [KeptWorth(**{str(key): value for key, value in row.items()}) for row in rows.to_dict("records")]


def as_table(worths: Iterable[KeptWorth]) -> pd.DataFrame:
    """Return worths as a table, one row each, in the order of `PRIORS`."""
    order = list(PRIORS)
    return pd.DataFrame(map(asdict, sorted(worths, key=lambda worth: order.index(worth.prior))))


def as_csv(worths: Iterable[KeptWorth]) -> str:
    """Return worths as the text of worths.csv."""
    return as_table(worths).to_csv(index=False, float_format="%.4g", na_rep="nan")

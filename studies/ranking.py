"""Ranks of learners over problems, and the difference of mean ranks that is critical.

Demsar, Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006), sections 3.2.2 and 3.2.3.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from studies.inference import CONFIDENCE
from toymanifold.validation import error_message


@dataclass(frozen=True, eq=False)
class Ranking:
    """Mean ranks of learners over problems.

    Attributes
    ----------
    ranks : Series
        Mean rank by learner, the best (lowest) first.
    p : float
        Of Friedman's test that all learners are alike. Where it is above 0.05 no difference is to be read.
    critical_difference : float
        Two mean ranks that are further apart are of different learners (Nemenyi's test, all pairs at once).
    groups : tuple of tuple of str
        The largest groups of learners within one critical difference, which a diagram joins by a bar.
    """

    ranks: pd.Series
    p: float
    critical_difference: float
    groups: tuple[tuple[str, ...], ...]


def rank_learners(errors: pd.DataFrame) -> Ranking:
    """Rank learners on each of several problems, and compare their mean ranks.

    Parameters
    ----------
    errors : DataFrame
        One row a problem, one column a learner: at least 2 rows and 3 columns, and none missing. Ties share a rank.

    Returns
    -------
    ranking : Ranking

    Raises
    ------
    ValueError
        If there are fewer rows or columns, or values are missing.
    """
    n_problems, n_learners = errors.shape
    if n_problems < 2 or n_learners < 3 or errors.isna().any(axis=None):
        allowed = "of 2 or more problems (rows) and 3 or more learners (columns), with none missing"
        raise ValueError(error_message("errors", "rank_learners", allowed, f"shape {errors.shape}"))
    ranks = errors.rank(axis=1).mean().sort_values(kind="stable")
    p = 1.0 if (errors.nunique(axis=1) == 1).all() else stats.friedmanchisquare(*errors.to_numpy().T).pvalue
    quantile = stats.studentized_range.ppf(CONFIDENCE, n_learners, np.inf) / np.sqrt(2)
    critical = float(quantile * np.sqrt(n_learners * (n_learners + 1) / (6 * n_problems)))
    return Ranking(ranks, float(p), critical, _groups(ranks, critical))


def _groups(ranks: pd.Series, critical: float) -> tuple[tuple[str, ...], ...]:
    values = ranks.to_numpy()
    ends = np.searchsorted(values, values + critical, side="right")
    spans = [(start, end) for start, end in enumerate(ends) if end - start > 1]
    largest = [span for i, span in enumerate(spans) if i == 0 or span[1] > spans[i - 1][1]]
    return tuple(tuple(ranks.index[start:end]) for start, end in largest)

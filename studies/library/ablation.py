"""The 2^3 factorial of what is thought to help: the main effect of each factor, paired over all that else varies."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd

from studies.claims import Claim, claims
from studies.compare import paired_difference
from studies.inference import Interval
from studies.library.prior_vs_data import STORY, is_less, percentage_points
from studies.library.seeds import NotMeasured, by_seed, tell

FACTORS = {  # the value with, and the value without
    "loss": ("focal", "cross_entropy"),
    "layer_norm": (True, False),
    "weight_decay": (0.01, 0.0),
}
_NAMES = {"loss": "Focal loss", "layer_norm": "Layer norm", "weight_decay": "Weight decay of 0.01"}


def main_effect(frame: pd.DataFrame, factor: str, n_samples: int) -> Interval:
    """Return what a factor adds to the error, the mean over the other factors, with its interval over seeds.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame` of the study ``ablation``.
    factor : str
        A key of `FACTORS`.
    n_samples : int
    """
    rows = frame[(frame["metric"] == "accuracy") & (frame["n_samples"] == n_samples) & (frame["family"] == "net")]
    table = 1 - rows.pivot_table(index="seed", columns=factor, values="value")
    if len(table) < 2 or table.shape[1] < 2:
        raise NotMeasured(f"{factor} at n = {n_samples}")
    with_it, without = FACTORS[factor]
    return paired_difference(table[with_it], table[without])


def prior_gain(frame: pd.DataFrame, n_samples: int) -> Interval:
    """Return how much lower the error of the bare polar net is than that of the plain net, with its interval."""
    rows = frame[frame["n_samples"] == n_samples]
    plain = by_seed(rows, "accuracy", family="plain net")[n_samples]
    bare: dict[str, Any] = {factor: without for factor, (_, without) in FACTORS.items()}
    return paired_difference(by_seed(rows, "accuracy", family="net", **bare)[n_samples], plain)


@claims("ablation")
def check(frame: pd.DataFrame) -> Iterator[Claim]:
    """Check that none of the three is worth what the prior is worth, at each sample size."""
    sizes = sorted(frame["n_samples"].unique())
    return tell(frame, (partial(_adds_little, factor=factor, n=n) for n in sizes for factor in FACTORS))


def _adds_little(frame: pd.DataFrame, factor: str, n: int) -> Claim:
    effect, gain = main_effect(frame, factor, n), prior_gain(frame, n)
    return Claim(
        f"{_NAMES[factor]} adds little to the polar prior (n = {n:,})",
        STORY,
        f"changes the error by {percentage_points(effect)}; the prior lowers it by {percentage_points(gain)}",
        is_less(effect, gain),
    )

"""The 2^3 factorial of what is thought to help: the main effect of each factor, paired over all that else varies."""

from collections.abc import Iterator

import pandas as pd

from studies.claims import Claim, claims
from studies.curves import errors
from studies.inference import Interval, mean_interval
from studies.library.prior_vs_data import STORY, is_less, percentage_points

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
    rows = errors(frame)
    rows = rows[(rows["metric"] == "error") & (rows["n_samples"] == n_samples) & (rows["family"] == "net")]
    table = rows.pivot_table(index="seed", columns=factor, values="value")
    with_it, without = FACTORS[factor]
    return mean_interval(table[with_it] - table[without])


def prior_gain(frame: pd.DataFrame, n_samples: int) -> Interval:
    """Return how much lower the error of the bare polar net is than that of the plain net, with its interval."""
    rows = errors(frame)
    rows = rows[(rows["metric"] == "error") & (rows["n_samples"] == n_samples)]
    bare = rows[rows["family"] == "net"]
    for factor, (_, without) in FACTORS.items():
        bare = bare[bare[factor] == without]
    plain = rows[rows["family"] == "plain net"].set_index("seed")["value"]
    return mean_interval((plain - bare.set_index("seed")["value"]).dropna())


@claims("ablation")
def check(frame: pd.DataFrame) -> Iterator[Claim]:
    """Check that none of the three is worth what the prior is worth, at each sample size."""
    for n_samples in sorted(frame["n_samples"].unique()):
        gain = prior_gain(frame, n_samples)
        for factor, name in _NAMES.items():
            effect = main_effect(frame, factor, n_samples)
            yield Claim(
                f"{name} adds little to the polar prior (n = {n_samples:,})",
                STORY,
                f"changes the error by {percentage_points(effect)}; the prior lowers it by {percentage_points(gain)}",
                is_less(effect, gain),
            )

"""What all tests share."""

import contextlib
import os
import sys

os.environ["SCIPY_ARRAY_API"] = "1"  # without it scikit-learn silently skips some of its checks
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes on two cores

from hypothesis import HealthCheck, settings

with contextlib.suppress(ModuleNotFoundError):  # tests of the data run without them, on the oldest numpy
    import matplotlib as mpl
    import torch

    mpl.use("agg")
    torch.set_num_threads(1)

# Examples are the same for everybody and at every run: what passes on one machine passes on all. `make fuzz` draws
# others, ten times as many, and remembers what failed; --hypothesis-seed counts only there. A test that wants fewer
# takes a share of settings().max_examples, and so has its part in either.
any_speed = settings(settings.get_profile("default"), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", any_speed, derandomize=True, database=None)
settings.register_profile("fuzz", any_speed, max_examples=1000, print_blob=True)
settings.load_profile("same")

# Hypothesis also tries constants of whatever modules happen to be imported, which is for fuzzing only.
providers = sys.modules.get("hypothesis.internal.conjecture.providers")
if hasattr(providers, "_get_local_constants"):
    none_yet, mined = providers._local_constants, providers._get_local_constants
    providers._get_local_constants = lambda: none_yet if settings().derandomize else mined()

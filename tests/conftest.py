"""What all tests share."""

import os

os.environ["SCIPY_ARRAY_API"] = "1"  # without it scikit-learn silently skips some of its checks
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes on two cores

import matplotlib as mpl
import torch

mpl.use("agg")
torch.set_num_threads(1)

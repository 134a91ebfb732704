"""Kernel machines: ridge regression with a kernel, and recursive feature machines, which learn the kernel's metric.

The estimators are in `ridge` and `rfm`; they are made of kernels (`functions`), `solvers` and rules for `bandwidths`.
"""

from estimators.kernels.rfm import RFMClassifier, RFMRegressor
from estimators.kernels.ridge import KernelClassifier, KernelMachine, KernelRegressor

__all__ = ["KernelClassifier", "KernelMachine", "KernelRegressor", "RFMClassifier", "RFMRegressor"]

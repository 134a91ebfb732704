"""Measurements: a study is planned, run, stored, analysed and shown.

The names below are public, and so are those of `studies.analysis` and `studies.plots`; everything else may move. Each
name is imported when it is first used (PEP 562), so that a program loads no more than it needs.
"""

import lazy_loader

from studies.siblings import check_siblings

OWNER = "toymanifold"

check_siblings()
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

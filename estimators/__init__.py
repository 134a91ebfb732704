"""Learners with and without a prior, all of them scikit-learn estimators.

A name is imported from its module when it is first used (PEP 562), so ``import estimators`` loads neither torch nor
scikit-learn.
"""

import lazy_loader

OWNER = "toymanifold"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

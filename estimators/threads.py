"""A limit of BLAS to one thread, for computations in several threads."""

import functools
import threading
from typing import Any

from threadpoolctl import ThreadpoolController


class _OneBlasThread:
    """A limit of BLAS to one thread, from the first entry of several to the last exit.

    The limit is one of the process, so computations in several threads cannot each set it and set it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._limits: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._limits = _blas().limit(limits=1)
            self._n_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._limits.restore_original_limits()


one_blas_thread = _OneBlasThread()
"""A context in which BLAS has one thread, since the computation has threads of its own, or is too small for them."""


@functools.cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()

"""What a worker process does beside its tasks: one thread, a clock, and a last word about where it was.

A worker may hang or die inside C code, where no Python handler runs. So the clock and the stack that it leaves behind
are `faulthandler`'s, which need no interpreter.
"""

import faulthandler
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import torch
from threadpoolctl import threadpool_limits

ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
    "MKL_CBWR": "AUTO",
}
"""Of a worker, read by the libraries when they are loaded: one thread, and the same bits wherever an array begins."""

_stack: TextIO | None = None


def prepare(stack_path: str) -> None:
    """Make this process a worker.

    Parameters
    ----------
    stack_path : str
        File to which the stack goes when the worker crashes, runs out of time, or is sent SIGUSR1.
    """
    global _stack
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's
    torch.set_num_threads(1)
    threadpool_limits(1)
    _stack = Path(stack_path).open("w")  # noqa: SIM115  as long as the process
    faulthandler.enable(_stack)
    if hasattr(faulthandler, "register"):  # not on Windows
        faulthandler.register(signal.SIGUSR1, _stack, all_threads=False)
    threading.Thread(target=_end_with_driver, args=(stack_path,), daemon=True).start()


def within(seconds: float, fn: Callable[..., Any], /, *args: Any) -> Any:
    """Return ``fn(*args)``; if it takes longer, write the stack and end this worker.

    Raises
    ------
    RuntimeError
        If this process is no worker of its own, which may be ended.
    """
    if _stack is None:
        raise RuntimeError("a time limit needs workers that may be ended: Slots or a Dask cluster")
    faulthandler.dump_traceback_later(seconds, exit=True, file=_stack)
    try:
        return fn(*args)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _end_with_driver(stack_path: str) -> None:
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        Path(stack_path).unlink(missing_ok=True)
        os._exit(1)

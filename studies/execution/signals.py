"""Ctrl-C as a wish: once, finish what runs; twice, stop now. Nothing that has finished is lost either way."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Stop:
    """How a run is asked to end before its time.

    Attributes
    ----------
    asked : bool
        Start nothing more; finish and store what runs.
    now : bool
        Store what has finished, and leave what runs.
    signal : int or None
        The signal that asked, if one did.
    """

    asked: bool = False
    now: bool = False
    signal: int | None = None


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Turn signals into a `Stop` for as long as the context lasts.

    The first SIGINT asks to finish what runs, the second to stop now. SIGTERM asks to stop now: who sends it (a
    supervisor, a batch system) kills soon after, and a cell may run for hours. Any further signal raises
    KeyboardInterrupt.
    """
    stop = Stop()

    def heed(signum: int, _: FrameType | None) -> None:
        if stop.now:
            raise KeyboardInterrupt
        stop.now = stop.asked or signum == signal.SIGTERM
        stop.asked, stop.signal = True, signum
        if not stop.now:  # not by print, which may be at work when the signal comes
            os.write(2, b"\nFinishing what runs; Ctrl-C again stops now.\n")

    before = {signum: signal.signal(signum, heed) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)

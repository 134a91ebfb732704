"""Signals that stop a run: Ctrl-C once finishes running cells, twice stops now. Finished cells are always stored."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Stop:
    """A request to stop a run.

    Attributes
    ----------
    asked : bool
        Start no more cells, but finish and store the running ones.
    now : bool
        Store finished cells and abandon the running ones.
    signal : int or None
        The signal that made the request, if any.
    """

    asked: bool = False
    now: bool = False
    signal: int | None = None


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Turn signals into a `Stop` for as long as the context lasts.

    The first SIGINT asks to finish the running cells, the second to stop now. SIGTERM asks to stop now, since its
    sender (a supervisor, a batch system) kills soon after, and a cell may run for hours. Any further signal raises
    KeyboardInterrupt.
    """
    stop = Stop()

    def handle(signum: int, _: FrameType | None) -> None:
        if stop.now:
            raise KeyboardInterrupt
        stop.now = stop.asked or signum == signal.SIGTERM
        stop.asked, stop.signal = True, signum
        if not stop.now:  # os.write, since the signal may interrupt a print
            os.write(2, b"\nFinishing running cells; Ctrl-C again stops now.\n")

    before = {signum: signal.signal(signum, handle) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)

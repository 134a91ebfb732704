"""Signals that stop a run: Ctrl-C once finishes running cells, twice stops now. Finished cells are always stored."""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, TextIO

_PATIENCE = 10.0  # seconds for a run to stop now, after which a further signal ends the process where it is


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
def exit_on_interrupt() -> Iterator[None]:
    """End this process at Ctrl-C with one line and exit code 130, as long as the context lasts and no cell runs."""

    def handle(signum: int, _: FrameType | None) -> None:
        _say(b"\nStopped.\n")
        raise SystemExit(128 + signum)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _say(line: bytes) -> None:
    with suppress(OSError):  # the terminal is gone
        os.write(2, line)  # not print, which the signal may have interrupted


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Turn signals into a `Stop` for as long as the context lasts.

    The first SIGINT asks to finish the running cells, the second to stop now. SIGTERM asks to stop now, since its
    sender (a supervisor, a batch system) kills soon after, and a cell may run for hours. A further signal changes
    nothing, unless the run has not stopped after ten seconds, because its database does not answer, say: then it raises
    SystemExit.
    """
    stop = Stop()
    deadline = 0.0

    def handle(signum: int, _: FrameType | None) -> None:
        nonlocal deadline
        if stop.now:
            if time.monotonic() > deadline:
                raise SystemExit(128 + (stop.signal or signum))
            return
        stop.now = stop.asked or signum == signal.SIGTERM
        stop.asked, stop.signal = True, signum
        deadline = time.monotonic() + _PATIENCE
        if not stop.now:
            _say(b"\nFinishing running cells; Ctrl-C again stops now.\n")

    before = {signum: signal.signal(signum, handle) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        if stop.signal is None:  # or else the process is about to end, and a late signal must not disturb that
            for signum, handler in before.items():
                signal.signal(signum, handler)


class _LastingStream:
    """A stream that writes to nowhere when its terminal is gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        return self._try(self._stream.write, text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, fn: Callable[..., Any], *args: Any) -> Any:
        try:
            return fn(*args)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())
        return fn(*args)


@contextmanager
def outlast_terminal() -> Iterator[None]:
    """Go on without output if the terminal is closed and SIGHUP does not end this process, as after nohup or disown."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and _LastingStream(stream) for stream in before)  # None if it was closed
    try:
        yield
    finally:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        sys.stdout, sys.stderr = before

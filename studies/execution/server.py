"""The processes of local workers: a fork server, and for each worker a guard and the worker itself.

The fork server loads the libraries once, so that a worker starts in a few milliseconds. It forks a guard for each
worker. The guard runs no foreign code: it starts the worker, ends it when the driver asks or has died, then ends all
processes that the worker has started, and reports the exit code. The worker is a session of its own, so no signal of
the driver's terminal reaches it.

multiprocessing has a fork server too. Its socket is a file in the temporary folder, it imports from the working
directory, and it prints to the terminal what goes wrong in its children.
"""

import atexit
import ctypes
import faulthandler
import gc
import importlib
import os
import pickle
import select
import signal
import socket
import struct
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import process, spawn
from typing import Any, BinaryIO, NoReturn, TextIO

import psutil

from studies.registry.errors import exception_text

HEADER = struct.Struct("!Q")
"""Number of bytes of a message, in front of it."""

REPORT = struct.Struct("!2q")
"""Messages of the guard: its process id and the worker's when this has started, and the exit code when it has ended."""

N_DESCRIPTORS = 4
"""Descriptors of a request to the server: tasks, the guard, the file for stacks, and output."""

_PRELOAD = [
    "studies.execution.run",
    "studies.library",
    "estimators.nets.building",
    "sklearn.ensemble",
    "sklearn.svm",
    "studies.cli.main",  # the main module of most drivers, which each worker imports
]

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class ExecutorError(RuntimeError):
    """An executor cannot be opened, cannot run any task, or is gone; the message gives the reason."""


def main(descriptor: int) -> None:
    """Fork a guard for each request on a socket, until the driver has closed it."""
    with socket.socket(fileno=descriptor) as driver:
        for name in _PRELOAD:
            if _is_closed(driver):
                return
            with suppress(Exception):  # a worker imports it again, and raises where the driver can read the reason
                importlib.import_module(name)
        with suppress(Exception):
            _use_one_thread()
            _load_nets()
        for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
            finalizer.atexit = False  # torch has hundreds, which a worker need not run when it ends
        gc.freeze()  # collections in workers then leave the memory that they share with this process untouched
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for guards
        while descriptors := socket.recv_fds(driver, 1, N_DESCRIPTORS)[1]:
            with suppress(OSError):  # no memory for a process: the driver notices that its sockets are closed
                if os.fork() == 0:
                    _run_to_end(_guard, driver, *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def prepare(data: dict[str, Any]) -> None:
    """Make this worker's path, arguments, folder and main module those of the driver.

    Parameters
    ----------
    data : dict
        From `multiprocessing.spawn.get_preparation_data`.
    """
    current = process.current_process()
    current._inheriting = True  # type: ignore[attr-defined]  # by which a script without a main guard is noticed
    try:
        spawn.prepare(data)
    finally:
        del current._inheriting  # type: ignore[attr-defined]


def is_preparing() -> bool:
    """Return True in a process that runs the driver's main module again in order to become a worker."""
    return getattr(process.current_process(), "_inheriting", False)


def _is_closed(connected: socket.socket) -> bool:
    poller = select.poll()
    poller.register(connected, 0)
    return bool(poller.poll(0))


def _use_one_thread() -> None:
    import torch  # here, since the driver imports this module and does not need torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def _load_nets() -> None:
    """Load the compiled training of nets for all workers, if it is on disk; else the driver compiles it."""
    from estimators.nets.compiled import is_on_disk
    from studies.execution.tasks import load_nets

    if is_on_disk():
        load_nets()


def _run_to_end(fn: Callable[..., None], *args: Any) -> NoReturn:
    """Call a function and end this process, a fork, without the rest of what its parent does."""
    try:
        fn(*args)
    finally:
        os._exit(1)


def _guard(server: socket.socket, tasks: int, driver: int, stack: int, output: int) -> None:
    """Start a worker, wait for its end or the driver's, and end all processes that the worker has left."""
    server.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # so that orphans of the worker become children of this process
    guard, worker = os.getpid(), os.fork()
    if worker == 0:
        os.close(driver)
        _run_to_end(_work, guard, tasks, stack, output)
    for descriptor in (tasks, stack, output):
        os.close(descriptor)
    _report(driver, guard, worker)
    threading.Thread(target=_kill_when_asked, args=(driver, worker), daemon=True).start()
    _, status = os.waitpid(worker, 0)
    with suppress(OSError):  # the group is empty
        os.killpg(worker, signal.SIGKILL)
    _end_children()
    _report(driver, os.waitstatus_to_exitcode(status), 0)


def _report(driver: int, *numbers: int) -> None:
    with suppress(OSError):  # the driver has died
        os.write(driver, REPORT.pack(*numbers))


def _kill_when_asked(driver: int, worker: int) -> None:
    with suppress(OSError):  # the driver has died
        os.read(driver, 1)
    os.kill(worker, signal.SIGKILL)


def _end_children() -> None:
    with suppress(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # raises if there are none
        while True:
            for child in psutil.Process().children():
                with suppress(psutil.Error):
                    child.kill()
            os.waitpid(-1, 0)  # those that it has started are children of this process afterwards


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _work(guard: int, tasks: int, stack: int, output: int) -> None:
    """Answer calls until the driver closes the socket."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:
        return
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout, sys.stderr = _stream_to(output, 1), _stream_to(output, 2)
    os.close(output)
    faulthandler.enable(stack)
    faulthandler.register(signal.SIGUSR1, stack, all_threads=False)
    worker = os.getpid()
    with socket.socket(fileno=tasks) as driver, driver.makefile("rb") as calls:
        while call := _read(calls):
            answer = _answer(call)
            if os.getpid() != worker:  # a fork of the learner's must not answer
                return
            driver.sendall(HEADER.pack(len(answer)) + answer)
        atexit._run_exitfuncs()


def _stream_to(output: int, descriptor: int) -> TextIO:
    """Make a descriptor write to the output, and return a stream on it that takes any text."""
    os.dup2(output, descriptor)
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _read(stream: BinaryIO) -> bytes:
    header = stream.read(HEADER.size)
    return stream.read(HEADER.unpack(header)[0]) if len(header) == HEADER.size else b""


def _answer(call: bytes) -> bytes:
    """Return the pickled result of a pickled call, or its exception, and True if it is an exception."""
    try:
        fn, args, kwargs = pickle.loads(call)
    except BaseException as error:
        return _pickled(ExecutorError(f"a worker cannot load what it is to run: {exception_text(error)}"))
    try:
        answer = pickle.dumps((False, fn(*args, **kwargs)))
    except BaseException as error:  # whatever foreign code raises
        answer = _pickled(error)
    _flush()
    return answer


def _pickled(error: BaseException) -> bytes:
    try:
        pickled = pickle.dumps((True, error))
        pickle.loads(pickled)
    except BaseException:  # whatever the methods of a foreign exception raise
        return pickle.dumps((True, RuntimeError(exception_text(error))))
    return pickled


def _flush() -> None:
    with suppress(BaseException):  # foreign code may have closed or replaced it
        sys.stdout.flush()
    with suppress(BaseException):
        sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)

"""Local worker processes that fail one at a time.

The driver keeps all limits from outside: a worker that dies, hangs, stops itself or uses too much memory is ended with
everything that it has started, is replaced, and costs only its own task.
"""

import atexit
import math
import os
import pickle
import queue
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from glob import glob
from multiprocessing import spawn
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Any

import psutil

from studies.execution.server import HEADER, REPORT, ExecutorError, is_preparing, prepare
from studies.execution.texts import Excerpt
from studies.registry.errors import exception_text

ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
    "MKL_CBWR": "AUTO",
    "MPLBACKEND": "agg",
    "PYTHONHASHSEED": "0",
}
"""Environment of workers, read by libraries when they load: one thread, results that depend neither on array alignment
nor on hashes of texts, and no backend of a notebook."""

_POLL_SECONDS = 0.02  # between checks of a worker's memory, which grows by about 2 GB/s at most
_FAMILY_SECONDS = 0.2  # between checks of the memory of the processes that it has started
_STACK_SECONDS = {"timeout": 1.0, "memory": 0.2, "lost": 0.2}  # for a worker to write its stack
_GRACE_SECONDS = 1.0  # for an idle worker to end, and for a guard to end a worker
_SEND_SECONDS = 10.0  # for a worker to take a call
_STARTS = 5  # attempts to start a process
_CHUNK = 2**16  # bytes to read at once
_CHUNKS = 64  # pieces of output to read before anything else is looked at

_NO_GUARD = (
    "the script starts workers when it is imported, and each worker imports it; put the lines that run something under"
    " if __name__ == '__main__':"
)


class WorkerEnded(RuntimeError):  # noqa: N818  its status can be that of a limit
    """The worker process ended before its task.

    Parameters
    ----------
    status : {"lost", "timeout", "memory"}
        It died, or was ended at the time limit or the memory limit.
    reason : str
    stack : str
        The stack at the end, if the process could write it.
    output : str
        Text that it printed.
    """

    def __init__(self, status: str, reason: str, stack: str = "", output: str = "") -> None:
        super().__init__(status, reason, stack, output)
        self.status, self.reason, self.stack, self.output = status, reason, stack, output


@dataclass(frozen=True)
class Answer:
    """The result of a `Call`, and the text that it printed, as far as it was captured."""

    result: Any
    output: str = ""


@dataclass(frozen=True)
class Call:
    """A function to call in a worker, which returns an `Answer`. Any other executor can call it too.

    Parameters
    ----------
    fn : callable
    seconds : float, default=inf
        Time limit, which only a `Worker` keeps.
    is_foreign : bool, default=False
        True if the function runs foreign code, which can leave anything behind: its process is replaced afterwards.
    """

    fn: Callable[..., Any]
    seconds: float = math.inf
    is_foreign: bool = False

    def __call__(self, *args: Any, **kwargs: Any) -> Answer:
        """Call the function in this process."""
        return Answer(self.fn(*args, **kwargs))


class _Server:
    """The fork server of this process, which is started again if it has died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._driver = 0

    def fork(self, *descriptors: int) -> None:
        """Ask for a worker.

        Raises
        ------
        OSError
            If the server has died this moment.
        """
        with self._lock:
            server = self._running()
            if descriptors:
                socket.send_fds(server, [b"."], descriptors)

    def _running(self) -> socket.socket:
        """Return the socket of a server that runs."""
        if self._socket is not None:
            if self._driver == os.getpid() and self._process is not None and self._process.poll() is None:
                return self._socket
            self._socket.close()
        self._driver = os.getpid()
        self._socket, theirs = socket.socketpair()
        path = [str(entry) or os.getcwd() for entry in sys.path]
        program = "import sys; sys.path[:] = {!r}; from studies.execution.server import main; main({})"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", program.format(path, theirs.fileno())],  # -P: not from the working folder
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # out of reach of the terminal's signals
                env={**os.environ, **ENVIRONMENT},
            )
        return self._socket

    def stop(self) -> None:
        """End the server. Workers live on."""
        if self._process is not None and self._driver == os.getpid():
            self._process.kill()
            self._process.wait()


_server = _Server()
atexit.register(_server.stop)


def start_server() -> None:
    """Start the fork server, which loads the libraries of workers while this process goes on.

    Raises
    ------
    ExecutorError
        If this process runs a script only in order to become a worker, or the platform cannot fork.
    """
    if is_preparing():
        raise ExecutorError(_NO_GUARD)
    if not hasattr(os, "fork"):
        raise ExecutorError("local workers need a system that can fork processes: Linux, macOS, or WSL on Windows")
    _server.fork()


class _Process:
    """A worker process with its guard, as the driver sees them.

    Attributes
    ----------
    ended : bool
        The worker has ended.
    exit_code : int or None
        The worker's, if its guard could report it.
    printed : Excerpt
        The output since the last call.
    """

    def __init__(self) -> None:
        self.ended = False
        self.exit_code: int | None = None
        self.printed = Excerpt()
        self._worker: psutil.Process | None = None
        self._keeper: psutil.Process | None = None
        self._pids: tuple[int, ...] | None = None
        self._started: list[psutil.Process] = []
        self._look_again = 0.0
        self._deaf_since = 0.0
        self._answer = bytearray()
        self._stack = _unlinked_file()
        self._tasks, tasks = socket.socketpair()
        self._guard, guard = socket.socketpair()
        output, printing = os.pipe()
        os.set_blocking(output, False)
        self._output = os.fdopen(output, "rb", buffering=0)
        self._sources: list[Any] = [self._tasks, self._guard, self._output]
        with tasks, guard, os.fdopen(printing, "wb"), suppress(OSError):  # noticed by the closed sockets
            _server.fork(tasks.fileno(), guard.fileno(), self._stack.fileno(), printing)

    def call(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Send a call, which the process answers if it lives."""
        self._read_output()
        self.printed = Excerpt()
        message = pickle.dumps((call.fn, args, kwargs))
        self._tasks.settimeout(_SEND_SECONDS)
        try:
            self._tasks.sendall(HEADER.pack(len(message)) + message)
        except OSError:  # it is dead or stopped
            self.kill()
        self._tasks.setblocking(False)

    def receive(self, seconds: float) -> bytes | None:
        """Wait for what the process sends, and return its answer if it is complete."""
        for source in wait(self._sources, seconds):
            if source is self._tasks:
                self._read_answer()
            elif source is self._guard:
                self._read_report()
            else:
                self._read_output()
        if self._deaf_since and time.monotonic() - self._deaf_since > _GRACE_SECONDS:
            self.ended |= not _is_alive(self._worker)  # and the guard, which is stopped, has not reported it
        if len(self._answer) < self._answer_size():
            return None
        self._read_output()
        answer = bytes(self._answer[HEADER.size :])
        self._answer.clear()
        return answer

    def has_ended(self) -> bool:
        """Return True if the worker has ended since the last call."""
        self.receive(0)
        return self.ended

    def resident(self) -> int:
        """Return the resident memory, in bytes, of the worker and the processes that it has started."""
        if time.monotonic() > self._look_again:
            self._started = self.started()
            self._look_again = time.monotonic() + _FAMILY_SECONDS
        return sum(map(_resident, (self._worker, *self._started)))

    def started(self) -> list[psutil.Process]:
        """Return the processes that the worker has started and that have not ended."""
        if self._worker is None or self._keeper is None:
            return []
        if [*_children(self._keeper.pid), *_children(self._worker.pid)] == [self._worker.pid]:
            return []
        with suppress(psutil.Error):
            return [one for one in self._keeper.children(recursive=True) if one != self._worker]
        return []

    def request_stack(self, seconds: float) -> None:
        """Make the worker write its stack, if it still can in this time."""
        if self._worker is None:
            return
        with suppress(psutil.Error):
            self._worker.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + seconds
        while not os.fstat(self._stack.fileno()).st_size and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS / 2)

    def leave(self) -> None:
        """Ask the worker to end."""
        with suppress(OSError):
            self._tasks.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """Ask the guard to end the worker."""
        with suppress(OSError):
            self._guard.send(b".")

    def close(self) -> str:
        """Wait for a worker that was asked to end; if it does not, kill it with all that it has started.

        Returns
        -------
        stack : str
            The stack that it has written, if any.
        """
        self._wait_for_end()
        self.kill()
        self._wait_for_end()
        if self.exit_code is None:
            self._kill_all()
        self._stack.seek(0)
        stack, _, _ = self._stack.read().decode(errors="replace").partition("\n\nExtension modules:")
        for source in (self._tasks, self._guard, self._output, self._stack):
            source.close()
        return stack

    def _wait_for_end(self) -> None:
        deadline = time.monotonic() + _GRACE_SECONDS
        while self._is_running() and time.monotonic() < deadline:
            self.receive(_POLL_SECONDS)

    def _is_running(self) -> bool:
        """Return False before its guard runs, too: that ends at once when it finds the sockets closed."""
        return self._pids is not None and not self.ended

    def _kill_all(self) -> None:
        """Kill what the guard has not, because it is stopped or dead."""
        for one in (self._keeper, *self.started(), *self._started, self._worker):
            if one is not None:
                with suppress(psutil.Error):
                    one.kill()

    def _answer_size(self) -> int:
        """Return the size of the answer with its header, as far as it is known."""
        if len(self._answer) < HEADER.size:
            return HEADER.size
        return HEADER.size + int(HEADER.unpack_from(self._answer)[0])

    def _read_answer(self) -> None:
        while len(self._answer) < self._answer_size():
            try:
                piece = self._tasks.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:  # it has ended with a call unread
                piece = b""
            if not piece:  # it has ended, or has closed all its files
                self._sources.remove(self._tasks)
                self._deaf_since = time.monotonic()
                return
            self._answer += piece

    def _read_report(self) -> None:
        try:
            report = REPORT.unpack(self._guard.recv(REPORT.size))
        except (OSError, struct.error):  # the guard is dead, or was never started
            report = None
        if report and self._pids is None:
            self._pids = report
            with suppress(psutil.Error):
                self._keeper, self._worker = map(psutil.Process, report)
        else:
            self.ended = True
            self._sources.remove(self._guard)
            self.exit_code = report[0] if report else None

    def _read_output(self) -> None:
        for _ in range(_CHUNKS):
            piece = self._output.read(_CHUNK)
            if piece is None:  # nothing now
                return
            if not piece:  # it has ended, or has closed all its files
                if self._output in self._sources:
                    self._sources.remove(self._output)
                return
            self.printed.add(piece)


class Worker:
    """A single-threaded worker, whose process starts with its first task and is replaced when it has ended.

    Parameters
    ----------
    memory_limit : int or None, default=None
        Largest resident memory in bytes, together with the processes that it starts; a process above it is ended.
    """

    def __init__(self, memory_limit: int | None = None) -> None:
        self.memory_limit = memory_limit
        self.killed = False
        self._process: _Process | None = None
        self._resident_at_start = 0

    def run(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Return ``fn(*args, **kwargs)``, computed in the process; for a `Call`, within its limit.

        Raises
        ------
        WorkerEnded
            If the process ended first. The worker can be used again.
        ExecutorError
            If no process can be started, or it cannot import the function.
        """
        call = fn if isinstance(fn, Call) else Call(fn)
        if self._process is not None and self._process.has_ended():
            self.close()
        process = self._process or self._start()
        failed, result = self._ask(process, call, args, kwargs)
        answer = Answer(result, str(process.printed))
        if call.is_foreign or process.started() or self._holds_much(process):
            self.close()  # what a task leaves behind must not run, nor count for the next
        if failed:
            raise result
        return answer if call is fn else answer.result

    def leave(self) -> None:
        """Ask the process to end when it is idle."""
        if self._process is not None:
            self._process.leave()

    def close(self) -> None:
        """End the process, which is idle. If it does not end in a second, it is killed."""
        if self._process is not None:
            self._process.leave()
            self._process.close()
            self._process = None

    def kill(self) -> None:
        """End the process at once, and any later one."""
        self.killed = True
        if self._process is not None:
            self._process.kill()

    def _start(self) -> _Process:
        try:
            data = spawn.get_preparation_data("worker")
        except OSError as error:
            raise ExecutorError(f"workers cannot start in this working directory: {error}") from error
        del data["authkey"]  # cannot be pickled
        reason = ""
        for _ in range(_STARTS):
            process = self._process = _Process()
            try:
                failed, result = self._ask(process, Call(prepare), (data,), {})
            except WorkerEnded as error:
                if self.killed:
                    raise
                reason = error.reason
                continue
            if not failed:
                self._resident_at_start = process.resident()
                return process
            self.close()
            if isinstance(result, ExecutorError):
                raise result
            raise ExecutorError(f"the main module cannot be imported in a worker: {exception_text(result)}")
        raise ExecutorError(f"workers die as they start: {reason}")

    def _holds_much(self, process: _Process) -> bool:
        """Return True if the process has taken more than half of the memory between that of a new one and the limit."""
        if not self.memory_limit:
            return False
        return process.resident() - self._resident_at_start > (self.memory_limit - self._resident_at_start) / 2

    def _ask(self, process: _Process, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, Any]:
        """Return the result of a call, or True and its exception; end the process if it reaches a limit."""
        process.call(call, args, kwargs)
        start = time.monotonic()
        while (answer := process.receive(_POLL_SECONDS)) is None:
            if process.ended or self.killed:
                raise self._end(process, "lost")
            if time.monotonic() - start > call.seconds:
                reason = f"not finished within the time limit of {timedelta(seconds=call.seconds)}"
                raise self._end(process, "timeout", reason)
            if self.memory_limit and (resident := process.resident()) > self.memory_limit:
                used, limit = (f"{size / 1e6:,.0f} MB" for size in (resident, self.memory_limit))
                raise self._end(process, "memory", f"its worker used {used}; the limit is {limit}")
        try:
            return pickle.loads(answer)
        except Exception as error:
            raise self._end(process, "lost", f"its result cannot be read: {exception_text(error)}") from error

    def _end(self, process: _Process, status: str, reason: str = "") -> WorkerEnded:
        """End a process and return the error to raise."""
        if not process.ended and not self.killed:
            process.request_stack(_STACK_SECONDS[status])
        process.kill()
        stack = process.close()
        self._process = None
        reason = reason or f"the worker process died before the task ended ({_exit(process.exit_code)})"
        return WorkerEnded(status, reason, stack, str(process.printed))


class WorkerPool(Executor):
    """An executor on local workers, where a task whose worker process ends raises `WorkerEnded` and all others go on.

    Parameters
    ----------
    n_workers : int
    memory_limit : int or None, default=None
        Bytes for each worker.

    Raises
    ------
    ExecutorError
        If this process runs a script only in order to become a worker, or the platform cannot fork.
    """

    keeps_limits = True

    def __init__(self, n_workers: int, memory_limit: int | None = None) -> None:
        start_server()
        self.n_workers = n_workers
        self._workers = [Worker(memory_limit) for _ in range(n_workers)]
        self._free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)
        self._threads = ThreadPoolExecutor(n_workers, thread_name_prefix="worker")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn(*args, **kwargs)`` in the next free worker."""
        return self._threads.submit(self._run, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no more tasks, and end the workers when the running ones have ended."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        if wait:
            for worker in self._workers:
                worker.leave()
            for worker in self._workers:
                worker.close()

    def kill(self) -> None:
        """End the workers and their tasks at once."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.kill()
        self.shutdown()

    def _run(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        worker = self._free.get()
        try:
            return worker.run(fn, *args, **kwargs)
        finally:
            self._free.put(worker)


def _exit(code: int | None) -> str:
    if code is None:
        return "exit code unknown"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _children(pid: int) -> list[int]:
    """Return the ids of a process's children on Linux, without reading all of /proc as psutil does."""
    with suppress(OSError):  # it has ended
        return [int(child) for file in glob(f"/proc/{pid}/task/*/children") for child in Path(file).read_text().split()]
    return []


def _resident(process: psutil.Process | None) -> int:
    if process is not None:
        with suppress(psutil.Error):
            return int(process.memory_info().rss)
    return 0


def _is_alive(process: psutil.Process | None) -> bool:
    with suppress(psutil.Error):
        return process is not None and process.status() != psutil.STATUS_ZOMBIE
    return False


def _unlinked_file() -> IO[bytes]:
    """Return a file without a name, so that nobody can remove it and nothing is left behind."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("stack"), "rb")
    return tempfile.TemporaryFile()

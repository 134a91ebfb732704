import os
import signal
import sys

import pytest

from studies.execution.signals import exit_on_interrupt, outlast_terminal, stop_on_signals


def send(signum):
    os.kill(os.getpid(), signum)


def test_the_first_interrupt_asks_and_the_second_asks_now(capfd):
    with stop_on_signals() as stop:
        assert (stop.asked, stop.now, stop.signal) == (False, False, None)
        send(signal.SIGINT)
        assert (stop.asked, stop.now, stop.signal) == (True, False, signal.SIGINT)
        send(signal.SIGINT)
        assert (stop.asked, stop.now) == (True, True)
        send(signal.SIGTERM)
        assert stop.signal == signal.SIGINT
    assert capfd.readouterr().err == "\nFinishing running cells; Ctrl-C again stops now.\n"


def test_a_request_to_terminate_asks_now():
    with stop_on_signals() as stop:
        send(signal.SIGTERM)
    assert (stop.asked, stop.now, stop.signal) == (True, True, signal.SIGTERM)


def test_a_run_that_does_not_stop_is_ended_by_a_further_signal(monkeypatch):
    monkeypatch.setattr("studies.execution.signals._PATIENCE", -1.0)
    with stop_on_signals():
        send(signal.SIGTERM)
        with pytest.raises(SystemExit, match="143"):
            send(signal.SIGINT)


def test_signal_handlers_are_restored():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_on_signals():
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_an_interrupt_of_what_measures_nothing_is_one_line(capfd):
    with exit_on_interrupt(), pytest.raises(SystemExit, match="130"):
        send(signal.SIGINT)
    assert capfd.readouterr().err == "\nStopped.\n"


def test_prints_to_a_terminal_that_is_gone_do_not_end_a_run(monkeypatch):
    ours, theirs = os.openpty()
    with open(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        with outlast_terminal():
            print("before", flush=True)
            assert os.read(ours, 100) == b"before\r\n"
            os.close(ours)
            print("after", flush=True)
            print("again", flush=True)
        assert sys.stdout is terminal

"""The compiled code: when it is compiled, and its random numbers."""

import time

import numpy as np
import pytest

from estimators import NetClassifier
from estimators.nets import compiled


@pytest.mark.parametrize(("seconds", "lines"), [(0.0, 1), (60.0, 0)])
def test_a_compilation_is_announced_and_loaded_code_is_not(monkeypatch, capsys, seconds, lines):
    monkeypatch.setattr(compiled, "_COMPILE_SECONDS", seconds)
    with compiled.announced():
        time.sleep(0.1)
    assert capsys.readouterr().err.count("compiling the training of nets, once on this machine") == lines


def test_code_is_on_disk_once_it_was_used_and_until_its_source_changes(monkeypatch, tmp_path):
    NetClassifier(epochs=1, random_state=0).fit([[0.0], [1.0]], [0, 1])
    assert compiled.is_on_disk()
    (tmp_path / "compiled.py").touch()
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "compiled.py"))
    assert not compiled.is_on_disk()


def test_numbers_of_a_stream_are_uniform_and_streams_independent():
    seed, size = 5, 100_000
    draws = [compiled.uniforms(seed, stream, index, 0, size, 1.0) for stream in range(3) for index in range(3)]
    assert np.abs(np.mean(draws, axis=1)).max() < 5 / np.sqrt(3 * size)
    assert np.abs(np.corrcoef(draws) - np.eye(len(draws))).max() < 5 / np.sqrt(size)
    np.testing.assert_array_equal(draws[0][:100], compiled.uniforms(seed, 0, 0, 0, 100, 1.0))


@pytest.mark.parametrize("n_points", [1, 2, 7])
def test_each_epoch_has_another_order_of_all_points(n_points):
    orders = [compiled.order(3, epoch, n_points, 1) for epoch in range(600)]
    counts = np.array([np.bincount([order[k] for order in orders], minlength=n_points) for k in range(n_points)])
    np.testing.assert_array_equal(counts.sum(axis=0), 600)
    assert np.abs(counts - 600 / n_points).max() < 5 * np.sqrt(600 / n_points) * (n_points > 1) + 1e-9

"""Cells to outcomes: the runner, its tasks, its workers and the signals that stop it.

The runner knows nothing but ``concurrent.futures``; a cell that fails is an outcome.
"""

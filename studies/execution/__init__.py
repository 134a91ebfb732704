"""Execution of cells: the runner, its tasks, its workers, and signals that stop it.

The runner works with any ``concurrent.futures`` executor; a failed cell is an outcome.
"""

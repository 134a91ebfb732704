"""The parts that a study can name: problems, learners, metrics and plots, with their parameters and errors in them.

All other packages of studies build on this one.
"""

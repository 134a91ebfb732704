"""What a study can name: problems, learners, metrics and plots, with their parameters and the errors in them.

All other rooms build on this one.
"""

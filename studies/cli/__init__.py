"""The command ``toymanifold``: parse, call, print, exit.

Commands import what they need when they run, so that ``--help`` and ``list`` are fast.
"""

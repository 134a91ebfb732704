"""The command ``toymanifold``: parse, call, print, exit.

What a command needs is imported when it runs, so that ``--help`` and ``list`` answer at once.
"""

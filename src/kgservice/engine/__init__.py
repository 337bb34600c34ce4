"""Queries in processes of their own, which can be stopped at any moment: deadlines, limits, two rooms.

The service talks to a *nursery*, a process with one thread that holds views in memory and follows the
commits. It forks *workers*, which share its memory; a worker answers one query after the other, is killed
when one takes too long or too much, and is replaced in milliseconds.
"""

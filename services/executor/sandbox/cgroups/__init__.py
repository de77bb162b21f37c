"""Limits and counts of a whole cell: cgroups of version 1 and 2, and a watchdog where there are none."""

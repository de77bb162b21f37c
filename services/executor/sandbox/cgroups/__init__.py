"""Limits and usage of a whole cell: cgroups of version 1 or 2, or a watchdog where neither is available."""

"""Histories: played back from the log, kept in a file, and checked against what the log says now."""

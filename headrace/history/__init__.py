"""Histories: replayed from the log, kept in a file, and compared with the present log."""

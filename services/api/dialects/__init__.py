"""Dialects: one folder per front end of another service's API; none imports another."""

"""Logging and metrics of a service."""

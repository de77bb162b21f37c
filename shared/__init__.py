"""Shared by all services: events, the rules that decide them, and access to the log."""

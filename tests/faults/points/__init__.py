"""Tests: crash points, each hit on purpose."""

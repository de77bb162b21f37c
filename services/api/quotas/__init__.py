"""Quotas and shares of one user and of all users."""

"""The dialect `jobs` over HTTP: a program is submitted, and its job is polled (docs/dialects/jobs.md)."""

from services.api.dialects.jobs.routes import dialect

__all__ = ["dialect"]

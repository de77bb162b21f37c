"""The socket of the dialect `jobs`: every connection of a user is told of all the user's jobs."""

from services.notifier.transports.dialects.jobs.session import transport

__all__ = ["transport"]

"""The dialect `progress`: stages, percents and results of jobs that a client subscribes to.

Its jobs are submitted natively, so it has no routes of its own at the api (docs/dialects/progress.md).
"""

from services.notifier.transports.dialects.progress.endpoint import transport

__all__ = ["transport"]

"""JSON log lines on standard error, one object a line, with the service's name in each.

No part of a user's program and no token is ever passed to a log call.
"""

import logging
import sys

from shared.left_out import left_out

with left_out("rich"):
    import structlog
    from structlog.typing import FilteringBoundLogger, Processor

get_logger = structlog.get_logger


def configure(service: str, *, level: int = logging.INFO) -> None:
    """Configure logging for this process. Libraries that use `logging` are written as JSON too."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(), foreign_pre_chain=shared
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    structlog.contextvars.bind_contextvars(service=service)


__all__ = ["FilteringBoundLogger", "configure", "get_logger"]

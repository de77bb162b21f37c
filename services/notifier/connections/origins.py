"""Which pages of browsers may connect: those of the host itself, and those of the listed origins. Pure."""

from urllib.parse import urlsplit


def is_allowed_origin(origin: str | None, host: str, origins: frozenset[str]) -> bool:
    """Whether a handshake with these fields `Origin` and `Host` may go on; no `Origin` is no page."""
    return origin is None or "*" in origins or origin in origins or _netloc(origin) == host


def _netloc(origin: str) -> str | None:
    """What an origin has in common with the Host of its own pages; None for what is no origin."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None

"""Formats times, durations and sizes for people. Pure: the current time is an argument."""

from datetime import datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
_UNITS = ("KiB", "MiB", "GiB", "TiB")


def ago(then: datetime, now: datetime) -> str:
    """How long ago, below a day: "12 s ago". Before that, and for a future time, the local time."""
    seconds = round((now - then).total_seconds())
    if 0 <= seconds < MINUTE_S:
        return f"{seconds} s ago"
    if MINUTE_S <= seconds < HOUR_S:
        return f"{seconds // MINUTE_S} min ago"
    if HOUR_S <= seconds < DAY_S:
        return f"{seconds // HOUR_S} h ago"
    return local(then)


def local(time: datetime) -> str:
    """A moment in this machine's time zone, to the second, with the zone's name."""
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def duration(ms: float) -> str:
    """Milliseconds in the largest units that fit: "340 ms", "1.2 s", "2 min 5 s", "3 h 2 min"."""
    if round(ms) < 1_000:
        return f"{round(ms)} ms"
    if round(ms / 1_000, 1) < MINUTE_S:
        return f"{ms / 1_000:.1f} s"
    seconds = round(ms / 1_000)
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S} min {seconds % MINUTE_S} s"
    minutes = round(seconds / MINUTE_S)
    if minutes * MINUTE_S < DAY_S:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(minutes / 60)
    return f"{hours // 24} d {hours % 24} h"


def size(count: int) -> str:
    """Bytes in binary units, one decimal at most: "340 B", "256 MiB", "1.5 KiB"."""
    value, unit = float(count), "B"
    for larger in _UNITS:
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{round(value, 1):g} {unit}"

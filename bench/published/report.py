"""One Markdown table and one SVG plot of what was measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pygal  # type: ignore[import-untyped]

from bench.measure import summary
from bench.published.side import Timed

State = Literal["cold", "warm"]

HEAD = (
    "| language | program | side | state | clients | jobs/s "
    "| first byte p50 | p95 | p99 | end p50 | p95 | p99 |"
)


@dataclass(frozen=True, slots=True)
class Row:
    """What one side did with one program, at one number of clients."""

    language: str
    program: str
    side: str
    state: State
    clients: int
    per_s: float
    timed: Sequence[Timed]


def table(rows: Iterable[Row]) -> str:
    """Milliseconds since the submission, to a tenth; a dash where there is nothing to measure."""
    lines = [HEAD, "|---" * HEAD.count(" | ") + "|---|"]
    for row in rows:
        firsts = [one.first_ms for one in row.timed if one.first_ms is not None]
        cells = (
            *(row.language, row.program, row.side, row.state, str(row.clients), f"{row.per_s:.1f}"),
            *_percentiles(firsts),
            *_percentiles([one.end_ms for one in row.timed]),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def plot(rows: Sequence[Row]) -> bytes:
    """The median time to the end of a warm program by the number of clients, a line for each side."""
    chart = pygal.XY(
        title="Submission to end, warm, median",
        x_title="clients",
        y_title="ms",
        logarithmic=True,
        legend_at_bottom=True,
        js=(),
    )
    warm = [row for row in rows if row.state == "warm" and row.program == "prints"]
    for language, side in dict.fromkeys((row.language, row.side) for row in warm):
        line = [
            (row.clients, summary([one.end_ms for one in row.timed]).median)
            for row in warm
            if (row.language, row.side) == (language, side)
        ]
        chart.add(f"{side}, {language}", line)
    drawn: bytes = chart.render()
    return drawn


def _percentiles(values: Sequence[float]) -> tuple[str, str, str]:
    if not values:
        return "-", "-", "-"
    found = summary(values)
    return f"{found.median:.1f}", f"{found.percentile(95):.1f}", f"{found.percentile(99):.1f}"

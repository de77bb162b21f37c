"""Shows the reason of a long wait: one line on a terminal's standard error, cleared afterwards.

It is never written to a pipe or a file, nor to a terminal that cannot clear a line (TERM=dumb).
"""

import asyncio
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

DELAY_S = 0.3
"""Shorter waits are not shown."""
REFRESHES_PER_S = 5
SPINNER = "line"
"""ASCII only: standard error may have any encoding."""


class WaitingLine:
    """The line of one command, to be used on its event loop, within a ``with`` block.

    It writes nothing if it is quiet or standard error is no terminal.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        """Start without writing."""
        self.is_visible = not quiet and is_terminal()
        """Whether `tell` has any effect."""
        self._text = ""
        self._since: float | None = None
        self._opening: asyncio.TimerHandle | None = None
        self._live: Live | None = None
        self._spinner: Spinner | None = None

    def __enter__(self) -> Self:
        """Start; the first write happens in `tell`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line, however the command ends."""
        self.close()

    def tell(self, text: str, *, lasted_s: float | None = None) -> None:
        """Show what is waited for; with `lasted_s` also for how long, counting on from there."""
        if not self.is_visible:
            return
        self._text = text
        self._since = None if lasted_s is None else time.monotonic() - max(0.0, lasted_s)
        if self._live is not None:
            self._live.refresh()
        elif self._opening is None:
            self._opening = asyncio.get_running_loop().call_later(DELAY_S, self._open)

    def clear(self) -> None:
        """Clear the line until the next `tell`. The caller may write bytes at once."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._live is not None:
            self._live.stop()
            self._live = None

    def close(self) -> None:
        """Clear the line for good: from now on the terminal is the program's."""
        self.clear()
        self.is_visible = False

    def _open(self) -> None:
        # Most commands end before anything is shown and never need rich.
        from rich.console import Console  # noqa: PLC0415
        from rich.live import Live  # noqa: PLC0415
        from rich.spinner import Spinner  # noqa: PLC0415

        self._opening = None
        self._spinner = Spinner(SPINNER)
        # Leave our streams alone: the program's bytes do not pass through rich.
        self._live = Live(
            console=Console(stderr=True, highlight=False),
            get_renderable=self._line,
            refresh_per_second=REFRESHES_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def _line(self) -> "Text":
        from rich.text import Text  # noqa: PLC0415

        assert self._spinner is not None
        now = time.monotonic()
        frame = self._spinner.render(now)
        lasted = "" if self._since is None else f" {int(now - self._since)} s"
        return Text(f"{frame} {self._text}{lasted}", style="dim", no_wrap=True, overflow="ellipsis")


def is_terminal() -> bool:
    """Whether a person reads standard error. `FORCE_COLOR` does not make a pipe count as a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()

"""Console on which commands print for people."""

from typing import NoReturn

import rich.console


class Console(rich.console.Console):
    """A console that leaves a closed pipe to `finish`."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise as a plain write does."""
        raise BrokenPipeError

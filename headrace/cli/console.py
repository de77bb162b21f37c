"""What commands print on for people."""

from typing import NoReturn

import rich.console


class Console(rich.console.Console):
    """One that leaves a closed pipe to `finish`."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise as a plain write does."""
        raise BrokenPipeError

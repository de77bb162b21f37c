"""The group of all commands: an error of usage, told as an object where --json was given."""

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from headrace.cli.terminal import EXIT_INTERRUPTED, EXIT_NOT_DONE, tell_failure


class Commands(TyperGroup):
    """As Typer has it, but for how it ends with --json."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,  # noqa: ANN401 - as Typer's
    ) -> Any:  # noqa: ANN401 - as Typer's
        """Run a command and exit."""
        words = list(sys.argv[1:] if args is None else args)
        if "--json" not in words[: words.index("--") if "--" in words else None]:
            return super().main(args, prog_name, complete_var, standalone_mode, windows_expand_args, **extra)
        try:
            code = super().main(words, prog_name, complete_var, False, **extra)
        except typer.TyperException as error:
            tell_failure(UsageMessage(error.format_message()), as_json=True)
            code = EXIT_NOT_DONE
        except typer.Abort:
            code = EXIT_INTERRUPTED
        sys.exit(code or 0)


class UsageMessage(Exception):  # noqa: N818 - never raised
    """What is said of a command that cannot be meant."""

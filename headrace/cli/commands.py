"""The group of all commands: those of the table, each imported when it is called.

With --json a usage error is printed as an object.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from headrace.cli.table import TABLE, Row
from shared.importing import importing


class Commands(TyperGroup):
    """Typer's group, except that commands come from the table and usage errors respect --json."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as Typer's
        """Use the commands of the table."""
        super().__init__(**options)
        for row in TABLE:
            self.add_command(_Deferred(row))

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
        from headrace.cli.runner import EXIT_INTERRUPTED, EXIT_NOT_DONE, tell_failure  # noqa: PLC0415 - --help is without

        try:
            code = super().main(words, prog_name, complete_var, False, **extra)
        except typer.TyperException as error:
            tell_failure(UsageMessage(error.format_message()), as_json=True)
            code = EXIT_NOT_DONE
        except typer.Abort:
            code = EXIT_INTERRUPTED
        sys.exit(code or 0)


class _Deferred(TyperCommand):
    """Placeholder for a command in the list; replaced by the command itself when it is called."""

    def __init__(self, row: Row) -> None:
        """For a row of the table."""
        super().__init__(row.name, short_help=row.line)
        self._row = row

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401 - as Typer's
        """Return the real command's context, so that help and completion also use the real command."""
        with importing():
            command = load_command(self._row)
        return command.make_context(info_name, args, parent, **extra)


def load_command(row: Row) -> Any:  # noqa: ANN401 - Typer's command, whose type it does not show
    """The command itself."""
    module = import_module(f"headrace.cli.{row.module}")
    found = getattr(module, row.name.replace("-", "_"))
    if isinstance(found, typer.Typer):
        return get_command(found)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(context_settings=dict(row.settings))(found)
    return get_command(alone)


class UsageMessage(Exception):  # noqa: N818 - never raised
    """The message of a usage error."""

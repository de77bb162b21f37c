r"""Prints rows of values: a table on a terminal, tab-separated values everywhere else.

No value is truncated or folded; the terminal wraps long lines itself. Tab-separated values begin with a
header line of JSON names; times are RFC 3339, durations milliseconds, sizes bytes. Control characters are
escaped (`\x09`), so a value contains neither a tab nor a line end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from headrace.cli.render import Screen, printable

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class Cell:
    """`text` is for people; `value` is what a program reads, the text itself where it is None."""

    text: str
    value: object = None
    style: str = ""

    @property
    def field(self) -> str:
        """Format one field of tab-separated values."""
        return printable(_plain(self.text if self.value is None else self.value))


@dataclass(frozen=True, slots=True)
class Column:
    """`title` heads a table; `name` the same column of tab-separated values."""

    title: str
    name: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Some rows; each has a cell for each column."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    def show(self, console: Screen) -> None:
        """Print it in the form that suits the output."""
        if is_terminal(console):
            console.print(self._table())
        else:
            write_fields([[column.name for column in self.columns]], console)
            write_fields(([cell.field for cell in row] for row in self.rows), console)

    def _table(self) -> "Table":
        from rich.table import Table  # noqa: PLC0415 - only a terminal shows it
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=None, header_style="bold")
        for column in self.columns:
            table.add_column(column.title, justify="right" if column.is_number else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*(Text(printable(cell.text), style=cell.style) for cell in row))
        return table


def write_fields(rows: Iterable[Sequence[str]], console: Screen) -> None:
    """One line for each row, its fields separated by tabs. A field has no tab."""
    for row in rows:
        console.file.write("\t".join(row) + "\n")
    console.file.flush()


def is_terminal(console: Screen) -> bool:
    """Whether a person reads it. `FORCE_COLOR` does not make a pipe count as a terminal."""
    return console.file.isatty()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)

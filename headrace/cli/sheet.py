"""Prints facts as rows: two columns on a terminal, tab-separated values everywhere else."""

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.cli.listing import Cell, is_terminal, write_fields
from headrace.cli.render import Screen, printable


@dataclass(frozen=True, slots=True)
class Fact:
    """One row: its name, the text for people, and the value for programs."""

    name: str
    cell: Cell
    more: tuple[object, ...] = ()
    """Further values for programs; for people they are part of the text."""


def show_facts(facts: Iterable[Fact], console: Screen) -> None:
    """Print them; on a terminal a repeated name is printed once."""
    if not is_terminal(console):
        rows = ([fact.name, fact.cell.field, *(Cell(str(one)).field for one in fact.more)] for fact in facts)
        write_fields(rows, console)
        return
    from rich.table import Table  # noqa: PLC0415 - only a terminal shows it
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    named = ""
    for fact in facts:
        title = title_of(fact.name)
        table.add_row("" if title == named else title, Text(printable(fact.cell.text), style=fact.cell.style))
        named = title
    console.print(table)


def title_of(name: str) -> str:
    """A fact's name in words, without its unit, which is in the text."""
    return name.removesuffix("_ms").removesuffix("_bytes").replace("_", " ")

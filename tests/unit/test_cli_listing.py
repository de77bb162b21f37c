"""Rows for people on a terminal, for programs everywhere else."""

import io
from datetime import UTC, datetime

from rich.console import Console

from headrace.cli.listing import Cell, Column, Listing
from headrace.cli.listings import jobs_listing
from headrace.cli.runner import LINE_LETTERS
from tests.builders import NOON, record

NAME = "0192f3a4-5b6c-7d8e-9f00-112233445566"
ROWS = Listing(
    (Column("job", "job_id"), Column("created", "created_at"), Column("took", "took_ms", True)),
    [[Cell(NAME), Cell("5 min ago", datetime(2026, 1, 2, tzinfo=UTC)), Cell("1.2 s", 1234)]],
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(listing: Listing, file: io.StringIO) -> str:
    listing.show(Console(file=file, highlight=False, soft_wrap=True, width=LINE_LETTERS, color_system=None))
    return file.getvalue()


def test_a_pipe_gets_names_and_values_with_tabs() -> None:
    assert shown(ROWS, io.StringIO()).splitlines() == [
        "job_id\tcreated_at\ttook_ms",
        f"{NAME}\t2026-01-02T00:00:00Z\t1234",
    ]


def test_a_terminal_gets_a_table() -> None:
    head, row = shown(ROWS, Terminal()).splitlines()
    assert head.split() == ["job", "created", "took"]
    assert NAME in row
    assert "5 min ago" in row
    assert "1.2 s" in row


def test_what_a_value_contains_is_neither_markup_nor_the_end_of_a_field() -> None:
    odd = Listing((Column("a", "a"), Column("b", "b")), [[Cell("x\ty\n"), Cell("[red]\x1b[0m")]])
    assert shown(odd, io.StringIO()).splitlines()[1] == "x\\x09y\\x0a\t[red]\\x1b[0m"
    assert "[red]\\x1b[0m" in shown(odd, Terminal())


def test_no_length_cuts_or_folds_anything() -> None:
    long = Listing((Column("a", "a"), Column("b", "b")), [[Cell("x" * 3_000), Cell("y z " * 500)]])
    _, row = shown(long, Terminal()).splitlines()
    assert "x" * 3_000 in row
    assert ("y z " * 500).strip() in row


def test_jobs_have_the_names_of_json() -> None:
    head, row = shown(jobs_listing([record()], NOON), io.StringIO()).splitlines()
    fields = dict(zip(head.split("\t"), row.split("\t"), strict=True))
    assert fields["job_id"] == record().job_id
    assert fields["created_at"] == NOON.isoformat().replace("+00:00", "Z")
    assert fields["took_ms"] == ""

"""The terminal on which commands are tested shows what a terminal would."""

import pytest

from tests.terminal import shown


def test_it_shows_what_a_terminal_shows() -> None:
    assert shown("one\r\n\x1b[?25l\x1b[2mtwo\x1b[0m\r\x1b[2Kthree\r\n\r\x1b[1A\x1b[2K\x1b[?25hfour") == [
        "one",
        "four",
    ]
    assert shown("longer\rshort") == ["shortr"]
    assert shown("rubbed\b \b out") == ["rubbe out"]
    assert shown("gone\r\x1b[2K\r\n") == []


def test_it_does_not_guess() -> None:
    with pytest.raises(AssertionError):
        shown("\x1b[5n")

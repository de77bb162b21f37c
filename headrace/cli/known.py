"""Checks values against the known ones, and suggests the nearest. Pure."""

import difflib
from collections.abc import Iterable, Sequence

from headrace.cli.scopes import SCOPES
from headrace.client.errors import HeadraceError
from headrace.client.models import Language


class UnknownValueError(HeadraceError):
    """The value of a filter that can match nothing."""


def nearest(text: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the nearest known one, else all of them."""
    words = sorted(known)
    near = difflib.get_close_matches(text, words, n=1)
    return f": did you mean {near[0]}?" if near else f" (there are {', '.join(words)})"


def known_language(text: str, languages: Sequence[Language]) -> str:
    """The name of a language, also by an alias. Raises UnknownValueError."""
    for language in languages:
        if text == language.name or text in language.aliases:
            return language.name
    names = [language.name for language in languages]
    raise UnknownValueError(f"{text!r} is no language{nearest(text, names)}")


def known_scope(text: str) -> str:
    """The scope of this name. Raises UnknownValueError."""
    if text not in SCOPES:
        raise UnknownValueError(f"{text!r} is no scope{nearest(text, SCOPES)}")
    return text

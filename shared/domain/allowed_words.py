"""Words that a submission may add to the commands of its language: the forms that allow them. Pure.

A form is a whole word: its letters stand for themselves, and each placeholder of `CLASSES` for letters of one
class. Nothing may stand before or behind what a form allows, no line break either. No match can take long:
every repetition has a bound and is possessive, and no two placeholders touch.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

WORDS_MAX = 32
"""Words in one list of a submission."""
WORD_LENGTH_MAX = 256
"""Characters of one word, and of one form."""

CLASSES = {
    "name": r"[A-Za-z_][A-Za-z0-9_]{0,63}+",
    "number": r"[0-9]{1,9}+",
    "size": r"[0-9]{1,9}+[kKmMgG]?",
    "value": r"[A-Za-z0-9_.+-]{0,128}+",
    "warning": r"[a-z][a-z0-9_+-]{0,63}+",
}
"""What stands in braces, and the expression for it."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_FORM = re.compile(r"-[!-z|~]*(?:\{[a-z]{1,16}\}(?:[!-z|~]+\{[a-z]{1,16}\})?[!-z|~]*)?")
"""At most two placeholders, something between them, and no brace anywhere else."""


def check_form(form: str) -> None:
    """Raises ValueError if this version does not know what the form allows."""
    if len(form) > WORD_LENGTH_MAX or not _FORM.fullmatch(form):
        raise ValueError(f"{form[:WORD_LENGTH_MAX]!r} is no form of a word that begins with -")
    if unknown := set(_PLACEHOLDER.findall(form)) - CLASSES.keys():
        raise ValueError(f"{form!r}: {min(unknown)!r} is not one of {', '.join(CLASSES)}")


def refused(words: Sequence[str], forms: Sequence[str]) -> list[int]:
    """The places of the words that no form allows. Forms of a newer version allow nothing."""
    if not words:
        return []
    literal, expressions = _compiled(tuple(forms))
    return [
        place
        for place, word in enumerate(words)
        if word not in literal and not any(_matches(expression, word) for expression in expressions)
    ]


def _matches(expression: re.Pattern[str], word: str) -> bool:
    return len(word) <= WORD_LENGTH_MAX and expression.fullmatch(word) is not None


@lru_cache(maxsize=64)
def _compiled(forms: tuple[str, ...]) -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """The forms that are one word each, and the expressions of the others."""
    known = list(_known(forms))
    literal = frozenset(form for form in known if "{" not in form)
    return literal, tuple(re.compile(_expression(form)) for form in known if form not in literal)


def _known(forms: Sequence[str]) -> Iterator[str]:
    for form in forms:
        try:
            check_form(form)
        except ValueError:
            continue
        yield form


def _expression(form: str) -> str:
    """Texts and names of placeholders alternate in what `split` makes of a form."""
    parts = _PLACEHOLDER.split(form)
    return "".join(CLASSES[part] if number % 2 else re.escape(part) for number, part in enumerate(parts))

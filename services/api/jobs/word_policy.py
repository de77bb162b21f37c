"""Words that a submission adds to its language's commands: only what the language's executors allow."""

from collections.abc import Iterator, Sequence

from services.api.jobs.new_job import NewJob
from shared.contract import problems
from shared.contract.problems import FieldError, ProblemError
from shared.domain.allowed_words import refused
from shared.jetstream.presence import LanguageOffer

SHOWN_LENGTH_MAX = 64


def are_allowed(new: NewJob, offer: LanguageOffer) -> bool:
    """Whether the language allows every word."""
    return not any(refused(words, forms) for _, words, forms in _lists(new, offer))


def check_words(new: NewJob, offer: LanguageOffer) -> None:
    """Raises ProblemError (422) with the place of every refused word, and with what is allowed instead."""
    errors: list[FieldError] = []
    allowed: list[str] = []
    for field, words, forms in _lists(new, offer):
        if places := refused(words, forms):
            errors += [
                FieldError(f"{field}.{place}", f"{_shown(words[place])} is not allowed") for place in places
            ]
            allowed.append(f"{field} of {offer.name}: {', '.join(forms) or 'none'}")
    if errors:
        raise ProblemError(problems.INVALID, f"allowed are {'; '.join(allowed)}", errors=tuple(errors))


def _lists(new: NewJob, offer: LanguageOffer) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """Each list of words: its field, what it holds, and the forms of what it may hold."""
    yield "compiler_args", new.compiler_args, offer.compiler_args
    yield "interpreter_args", new.interpreter_args, offer.interpreter_args


def _shown(word: str) -> str:
    return repr(word if len(word) <= SHOWN_LENGTH_MAX else f"{word[:SHOWN_LENGTH_MAX]}…")

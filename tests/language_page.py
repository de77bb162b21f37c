"""Writes what docs/languages.md says of each language from the language files: ``just docs``."""

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from services.executor.languages.catalogue import Language, load_languages

PAGE = Path(__file__).parents[1] / "docs" / "languages.md"
MIB = 1024 * 1024
MADE = re.compile(
    r"(<!-- made of the language files by `just docs`(?:: (\w+))? -->\n).*?(?=<!-- end -->)", re.DOTALL
)


def written(page: str) -> str:
    """The page with its made parts made anew."""
    languages = load_languages().values()
    parts = {
        None: "\n".join([_catalogue(languages), "", _commands(languages), ""]),
        "stacks": _stacks(languages),
        "words": _words(languages),
    }
    return MADE.sub(lambda found: found[1] + parts[found[2]] + "\n", page)


def _catalogue(languages: Iterable[Language]) -> str:
    titles = ("name", "version", "aliases", "extensions", "entrypoint", "memory", "packages", "libraries")
    return _table(titles, [_row(language) for language in languages])


def _row(language: Language) -> Sequence[str]:
    about = language.about
    assert about is not None, f"{language.name} says nothing about itself"
    return (
        f"`{language.name}`",
        about.version,
        ", ".join(language.aliases),
        ", ".join((language.extension, *language.other_extensions)),
        language.entrypoint,
        f"{language.default_limits.memory_bytes // MIB} MiB",
        ", ".join(about.packages),
        about.libraries,
    )


def _commands(languages: Iterable[Language]) -> str:
    rows = []
    for language in languages:
        compiled = _command(language.compile.argv) if language.compile else ""
        rows.append((f"`{language.name}`", compiled, _command(language.run)))
    return _table(("name", "compile command", "run command"), rows)


def _command(argv: Sequence[str]) -> str:
    if argv[:2] == ("sh", "-c"):
        return "a script of ours, see its file"
    return f"`{' '.join(word if '{' in word else shlex.quote(word) for word in argv)}`"


def _stacks(languages: Iterable[Language]) -> str:
    abouts = [(language.name, language.about) for language in languages]
    rows = [(f"`{name}`", about.stack, about.asked_stack) for name, about in abouts if about]
    return _table(("name", "by default", "with `stack_bytes`"), rows)


def _words(languages: Iterable[Language]) -> str:
    rows = [
        (
            f"`{language.name}`",
            *(_listed(forms) for forms in (language.compiler_args, language.interpreter_args)),
        )
        for language in languages
    ]
    return _table(("name", "`compiler_args`", "`interpreter_args`"), rows)


def _listed(forms: Iterable[str]) -> str:
    return " ".join(f"`{form}`" for form in forms)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))

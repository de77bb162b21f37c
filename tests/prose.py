"""Words that stand for people, where the subject is a part of Headrace: there may only be fewer of them.

A sentence's subject is a named part ("the executor", "the api"), never *who* or *nobody*. What was written
before this rule is counted in `prose_baseline.txt`, one line a file. `python -m tests.prose` ends with 1
where a file has more than its line says, or fewer; `python -m tests.prose --write` writes the counts, and
refuses a larger total. Read are docstrings, comments and texts of Python, and the whole of every other
file. After a word for people ("a user who") the pronoun is right, and is not counted.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
BASELINE = Path(__file__).with_name("prose_baseline.txt")
NOT_OURS = re.compile(r"^(tests/programs/[^/]+/|tests/security/programs/|tests/integration/sandbox/stacks/)")
RULE = {"tests/prose.py", "tests/prose_baseline.txt", "tests/unit/test_prose.py"}
SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".yaml",
    ".sh",
    ".sql",
    ".js",
    ".mjs",
    ".html",
    ".java",
    ".conf",
    ".Dockerfile",
}
SUFFIXES |= {".service", ""}
PEOPLE = (
    "user|owner|operator|person|people|student|teacher|reader|author|attacker|administrator|those|one|man"
)
WORDS = re.compile(
    rf"\b(?:{PEOPLE})s?,? whom?\b|\b(who|whom|whoever|whomever|nobody|somebody|someone|anybody|anyone)\b",
    re.IGNORECASE,
)
Counts = Mapping[str, int]


def words_of(name: str, source: str) -> list[str]:
    """The words of the rule in one file, in their order."""
    text = "\n".join(_prose(source)) if name.endswith(".py") else source
    return [found[1] for found in WORDS.finditer(text) if found[1]]


def _prose(source: str) -> Iterator[str]:
    """Comments and texts. A sentence that a comment breaks into lines is read as one."""
    comments = (
        one for one in tokenize.generate_tokens(io.StringIO(source).readline) if one.type == tokenize.COMMENT
    )
    yield " ".join(one.string.lstrip("# ") for one in comments)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield " ".join(node.value.split())


def counts() -> dict[str, int]:
    """How many each file of the repository has; files without any are left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - wherever it is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = {}
    for name in sorted(listed.stdout.splitlines()):
        path = ROOT / name
        if (
            name in RULE
            or NOT_OURS.match(name)
            or path.suffix not in SUFFIXES
            or path.is_symlink()
            or not path.is_file()
        ):
            continue
        if number := len(words_of(name, path.read_text())):
            found[name] = number
    return found


def read_baseline(text: str) -> dict[str, int]:
    """Lines of `number path`."""
    return {name: int(number) for number, name in (line.split(" ", 1) for line in text.splitlines())}


def complaints(now: Counts, before: Counts) -> list[str]:
    """A sentence for each file that differs from the baseline."""
    found = []
    for name in sorted({*now, *before}):
        allowed, has = before.get(name, 0), now.get(name, 0)
        if has > allowed:
            found.append(f"{name}: {has} of who, nobody, … where {allowed} were: name the part that acts")
        elif has < allowed:
            found.append(
                f"{name}: {has} of who, nobody, … where {allowed} were: python -m tests.prose --write"
            )
    return found


def main(*arguments: str) -> str | None:
    """What is wrong, as `sys.exit` takes it."""
    now, before = counts(), read_baseline(BASELINE.read_text())
    if arguments != ("--write",):
        return "\n".join(complaints(now, before)) or None
    if sum(now.values()) > sum(before.values()):
        grown = [line for line in complaints(now, before) if line.endswith("acts")]
        return "\n".join(["the total would rise:", *grown])
    BASELINE.write_text("".join(f"{number} {name}\n" for name, number in now.items()))
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""What `import headrace` promises, as text; `python -m tests.public_api` writes it after a deliberate change.

One line for each name, method and field. Signatures are those of the source, so they are the same on every
version of Python.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec

import headrace

LIST = Path(__file__).parent / "contract" / "public_api.txt"


def described() -> str:
    """All public names with what they take and hold, sorted."""
    return "".join(f"{line}\n" for name in sorted(headrace.__all__) for line in _lines(name))


def _lines(name: str) -> Iterator[str]:
    match getattr(headrace, name):
        case str():
            yield name
        case type() as kind:
            yield from _of_type(kind)
        case function:
            yield signature(function)


def _of_type(kind: type) -> Iterator[str]:
    bases = [
        one.__name__ for one in kind.__mro__[1:] if one.__name__ in headrace.__all__ or _is_an_error(one)
    ]
    yield f"class {kind.__name__}({', '.join(bases)})"
    fields = msgspec.structs.fields(kind) if issubclass(kind, msgspec.Struct) else ()
    for field in sorted(fields, key=lambda field: field.name):
        yield f"    {field.name}{'' if field.required else ' = …'}"
    yield from sorted(f"    {name}" for name in _attributes(kind))
    for name in sorted(dir(kind)):
        found = inspect.getattr_static(kind, name)
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(found, property):
            yield f"    {name}: property"
        elif inspect.isfunction(found) and found.__module__.startswith(headrace.__name__):
            yield f"    {signature(found)}"


def _is_an_error(kind: type) -> bool:
    return kind.__module__ == "builtins" and issubclass(kind, Exception)


def _attributes(kind: type) -> set[str]:
    """The public ones that `__init__` sets."""
    init = vars(kind).get("__init__")
    if not inspect.isfunction(init) or not init.__module__.startswith(headrace.__name__):
        return set()
    tree = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(init))))
    found = {
        node.attr for node in tree if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    return {name for name in found if not name.startswith("_")}


def signature(function: object) -> str:
    """``async def name(self, …) -> …``, on one line."""
    assert inspect.isfunction(function)
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{kind} {node.name}({ast.unparse(node.args)}){returns}"


if __name__ == "__main__":
    LIST.write_text(described())

"""Descriptions of struct fields, from the attribute docstrings in their source.

msgspec's own way (`Meta(description=…)`) would put a text into each type of the contract. pydantic reads the
docstrings of request bodies itself (`use_attribute_docstrings`).
"""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import msgspec

Json = dict[str, Any]
Struct = type[msgspec.Struct]


def describe(schemas: Json, structs: Iterable[Struct]) -> None:
    """Add field descriptions to the schemas of these structs and of the structs in their fields."""
    for struct in _with_their_parts(structs):
        properties = schemas[struct.__name__].get("properties", {})
        for name, words in field_words(struct).items():
            properties[name]["description"] = words


def field_words(struct: Struct) -> dict[str, str]:
    """The description of each field, inherited ones included, by its JSON name."""
    found: dict[str, str] = {}
    for one in reversed(struct.__mro__):
        if issubclass(one, msgspec.Struct) and one is not msgspec.Struct:
            found |= _read(one.__module__).get(one.__name__, {})
    return {
        field.encode_name: found[field.name]
        for field in msgspec.structs.fields(struct)
        if field.name in found
    }


@lru_cache
def _read(module: str) -> dict[str, dict[str, str]]:
    """The attribute docstrings of every class of a module."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {one.name: dict(_texts(one)) for one in tree.body if isinstance(one, ast.ClassDef)}


def _texts(declared: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in zip(declared.body, declared.body[1:], strict=False):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                yield name, inspect.cleandoc(words).replace("\n", " ")
            case _:
                pass


def _with_their_parts(structs: Iterable[Struct]) -> set[Struct]:
    """These structs, and every struct in a field of one of them, recursively."""
    found: set[Struct] = set()
    waiting = list(msgspec.inspect.multi_type_info(structs))
    while waiting:
        match waiting.pop():
            case msgspec.inspect.StructType(cls=cls, fields=fields) if cls not in found:
                found.add(cls)
                waiting += [field.type for field in fields]
            case msgspec.inspect.UnionType(types=types):
                waiting += types
            case msgspec.inspect.ListType(item_type=item) | msgspec.inspect.VarTupleType(item_type=item):
                waiting.append(item)
            case msgspec.inspect.DictType(value_type=value):
                waiting.append(value)
            case _:
                pass
    return found

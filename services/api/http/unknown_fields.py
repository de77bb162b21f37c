"""Messages for unknown fields of request bodies, which propose the most similar known field."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel

NEAR = 0.6
"""Least similarity, from 0 to 1, for one name to be proposed for another (difflib)."""

Place = Sequence[int | str]


def unknown_field(body: object, place: Place) -> str:
    """The message about the field at `place`, in a body of the type `body`."""
    known = _fields_at(body, place[:-1])
    near = get_close_matches(str(place[-1]), known, n=1, cutoff=NEAR)
    if near:
        return f"there is no such field; did you mean {near[0]!r}?"
    return f"there is no such field; there are {', '.join(known)}" if known else "there is no such field"


def _fields_at(kind: object, place: Place) -> list[str]:
    """The fields of the object at this place."""
    for model in _models(kind):
        if not place:
            return sorted(model.model_fields)
        field = model.model_fields.get(str(place[0]))
        if field is not None:
            # The index of an item does not affect its type.
            return _fields_at(field.annotation, [part for part in place[1:] if isinstance(part, str)])
    return []


def _models(kind: object) -> list[type[BaseModel]]:
    """The models in a type: `tuple[FileBody, ...] | None` has one."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for part in get_args(kind) for model in _models(part)]

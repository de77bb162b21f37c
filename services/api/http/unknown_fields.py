"""What is said of a field that a request body may not have: the known one that was probably meant."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel

NEAR = 0.6
"""How alike two names are at least, from 0 to 1, for one to be proposed for the other (difflib)."""

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
            # An item's number says nothing of its type.
            return _fields_at(field.annotation, [part for part in place[1:] if isinstance(part, str)])
    return []


def _models(kind: object) -> list[type[BaseModel]]:
    """The models that a type is made of: `tuple[FileBody, ...] | None` has one."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for part in get_args(kind) for model in _models(part)]

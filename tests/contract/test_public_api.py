"""The public names of `headrace`, their parameters and their fields change on purpose only."""

import msgspec
import pytest

import headrace
from tests import public_api


def test_the_public_names_are_those_of_the_list() -> None:
    assert public_api.described() == public_api.LIST.read_text(), (
        "docs/compatibility.md says what may change; if it may, run `python -m tests.public_api`"
    )


@pytest.mark.parametrize("name", [name for name in headrace.__all__ if name != "__version__"])
def test_every_name_is_in_the_list_with_what_it_holds(name: str) -> None:
    lines = public_api.LIST.read_text().splitlines()
    kind = getattr(headrace, name)
    assert any(line.startswith((f"class {name}(", f"def {name}(")) for line in lines)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        assert {f"    {field}" for field in kind.__struct_fields__} <= {
            line.split(" = ")[0] for line in lines
        }


def test_a_changed_signature_is_seen() -> None:
    async def submit(self: object, code: str, *, key: "str | None" = None) -> None: ...

    assert (
        public_api.signature(submit)
        == "async def submit(self: object, code: str, *, key: 'str | None'=None) -> None"
    )

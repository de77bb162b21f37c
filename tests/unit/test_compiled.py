"""Which programs are the same for a compiler, whose they are, and what is forgotten when there is no room."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.attempts.compile_cache import ENTRY_BYTES, Compiled, CompiledPrograms, key_of
from services.executor.languages.catalogue import Offered, load_languages
from services.executor.languages.stages import Program, compile_stage
from services.executor.sandbox.interface import CellFile, Stage
from shared.domain.events import Limits

C = Offered(load_languages()["c"], "12.2.0")


def stage_of(content: bytes = b"int main(void) {}", **changes: Any) -> Stage:  # noqa: ANN401 - fields of Stage
    program = Program(files=(CellFile("main.c", content),), entrypoint="main.c", limits=Limits())
    stage = compile_stage(C.language, program)
    return replace(stage, **changes)


def key(
    user: str = "alice", offered: Offered = C, stage: Stage | None = None, runtime_digest: str = "d1"
) -> str:
    return key_of(user, offered, stage or stage_of(), runtime_digest=runtime_digest)


def test_the_same_program_of_the_same_user_has_the_same_key() -> None:
    assert key() == key(stage=stage_of())


DIFFERENT = {
    "user": key(user="bob"),
    "language": key(offered=Offered(load_languages()["c++"], C.version)),
    "version of the compiler": key(offered=Offered(C.language, "13.1.0")),
    "runtime": key(runtime_digest="d2"),
    "content": key(stage=stage_of(b"int main(void) {};")),
    "name of a file": key(stage=stage_of(files=(CellFile("other.c", b"int main(void) {}"),))),
    "executable file": key(
        stage=stage_of(files=(CellFile("main.c", b"int main(void) {}", executable=True),))
    ),
    "command line": key(stage=stage_of(argv=(*stage_of().argv, "-g"))),
    "environment": key(stage=stage_of(env=(("A", "1"),))),
    "limits": key(stage=stage_of(limits=Limits(memory_bytes=1))),
    "product": key(stage=stage_of(keep="b.out")),
    "room for the product": key(stage=stage_of(keep_bytes_max=1)),
    "directory": key(stage=stage_of(directory="/mnt/data")),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_whatever_differs_makes_another_key(what: str) -> None:
    assert DIFFERENT[what] != key()
    assert len(set(DIFFERENT.values())) == len(DIFFERENT)


def test_bytes_that_move_from_one_part_to_the_next_make_another_key() -> None:
    one = stage_of(files=(CellFile("a", b"bc"), CellFile("d", b"")))
    other = stage_of(files=(CellFile("ab", b"c"), CellFile("", b"d")))
    assert key(stage=one) != key(stage=other)


def test_a_user_id_may_hold_half_a_surrogate_pair() -> None:
    assert key(user="\ud800") != key(user="\udfff")


def test_the_key_covers_every_field_of_a_stage_that_a_compiler_sees() -> None:
    """A new field must be taken into the key, or be named here as one that a compile stage does not use."""
    covered = {"argv", "files", "env", "stdin", "limits", "keep", "keep_bytes_max", "directory"}
    assert set(Stage.__dataclass_fields__) == covered | {"name", "artifacts"}
    assert stage_of().artifacts == ()
    assert {field.name for field in msgspec.structs.fields(Limits)} >= {"memory_bytes"}


def of(size: int) -> Compiled:
    """A product that costs so much to keep."""
    return Compiled(bytes(size - ENTRY_BYTES))


def test_what_was_kept_is_found() -> None:
    programs = CompiledPrograms(10_000)
    compiled = Compiled(b"product", b"", b"warning")
    programs.keep("alice", "k", compiled)
    assert programs.find("alice", "k") is compiled
    assert programs.find("alice", "other") is None
    assert programs.find("bob", "k") is None
    assert programs.size_bytes == len(b"productwarning") + ENTRY_BYTES


def test_what_was_not_asked_for_longest_goes_first() -> None:
    programs = CompiledPrograms(3_000)
    for name in ("a", "b", "c"):
        programs.keep("alice", name, of(1_000))
    programs.find("alice", "a")
    programs.keep("alice", "d", of(1_000))
    assert [name for name in "abcd" if programs.find("alice", name)] == ["a", "c", "d"]


def test_one_user_cannot_flush_what_another_holds() -> None:
    programs = CompiledPrograms(10_000)
    programs.keep("modest", "a", of(2_000))
    for number in range(100):
        programs.keep("greedy", str(number), of(1_000))
    assert programs.find("modest", "a")
    assert [number for number in range(100) if programs.find("greedy", str(number))] == [*range(92, 100)]


def test_what_is_larger_than_the_bound_is_not_kept_and_displaces_nothing() -> None:
    programs = CompiledPrograms(3_000)
    programs.keep("alice", "a", of(1_000))
    programs.keep("alice", "b", of(3_001))
    assert programs.find("alice", "a")
    assert programs.find("alice", "b") is None


def test_a_bound_of_zero_keeps_nothing() -> None:
    programs = CompiledPrograms(0)
    programs.keep("alice", "a", Compiled(b"x"))
    assert programs.find("alice", "a") is None


USERS = ("alice", "bob", "carol")


@given(
    st.lists(
        st.tuples(st.sampled_from(USERS), st.sampled_from("abcdef"), st.integers(512, 4_000)), max_size=60
    )
)
def test_the_bound_always_holds_and_the_count_is_right(kept: list[tuple[str, str, int]]) -> None:
    programs = CompiledPrograms(6_400)
    for user, name, size in kept:
        programs.keep(user, name, of(size))
        assert programs.size_bytes <= 6_400
    found = [compiled for user in USERS for name in "abcdef" if (compiled := programs.find(user, name))]
    assert sum(compiled.size_bytes for compiled in found) == programs.size_bytes

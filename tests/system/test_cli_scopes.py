"""The scope that each command needs: it asks for it itself here, and says which a token elsewhere lacks."""

from pathlib import Path

import jwt
import pytest

from headrace.client import endpoint
from headrace.local.supervisor import Stack
from shared.auth import SCOPE_AUDIT, SCOPE_JOBS, SCOPE_OPS
from tests import builders
from tests.system.conftest import User, user_of
from tests.system.test_cli import Ended, headrace
from tests.system.test_cli_asking import ask
from tests.system.test_cli_commands import failure
from tests.system.test_cli_refusals import only_line

pytestmark = pytest.mark.full

NEEDED = (
    (("dead-letters",), SCOPE_OPS),
    (("retry", builders.JOB[:-1]), SCOPE_OPS),
    (("erase", "--user", "nobody"), SCOPE_OPS),
    (("replay", "--all"), SCOPE_AUDIT),
    (("replay", "--of", "alice"), SCOPE_AUDIT),
    (("export", "--all", "--force", "everyone"), SCOPE_AUDIT),
    (("ls",), SCOPE_JOBS),
    (("replay",), SCOPE_JOBS),
    (("status",), SCOPE_JOBS),
    (("events", "-f"), SCOPE_JOBS),
    (("run", "--language", "bash", "/dev/null"), SCOPE_JOBS),
    (("demo", "--data", "."), SCOPE_JOBS),
)
OF_OTHERS = [words for words, scope in NEEDED if scope != SCOPE_JOBS]


async def elsewhere(stack: Stack, scopes: set[str], *words: object, cwd: Path | None = None) -> Ended:
    """As of a Headrace elsewhere, whose token has these scopes."""
    async with user_of(stack, scopes=frozenset(scopes)) as user:
        settings = {"HEADRACE_API_URL": stack.address.api_url, "HEADRACE_TOKEN": user.token}
        return await headrace(*words, settings=settings, cwd=cwd)


@pytest.mark.parametrize("words", OF_OTHERS, ids=" ".join)
async def test_the_owner_of_a_local_stack_may_do_it(
    local: User, tmp_path: Path, words: tuple[str, ...]
) -> None:
    settings = {"HEADRACE_DATA": str(local.stack.directory)}
    done = await headrace(*words, settings=settings, cwd=tmp_path)
    if words[0] == "retry":
        assert "no job of this id" in only_line(done).lower()
    else:
        assert (done.code, done.stderr) == (0, b"")


@pytest.mark.full
async def test_a_history_of_all_is_compared_by_the_owner_of_a_local_stack(
    local: User, alice: User, tmp_path: Path
) -> None:
    await alice.run("bash", "echo hers")
    await local.run("bash", "echo its own")
    for options in (["--all"], ["--of", alice.name], []):
        exported = await ask(local, "export", "--force", *options, tmp_path / "history")
        assert exported.code == 0, exported.stderr
        verified = await ask(local, "verify", "--against-log", tmp_path / "history")
        assert verified.code == 0, verified.stderr


@pytest.mark.parametrize(("words", "scope"), NEEDED)
async def test_a_token_without_the_scope_is_told_which_it_needs(
    shared_stack: Stack, tmp_path: Path, words: tuple[str, ...], scope: str
) -> None:
    others = {SCOPE_JOBS, SCOPE_AUDIT, SCOPE_OPS} - {scope}
    if words == ("replay",):
        others = {SCOPE_OPS}  # audit:all opens one's own history, too
    said = only_line(await elsewhere(shared_stack, others, *words, cwd=tmp_path))
    assert said.startswith(f"the token lacks the scope {scope}: set HEADRACE_TOKEN to one that has it.")
    assert f"headrace token --scope {scope}" in said
    assert f"python -m shared.auth USER --scope {scope}" in said


async def test_with_json_the_refusal_is_an_object(shared_stack: Stack) -> None:
    refused = failure(await elsewhere(shared_stack, {SCOPE_JOBS}, "dead-letters", "--json"))
    assert refused["error"].startswith("the token lacks the scope ops: ")
    assert refused["problem"]["type"] == "urn:headrace:problem:forbidden"
    # A stream is refused with a close code, which has no problem.
    closed = failure(await elsewhere(shared_stack, {SCOPE_OPS}, "events", "-f", "--json"))
    assert closed["error"].startswith("the token lacks the scope jobs: ")


async def test_a_token_that_is_wrong_otherwise_is_no_matter_of_scopes(shared_stack: Stack) -> None:
    settings = {"HEADRACE_API_URL": shared_stack.address.api_url, "HEADRACE_TOKEN": "x.y.z"}
    for words in (("ls",), ("events", "-f")):
        assert "scope" not in only_line(await headrace(*words, settings=settings))


async def test_a_command_has_the_scope_that_it_needs_and_no_other(shared_stack: Stack) -> None:
    for scope, expected in ((None, "jobs"), ("ops", "ops"), ("audit:all", "audit:all")):
        source = endpoint.endpoint(shared_stack.directory, "local", scope).token
        assert not isinstance(source, str)
        token = source()
        assert isinstance(token, str)
        assert jwt.decode(token, options={"verify_signature": False})["scope"] == expected


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("op", "'op' is no scope: did you mean ops?"),
        ("audit", "'audit' is no scope: did you mean audit:all?"),
        ("Jobs", "'Jobs' is no scope: did you mean jobs?"),
        ("everything", "'everything' is no scope (there are audit:all, jobs, ops)"),
        ("", "'' is no scope (there are audit:all, jobs, ops)"),
    ],
)
async def test_a_token_has_known_scopes_alone(local: User, name: str, said: str) -> None:
    words = ("token", "--scope", "jobs", "--scope", name)
    refused = await ask(local, *words)
    assert (only_line(refused), refused.stdout) == (said, b"")
    if name == "op":
        assert failure(await ask(local, *words, "--json")) == {"error": said}


async def test_a_token_has_the_scopes_that_it_was_asked_for(local: User) -> None:
    for options, expected in (([], "jobs"), (["--scope", "ops", "--scope", "audit:all"], "audit:all ops")):
        issued = (await ask(local, "token", "olga", *options)).stdout.decode().strip()
        assert jwt.decode(issued, options={"verify_signature": False})["scope"] == expected

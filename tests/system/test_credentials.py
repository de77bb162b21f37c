"""Each service knows its own NATS user, and nothing that it has no use for."""

import stat
from pathlib import Path

import msgspec
import pytest

from headrace.local.nats_users import users
from headrace.local.stack import Secrets, StackError, load_secrets, tokens_of
from headrace.local.supervisor import FACING_CLIENTS, NATS_USER, Stack
from shared.jetstream.permissions import RIGHTS


def environment_of(pid: int) -> dict[str, str]:
    """What a process was told when it began."""
    words = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)


async def test_a_service_has_its_own_credential_and_no_other(shared_stack: Stack) -> None:
    secrets = load_secrets(shared_stack.directory)
    for name, service in shared_stack.services.items():
        told = environment_of(service.process.pid)
        assert told["HEADRACE_NATS_USER"] == name
        assert told["HEADRACE_NATS_PASSWORD"] == secrets.nats_passwords[name]
        others = {secrets.nats_password, *secrets.nats_passwords.values()} - {secrets.nats_passwords[name]}
        assert len(others) == len(RIGHTS)
        assert others.isdisjoint(told.values())
        assert (secrets.token_secret in told.values()) == (name in FACING_CLIENTS)


async def test_the_local_server_has_the_deployed_users_and_their_owner(shared_stack: Stack) -> None:
    path = shared_stack.directory / "nats" / "nats.conf"
    configured = msgspec.json.decode(path.read_bytes())["authorization"]["users"]
    secrets = load_secrets(shared_stack.directory)
    assert configured == [
        {"user": NATS_USER, "password": secrets.nats_password},
        *users(secrets.nats_passwords),
    ]


async def test_only_their_owner_reads_secrets(shared_stack: Stack) -> None:
    for path in (shared_stack.directory / "secrets.json", shared_stack.directory / "nats" / "nats.conf"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_secrets_are_kept_and_completed(tmp_path: Path) -> None:
    """A stack of an earlier version has no passwords for the services' users yet."""
    (tmp_path / "secrets.json").write_bytes(
        msgspec.json.encode({"token_secret": "t" * 32, "nats_password": "n"})
    )
    first = load_secrets(tmp_path)
    assert (first.token_secret, first.nats_password) == ("t" * 32, "n")
    assert first.nats_passwords.keys() == RIGHTS.keys()
    assert len(set(first.nats_passwords.values())) == len(RIGHTS)
    assert load_secrets(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]
    kept = msgspec.structs.replace(first, nats_passwords={"api": "kept"})
    (tmp_path / "secrets.json").write_bytes(msgspec.json.encode(kept))
    assert load_secrets(tmp_path).nats_passwords["api"] == "kept"


def test_secrets_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="headrace up"):
        tokens_of(tmp_path)
    (tmp_path / "secrets.json").write_text("{")
    for reading in (load_secrets, tokens_of):
        with pytest.raises(StackError, match=r"secrets\.json cannot be read"):
            reading(tmp_path)
    assert Secrets(token_secret="t", nats_password="n").nats_passwords == {}

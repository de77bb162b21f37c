"""What a compose file starts, with secrets and an address of its own, under a name of its own."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from testcontainers.compose import DockerCompose

from headrace.client.client import AsyncClient
from headrace.local.nats_server import free_port
from shared.auth import Tokens
from shared.settings import TokenSettings
from tests.containers.commands import refused, told, works

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = ("nats", "api", "notifier", "projector", "executor", "proxy")
"""What runs for ever, in compose.yaml."""
WITHIN_S = 300


class Stack(DockerCompose):
    """Running containers of one compose file, seen through the compose command and the engine."""

    def __init__(self, directory: Path, *, name: str, file: str = "compose.yaml", **settings: str) -> None:
        """Nothing is started yet; secrets are made, and go into `directory`."""
        self.project = name
        self.secrets = directory / "secrets"
        self.port = free_port()
        told(str(DEPLOY / "secrets.sh"), str(self.secrets))
        environment = {
            "COMPOSE_PROJECT_NAME": name,
            "HEADRACE_SECRETS": str(self.secrets),
            "HEADRACE_LISTEN": f"127.0.0.1:{self.port}",
            "HEADRACE_BASE": os.environ["HEADRACE_BASE"],
            **settings,
        }
        file_of_environment = directory / "environment"
        file_of_environment.write_text("".join(f"{key}={value}\n" for key, value in environment.items()))
        super().__init__(DEPLOY, [file], env_file=str(file_of_environment))

    @property
    def url(self) -> str:
        """The one origin."""
        return f"http://127.0.0.1:{self.port}"

    def up(self, *words: str) -> None:
        """Start what is not running, and wait until it is healthy."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", str(WITHIN_S), *words)

    def compose(self, *words: str) -> str:
        """What a compose command prints. Raises CommandError."""
        return told(*self.docker_compose_command(), *words, within=DEPLOY)

    def refused(self, *words: str) -> str:
        """What a compose command says that is to fail."""
        return refused(*self.docker_compose_command(), *words, within=DEPLOY)

    def containers(self, service: str | None = None) -> list[dict[str, Any]]:
        """The engine's own account of the running containers, of one service or of all."""
        ids = self.compose("ps", "--quiet", *([service] if service else [])).split()
        return inspected(ids)

    def crash(self, service: str) -> None:
        """Kill one container's processes, all but pid 1 and from within, as a crash would."""
        # The shell that kills is killed as well, if it is not quick.
        works("docker", "exec", self.containers(service)[0]["Id"], "sh", "-c", "kill -9 -1")

    def token(self, user: str, *, concurrency: int = 1) -> str:
        """A user's token, signed with the stack's own secret."""
        settings = TokenSettings(token_secret=(self.secrets / "token_secret").read_text())
        now = datetime.now(UTC)
        return Tokens(settings).issue(user, lifetime=timedelta(hours=2), now=now, concurrency=concurrency)

    def client(self, user: str, *, concurrency: int = 1) -> AsyncClient:
        """A client of his, to be opened, that comes back for as long as a container may take to start."""
        return AsyncClient(self.url, self.token(user, concurrency=concurrency), patience_s=WITHIN_S)


def inspected(ids: Sequence[str]) -> list[dict[str, Any]]:
    """What the engine says of some containers."""
    found: list[dict[str, Any]] = json.loads(told("docker", "inspect", *ids)) if ids else []
    return found


def sizes(images: set[str]) -> dict[str, int]:
    """How many bytes each image takes."""
    names = sorted(images)
    said = told("docker", "image", "inspect", "--format", "{{.Size}}", *names)
    return dict(zip(names, map(int, said.split()), strict=True))


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """All of it, healthy; and all of it gone afterwards, volumes too."""
    try:
        stack.up()
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "30", "--remove-orphans")

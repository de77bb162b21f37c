"""What the engine was really told: no container has more than it needs, and no secret can be read."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.containers.commands import refused, told
from tests.containers.stack import DEPLOY, SERVICES, Stack

SECRETS = {
    "nats": {
        "nats_password_" + user
        for user in ("api", "executor", "projector", "notifier", "provisioner", "observer")
    },
    "api": {"nats_password_api", "token_secret"},
    "notifier": {"nats_password_notifier", "token_secret"},
    "projector": {"nats_password_projector"},
    "executor": {"nats_password_executor"},
    "proxy": set[str](),
}
"""The files that each container is given, and no other."""
WRITABLE = {"nats": {"/data"}, "projector": {"/var/lib/headrace"}}
NETWORKS = {
    "nats": {"log", "cells"},
    "api": {"log", "front"},
    "notifier": {"log", "front"},
    "projector": {"log"},
    "executor": {"cells"},
    "proxy": {"front"},
}
SECURITY = {"executor": {"no-new-privileges:true", "seccomp"}}
"""Only the executor's differs from the rest."""

Container = dict[str, Any]


@pytest.fixture(params=SERVICES)
def container(stack: Stack, request: pytest.FixtureRequest) -> Container:
    """One service's container as the engine has it."""
    [found] = stack.containers(request.param)
    return {**found, "service": request.param}


def test_nothing_runs_but_the_services(stack: Stack) -> None:
    running = {each["Config"]["Labels"]["com.docker.compose.service"] for each in stack.containers()}
    assert running == set(SERVICES)


def test_nobody_is_privileged_or_root(container: Container) -> None:
    host = container["HostConfig"]
    assert not host["Privileged"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Devices"]
    assert {host["PidMode"], host["UTSMode"], host["UsernsMode"]} <= {"", "private"}
    assert host["IpcMode"] in {"private", "shareable"}
    assert host["NetworkMode"] != "host"
    uid = container["Config"]["User"].partition(":")[0]
    assert uid.isdigit()
    assert int(uid) > 10_000


def test_every_process_of_it_is_an_ordinary_user_without_capabilities(container: Container) -> None:
    status = "for each in /proc/[0-9]*; do grep -E '^(Uid|Cap|NoNewPrivs|Seccomp):?' $each/status; done"
    said = told("docker", "exec", container["Id"], "sh", "-c", f"{status} 2>/dev/null || true")
    lines = [line.split() for line in said.splitlines()]
    assert {uid for name, *uids in lines if name == "Uid:" for uid in uids} == {
        container["Config"]["User"].partition(":")[0]
    }
    found = {(name, value) for name, value, *_ in lines}
    assert {
        int(value, 16) for name, value in found if name in {"CapBnd:", "CapPrm:", "CapEff:", "CapAmb:"}
    } == {0}
    assert ("NoNewPrivs:", "0") not in found
    assert {value for name, value in found if name == "Seccomp:"} == {"2"}


def test_its_root_cannot_be_written_and_it_has_limits(container: Container) -> None:
    host = container["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert host["Init"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"


def test_it_is_given_its_own_secrets_and_volumes_and_nothing_of_the_host(
    stack: Stack, container: Container
) -> None:
    mounts = {each["Destination"]: each for each in container["Mounts"]}
    files = {place for place, each in mounts.items() if each["Type"] == "bind"}
    assert files == {f"/run/secrets/{name}" for name in SECRETS[container["service"]]}
    for place in files:
        assert Path(mounts[place]["Source"]).parent == stack.secrets
        assert not mounts[place]["RW"]
    assert {place for place, each in mounts.items() if each["Type"] == "volume"} == WRITABLE.get(
        container["service"], set()
    )
    assert "docker.sock" not in json.dumps(container)


def test_its_walls_are_the_engines_own_but_for_the_executors(container: Container) -> None:
    said = {option.partition("=")[0] for option in container["HostConfig"]["SecurityOpt"]}
    assert said == SECURITY.get(container["service"], {"no-new-privileges:true"})
    if container["service"] == "executor":
        [profile] = [
            option for option in container["HostConfig"]["SecurityOpt"] if option.startswith("seccomp=")
        ]
        assert json.loads(profile.partition("=")[2]) == json.loads(
            (DEPLOY / "seccomp-executor.json").read_text()
        )
        assert container["HostConfig"]["MaskedPaths"] == container["HostConfig"]["ReadonlyPaths"] == []
    else:
        assert container["HostConfig"]["MaskedPaths"]


def test_no_secret_is_in_what_the_engine_tells_of_it(stack: Stack, container: Container) -> None:
    told = json.dumps(container)
    secrets = [path.read_text() for path in stack.secrets.iterdir()]
    assert len(set(secrets)) == len(secrets) == 8
    assert all(len(secret) >= 32 for secret in secrets)
    assert not any(secret in told for secret in secrets)
    names = [each.partition("=")[0] for each in container["Config"]["Env"]]
    assert not [
        name for name in names if ("PASSWORD" in name or "SECRET" in name) and not name.endswith("_FILE")
    ]


def test_no_secret_is_in_an_image_or_in_a_log(stack: Stack, images: dict[str, int]) -> None:
    secrets = [path.read_text() for path in stack.secrets.iterdir()]
    said = stack.compose("logs", "--no-color")
    for image in images:
        said += told("docker", "image", "inspect", image) + told("docker", "history", "--no-trunc", image)
    assert "listening" in said
    assert not any(secret in said for secret in secrets)


def test_it_is_on_its_own_networks_alone(stack: Stack, container: Container) -> None:
    networks = {name.removeprefix(f"{stack.project}_") for name in container["NetworkSettings"]["Networks"]}
    assert networks == NETWORKS[container["service"]]


def test_two_stacks_have_no_secret_in_common(stack: Stack, tmp_path: Path) -> None:
    other = Stack(tmp_path, name="headrace-test-other").secrets
    ours = {path.name: path.read_text() for path in stack.secrets.iterdir()}
    assert not set(ours.values()) & {path.read_text() for path in other.iterdir()}
    before = {path.name: path.read_text() for path in other.iterdir()}
    told(str(DEPLOY / "secrets.sh"), str(other))
    assert {path.name: path.read_text() for path in other.iterdir()} == before


def test_without_secrets_nothing_starts(stack: Stack, tmp_path: Path) -> None:
    bare = Stack(tmp_path, name="headrace-test-bare")
    for path in bare.secrets.iterdir():
        path.unlink()
    try:
        assert "nats_password" in bare.refused("up", "--detach", "nats")
    finally:
        bare.compose("down", "--volumes")


@pytest.mark.parametrize("service", ["api", "notifier"])
def test_a_service_that_checks_tokens_has_no_default_for_their_secret(
    images: dict[str, int], service: str
) -> None:
    said = refused("docker", "run", "--rm", "--network", "none", f"headrace-{service}")
    assert "HEADRACE_TOKEN_SECRET is not set and has no default" in said


@pytest.mark.parametrize(
    ("host", "port"),
    [("api", 8070), ("notifier", 8070), ("projector", 8070), ("proxy", 8080), ("192.0.2.1", 443)],
)
def test_the_executor_reaches_nobody_but_the_server_of_the_log(stack: Stack, host: str, port: int) -> None:
    assert connects(stack, "nats", 4222) == "connected"
    assert connects(stack, host, port) != "connected"


def test_nobody_outside_is_asked_for_names_in_the_name_of_the_executor(stack: Stack) -> None:
    [executor] = stack.containers("executor")
    assert executor["HostConfig"]["Dns"] == ["127.0.0.1"]
    assert "gaierror" in connects(stack, "debian.org", 80)


def test_the_executor_reaches_no_address_of_the_others(stack: Stack) -> None:
    for service in ("api", "notifier", "projector", "proxy"):
        [other] = stack.containers(service)
        for network in other["NetworkSettings"]["Networks"].values():
            for port in (8070, 8080):
                assert connects(stack, network["IPAddress"], port) != "connected", service


def connects(stack: Stack, host: str, port: int) -> str:
    """Whether a connection from within the executor's container is made, or why not."""
    code = (
        "import socket, sys\n"
        "try:\n"
        "    socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)\n"
        "    print('connected')\n"
        "except OSError as error:\n"
        "    print(repr(error))\n"
    )
    return stack.compose("exec", "-T", "executor", "python", "-c", code, host, str(port)).strip()

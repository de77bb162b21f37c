"""Nothing is left of a stack that was taken down; that nothing is of an engine, `engine` itself demands."""

from pathlib import Path

from tests.containers.commands import told
from tests.containers.stack import Stack


def test_nothing_is_left_of_a_stack(images: dict[str, int], tmp_path: Path) -> None:
    stack = Stack(tmp_path, name="headrace-test-short")
    stack.up("nats", "projector")
    assert count(stack, "container", "--all") == 3
    assert count(stack, "network") >= 1
    assert count(stack, "volume") >= 1
    stack.compose("down", "--volumes")
    assert [count(stack, "container", "--all"), count(stack, "network"), count(stack, "volume")] == [0, 0, 0]


def count(stack: Stack, kind: str, *options: str) -> int:
    """How many things of a kind the engine has that are this stack's."""
    label = f"label=com.docker.compose.project={stack.project}"
    return len(told("docker", kind, "ls", "--quiet", *options, "--filter", label).split())

"""Builds the users of nats-server for its configuration, from the one table of rights.

``python -m headrace.local.nats_users`` prints the block at the end of deploy/nats.conf, whose passwords come
from the environment. The local stack has the same users with generated ones.
"""

from collections.abc import Mapping

from shared.jetstream.permissions import RIGHTS, Rights

BEGINNING = "# Printed by: python -m headrace.local.nats_users"


def password_variable(user: str) -> str:
    """The variable with a user's password in the deployed configuration."""
    return f"HEADRACE_NATS_PASSWORD_{user.upper()}"


def users(passwords: Mapping[str, str]) -> list[dict[str, object]]:
    """Every user with its permissions, for a configuration in JSON."""
    return [
        {"user": name, "password": passwords[name], "permissions": _permissions(rights)}
        for name, rights in RIGHTS.items()
    ]


def render_users() -> str:
    """The same in the server's own syntax, for people to read."""
    blocks = [
        "\n".join(
            (
                "    {",
                f"      user: {name}",
                f"      password: ${password_variable(name)}",
                "      permissions: {",
                *_lines(_permissions(rights)),
                "      }",
                "    }",
            )
        )
        for name, rights in RIGHTS.items()
    ]
    return "\n".join((BEGINNING, "authorization {", "  users: [", *blocks, "  ]", "}", ""))


def _permissions(rights: Rights) -> dict[str, dict[str, list[str]]]:
    # A user without a list may do everything, so an empty list must be written out as a denial.
    publish = {"allow": [*rights.publish], "deny": [*rights.denied] if rights.publish else [">"]}
    return {
        "publish": {rule: subjects for rule, subjects in publish.items() if subjects},
        "subscribe": {"allow": [*rights.subscribe]},
    }


def _lines(permissions: Mapping[str, Mapping[str, list[str]]]) -> list[str]:
    lines = []
    for what, rules in permissions.items():
        lines.append(f"        {what}: {{")
        for rule, subjects in rules.items():
            lines.append(f"          {rule}: [")
            lines += [f'            "{subject}"' for subject in subjects]
            lines.append("          ]")
        lines.append("        }")
    return lines


if __name__ == "__main__":
    print(render_users(), end="")  # noqa: T201 - it is what this program is for

"""What all messages of `headrace.v1` have in common: JSON objects, told apart by `type`. Pure."""

import msgspec


class ClientBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What a client may send."""


class ServerBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """What the notifier sends."""

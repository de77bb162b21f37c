"""What operators may see of a connection. No token is ever part of it."""

from datetime import datetime
from typing import Literal, TypeAlias

from shared.domain.contract_struct import ContractStruct

ConnectionStatus: TypeAlias = Literal["connected", "ending"]


class SubscriptionRecord(ContractStruct, frozen=True, kw_only=True):
    """What one subscription shows; no `job_id` is every job of the user."""

    id: str
    job_id: str | None


class ConnectionRecord(ContractStruct, frozen=True, kw_only=True):
    """One open connection. `user_id` is None until it has proved who it is. `transport` is ``websocket``,
    ``sse``, or the name of another transport that was mounted. `status` is ``ending`` while what is queued
    before the close is still being sent.

    `last_activity` is when the client last sent something; over SSE it cannot, so there it is when the
    connection began. `queued_bytes` waits to be read by the client.
    """

    connection_id: str
    user_id: str | None
    transport: str
    status: ConnectionStatus
    connected_at: datetime
    last_activity: datetime
    queued_bytes: int
    subscriptions: tuple[SubscriptionRecord, ...]


class ConnectionList(ContractStruct, frozen=True, kw_only=True):
    """Some of the `total` connections that were asked for, the oldest first."""

    total: int
    connections: tuple[ConnectionRecord, ...]

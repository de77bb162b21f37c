"""Which stream holds which user's events: as nats-server decides it, and as every reader computes it."""

from dataclasses import dataclass
from typing import Any

from shared.contract.subjects import JOBS, JOBS_SUBJECTS, escape
from shared.jetstream.connection import Broker
from shared.jetstream.stream_config import ProvisionSettings, durables, streams

FNV_OFFSET, FNV_PRIME = 0x811C9DC5, 0x01000193
BITS = 0xFFFFFFFF
WITHOUT_SHARD = "jobs.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}"
"""The stored subject: what it is with one stream, so that filters and readers stay as they are."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How many streams the log has. With one it is the product's own: `JOBS`, and no mapping."""

    shards: int

    @property
    def streams(self) -> tuple[str, ...]:
        """Their names, by shard."""
        return (JOBS,) if self.shards == 1 else tuple(f"{JOBS}_{shard}" for shard in range(self.shards))

    @property
    def mappings(self) -> dict[str, str]:
        """The account's subject mapping: the shard becomes a token, by the second token, the user.

        The number of shards is part of the subject. A server with another number then publishes to
        subjects that no stream takes, instead of to another user's shard.
        """
        if self.shards == 1:
            return {}
        shard = f"{{{{partition({self.shards},1)}}}}"
        return {JOBS_SUBJECTS: f"jobs{self.shards}.{shard}.{WITHOUT_SHARD.removeprefix('jobs.')}"}

    def shard_of(self, user_id: str) -> int:
        """The shard of a user: nats-server's `partition`, which is FNV-1a of the token in 32 bits, modulo."""
        found = FNV_OFFSET
        for byte in escape(user_id).encode():
            found = (found ^ byte) * FNV_PRIME & BITS
        return found % self.shards

    def stream_of(self, user_id: str) -> str:
        """The stream of a user."""
        return self.streams[self.shard_of(user_id)]

    def configurations(self, settings: ProvisionSettings) -> list[dict[str, Any]]:
        """What `shared.provision` makes of JOBS, for every shard."""
        (jobs,) = (config for config in streams(settings) if config["name"] == JOBS)
        if self.shards == 1:
            return [jobs]
        return [
            {
                **jobs,
                "name": name,
                "subjects": [f"jobs{self.shards}.{shard}.*.*.*"],
                "subject_transform": {"src": f"jobs{self.shards}.{shard}.*.*.*", "dest": WITHOUT_SHARD},
                "max_bytes": jobs["max_bytes"] // self.shards,
            }
            for shard, name in enumerate(self.streams)
        ]


async def provision_shards(broker: Broker, layout: Layout, *, replicas: int = 1) -> None:
    """Create the streams, each with the executors' durable. Raises BrokerError."""
    (durable,) = durables()
    for config in layout.configurations(ProvisionSettings(replicas=replicas)):
        await broker.api(f"STREAM.CREATE.{config['name']}", config, timeout_s=10)
        await broker.api(
            f"CONSUMER.CREATE.{config['name']}.{durable.config['name']}.{durable.config['filter_subject']}",
            {"stream_name": config["name"], "config": durable.config, "action": "create"},
            timeout_s=10,
        )

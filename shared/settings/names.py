"""Names of all environment variables, so that a misspelt one is noticed instead of ignored.

A service cannot import another's settings (an image holds one service only), but one environment may serve
all of them, so the names are listed here. `tests/unit/test_setting_names.py` compares them with the structs,
the command line and the deployment files.
"""

from collections.abc import Iterable, Iterator

import msgspec

from shared.settings.environment import FILE, is_secret
from shared.settings.groups import ListenSettings, TokenSettings
from shared.settings.kinds import PREFIX, nearest_of

_COMMON = [field for kind in (TokenSettings, ListenSettings) for field in msgspec.structs.fields(kind)]


def _names_in(names: str) -> frozenset[str]:
    return frozenset(PREFIX + name for name in names.split())


SECRET_FILES = frozenset(PREFIX + field.name.upper() + FILE for field in _COMMON if is_secret(field))

SERVICES = frozenset(PREFIX + field.name.upper() for field in _COMMON) | _names_in(
    # api
    "API_HOST API_PORT API_ORIGINS API_EVENTS_UPSTREAM EVENTS_URL DIALECTS API_DIALECT_PORTS "
    "LIVECODE_USER "
    "BODY_BYTES_MAX USER_BODIES_BYTES_MAX BODIES_BYTES_MAX "
    "USER_ANSWERS_BYTES_MAX ANSWERS_BYTES_MAX CONCURRENCY_MAX APPEND_PATIENCE_S WAIT_S_MAX WAITS_MAX "
    "USER_WAITS USER_WAITS_MAX REQUESTS_PER_S REQUESTS_PER_S_MAX UNFINISHED_JOBS UNFINISHED_JOBS_MAX "
    "BACKLOG_MAX RETENTION_DAYS TTL_S_DEFAULT TOMBSTONE_S SESSIONS_MAX USER_ARTIFACTS_BYTES "
    "FILE_BYTES_MAX FILES_MAX FILES_RETENTION_DAYS JOB_FILES_BYTES_MAX USER_FILES_BYTES USER_FILES_BYTES_MAX "
    "USER_ARTIFACTS_BYTES_MAX USER_SESSIONS_BYTES USER_SESSIONS_BYTES_MAX USER_LOG_BYTES "
    "USER_LOG_BYTES_MAX WALL_MS_MAX CPU_MS_MAX MEMORY_BYTES_MAX PROCESSES_MAX DISK_BYTES_MAX "
    "OUTPUT_BYTES_MAX FILES_OPEN_MAX STACK_BYTES_MAX ADDRESS_SPACE_BYTES_MAX "
    "INTERACTIVE_JOBS INTERACTIVE_WALL_MS INTERACTIVE_WALL_MS_MAX IDLE_S_DEFAULT IDLE_S_MAX "
    "JOB_INPUT_BYTES_MAX INTERACTIVE_OUTPUT_BYTES "
    # notifier
    "NOTIFIER_HOST NOTIFIER_PORT NOTIFIER_ORIGINS NOTIFIER_INIT_S NOTIFIER_PING_S "
    "NOTIFIER_CONNECTIONS_MAX NOTIFIER_USER_CONNECTIONS_MAX NOTIFIER_CLAIMED_CONNECTIONS_MAX "
    "NOTIFIER_SUBSCRIPTIONS_MAX NOTIFIER_COMMANDS_PER_S NOTIFIER_QUEUE_BYTES_MAX "
    "NOTIFIER_USER_QUEUES_BYTES_MAX NOTIFIER_QUEUES_BYTES_MAX NOTIFIER_QUEUE_AGE_S "
    # executor
    "EXECUTOR_ID SLOTS INTERACTIVE_SLOTS HELD_MAX HELD_BYTES_MAX COMPILED_BYTES_MAX CELL_UID CELL_UIDS "
    "USER_FEED_BYTES ATTEMPTS_MAX CELL_PATIENCE_S MINIMUM_ISOLATION GRACE_S "
    # projector
    "VIEW_PATH SWEEP_S "
    # provisioner
    "REPLICAS JOBS_BYTES_MAX FEED_BYTES_MAX SESSIONS_BYTES_MAX ARTIFACTS_BYTES_MAX FILES_BYTES_MAX "
    "INPUT_BYTES_MAX"
)
"""Variables of the services and the provisioner."""

CLIENT = _names_in("DATA API_URL TOKEN WEBSOCKET_URL")
"""Variables of the client and the command line."""

DEPLOYMENT = _names_in(
    "BASE LISTEN SECRETS API_MEMORY EXECUTOR_MEMORY NATS_MEMORY NOTIFIER_MEMORY PROJECTOR_MEMORY "
    "EXECUTOR_CPUS EXECUTOR_FILES EXECUTOR_PROCESSES NATS_HEAP NATS_NAME NATS_PEERS NATS_ROUTE_1 "
    "NATS_ROUTE_2 NATS_ROUTE_3 NATS_PASSWORD_API NATS_PASSWORD_EXECUTOR NATS_PASSWORD_NOTIFIER "
    "NATS_PASSWORD_OBSERVER NATS_PASSWORD_PROJECTOR NATS_PASSWORD_PROVISIONER NATS_PASSWORD_ROUTE"
)
"""Variables of the compose files and of the NATS server (docs/containers.md)."""

KNOWN = SERVICES | SECRET_FILES | CLIENT | DEPLOYMENT


def unknown_in(names: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Each unknown name with Headrace's prefix, with the nearest known name, if one is near."""
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in KNOWN:
            yield name, nearest(name)


def nearest(name: str) -> str | None:
    """The known name most similar to an unknown one."""
    near = nearest_of(name.removeprefix(PREFIX), (known.removeprefix(PREFIX) for known in KNOWN))
    return None if near is None else PREFIX + near

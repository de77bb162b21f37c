"""Settings of the api, with the reasons for their defaults."""

from typing import Annotated, ClassVar

from msgspec import Meta

from shared.auth.provider_settings import check_provider
from shared.dialects.names import AnonymousUser, DialectNames, DialectPorts, parse_ports
from shared.domain.events import Limits
from shared.settings import (
    MIB,
    Bytes,
    Days,
    Host,
    Origin,
    Origins,
    Pairs,
    Port,
    Positive,
    Seconds,
    SettingsError,
    TokenSettings,
    Upstream,
    WholeSeconds,
    split_csv,
    split_list,
)

DAY_S = 24 * 3600


class ApiSettings(TokenSettings, frozen=True, kw_only=True):
    """Settings of one api process."""

    at_most: ClassVar[Pairs] = (
        ("body_bytes_max", "user_bodies_bytes_max"),
        ("user_bodies_bytes_max", "bodies_bytes_max"),
        ("user_answers_bytes_max", "answers_bytes_max"),
        ("user_waits", "user_waits_max"),
        ("requests_per_s", "requests_per_s_max"),
        ("unfinished_jobs", "unfinished_jobs_max"),
        ("user_artifacts_bytes", "user_artifacts_bytes_max"),
        ("user_sessions_bytes", "user_sessions_bytes_max"),
        ("file_bytes_max", "user_files_bytes"),
        ("user_files_bytes", "user_files_bytes_max"),
        ("user_log_bytes", "user_log_bytes_max"),
        ("interactive_wall_ms", "interactive_wall_ms_max"),
        ("idle_s_default", "idle_s_max"),
    )

    api_host: Host = "127.0.0.1"
    api_port: Port = 8070
    body_bytes_max: Annotated[int, Meta(ge=1024, le=8 * MIB)] = 1 * MIB
    """A submission is one event of the log, and the log is not meant for large files.
    8 MiB are the largest message of NATS."""

    user_bodies_bytes_max: Bytes = 16 * MIB
    """Body bytes of one user's current requests: parsed and encoded they take several times as much."""

    bodies_bytes_max: Bytes = 64 * MIB
    """The same of all users."""

    user_answers_bytes_max: Bytes = 32 * MIB
    """Unsent bytes of one user's large responses: several of the largest job at a time."""

    answers_bytes_max: Bytes = 128 * MIB
    """The same of all users."""

    events_url: Origin = ""
    """The notifier's origin for clients, shown in `GET /v1/`; empty if it is the api's own origin."""

    api_events_upstream: Upstream = ""
    """The address to which the api forwards requests for the notifier's paths, so that both share one origin
    without a proxy; empty if a proxy does that."""

    dialects: DialectNames = ""
    """The dialects that are served, separated by commas; the notifier has the same setting."""

    api_dialect_ports: DialectPorts = ""
    """A port of its own for a dialect, such as ``executions=8001``, at the api's host: its paths are at the
    root there, and its socket at the same port. Needs `api_events_upstream`."""

    livecode_user: AnonymousUser = ""
    """The user in whose name the dialect `livecode` serves requests without a token; empty refuses them."""

    api_origins: Origins = ""
    """Origins whose pages may call the api (CORS), separated by commas; ``*`` is any. Pages of the api's own
    origin need none. The notifier has a setting of its own."""

    concurrency_max: Positive = 8
    """The highest K that a token may claim (jobs of one user at a time)."""

    append_patience_s: Seconds = 5.0
    """How long the api waits for the log before it answers that the client should retry."""

    wait_s_max: WholeSeconds = 60
    """The longest wait of `Prefer: wait`; proxies close connections that are silent for longer."""

    waits_max: Positive = 2_000
    """Waiting requests of all users at a time. A user may hold half of what the others leave."""

    user_waits: Positive = 200
    """Waiting requests of one user; beyond it the preference is ignored."""

    user_waits_max: Positive = 1_000
    """The highest number of them that a token may claim."""

    requests_per_s: Positive = 200
    """Requests of one user at each api process; a burst may have four seconds' worth."""

    requests_per_s_max: Positive = 10_000
    """The highest rate that a token may claim."""

    unfinished_jobs: Positive = 1_000
    """Unfinished jobs of one user."""

    unfinished_jobs_max: Positive = 50_000
    """The highest number of them that a token may claim."""

    backlog_max: Positive = 90_000
    """Unfinished jobs of all users: the durable holds 100,000, and further jobs would not be delivered."""

    retention_days: Days = 30
    """The longest that a finished job is kept; no file is kept for longer by the object store."""

    ttl_s_default: WholeSeconds = 30 * DAY_S
    """How long a finished job is kept if the submission has no `ttl_s`; at most the retention."""

    tombstone_s: WholeSeconds = DAY_S
    """How long the log keeps the tombstone of an erased user's job; the projector has the same setting."""

    sessions_max: Positive = 1_000
    """Sessions of one user; a list shows all of them."""

    user_artifacts_bytes: Bytes = 128 * MIB
    user_artifacts_bytes_max: Bytes = 1024 * MIB
    """The share that `GET /v1/usage` reports for artifacts; the executors enforce it with the same two
    settings."""

    user_sessions_bytes: Bytes = 128 * MIB
    """Saved sessions of one user with all their revisions. A user may hold at most a quarter of what the
    others leave of their bucket."""

    user_sessions_bytes_max: Bytes = 1024 * MIB
    """The most of them that a token may claim."""

    file_bytes_max: Bytes = 64 * MIB
    """Of one uploaded file."""

    files_max: Positive = 1_000
    """Uploaded files of one user; a list shows all of them."""

    files_retention_days: Days = 7
    """How long an uploaded file is kept; the provisioner has the same setting."""

    user_files_bytes: Bytes = 256 * MIB
    """Uploaded files of one user, who may also hold a quarter of what the others leave of their bucket."""

    user_files_bytes_max: Bytes = 1024 * MIB
    """The most of them that a token may claim."""

    job_files_bytes_max: Bytes = 64 * MIB
    """Stored files of one submission together: an executor has them in memory when it starts the job."""

    user_log_bytes: Bytes = 512 * MIB
    """What the jobs of one user may hold of the log before new ones are refused, and a quarter of what the
    others leave of three quarters of it."""

    user_log_bytes_max: Bytes = 4 * 1024 * MIB
    """The most of it that a token may claim."""

    # Each minimum is the least that a request may ask for (schemas.py); below it, all would be refused.
    wall_ms_max: Annotated[int, Meta(ge=1, le=DAY_S * 1_000)] = 60_000
    cpu_ms_max: Annotated[int, Meta(ge=1, le=30 * DAY_S * 1_000)] = 60_000
    """May exceed the wall time if a program uses several processors."""

    memory_bytes_max: Annotated[int, Meta(ge=1 * MIB, le=2**44)] = 1024 * MIB
    processes_max: Annotated[int, Meta(ge=1, le=2**22)] = 256
    """The kernel has numbers for 2^22 (pid_max of proc(5))."""

    disk_bytes_max: Annotated[int, Meta(ge=4_096, le=2**44)] = 256 * MIB
    output_bytes_max: Annotated[int, Meta(ge=0, le=640 * 1024)] = 256 * 1024
    """Two streams of this size, each byte written as six, still fit one event; of the most that it can be,
    still one message of NATS, which has 8 MiB."""

    files_open_max: Annotated[int, Meta(ge=8, le=2**20)] = 1_024
    """The kernel gives a process no more than 2^20 by default (nr_open of proc(5))."""

    stack_bytes_max: Annotated[int, Meta(ge=1 * MIB, le=2**44)] = 1024 * MIB
    address_space_bytes_max: Annotated[int, Meta(ge=64 * MIB, le=2**47)] = 64 * 1024 * MIB
    """Addresses cost a host nothing: enough for any runtime that reserves more than it uses. A process has
    2^47 of them."""

    interactive_jobs: Positive = 10
    """Interactive jobs of one user at a time: they wait for people more than they compute, so they have a
    lane of their own beside the user's other jobs."""

    interactive_wall_ms: Annotated[int, Meta(ge=1, le=DAY_S * 1_000)] = 600_000
    """How long an interactive job may run if its submission does not say: a person reads and types."""

    interactive_wall_ms_max: Annotated[int, Meta(ge=1, le=DAY_S * 1_000)] = 3_600_000
    """The most that an interactive submission may ask for, instead of `wall_ms_max`."""

    idle_s_default: WholeSeconds = 300
    """How long an interactive job may be without input and output: a page that was left frees its slot."""

    idle_s_max: WholeSeconds = 3_600
    """The most that a submission may ask for."""

    job_input_bytes_max: Bytes = 1 * MIB
    """Input of one interactive job: what people type and paste. Large data belongs into files."""

    interactive_output_bytes: Bytes = 16 * MIB
    """What an interactive job may print to each stream; its result keeps the beginning and the end."""

    def check(self) -> None:
        """As in `Settings`; also checks that the settings of the token provider are complete."""
        super().check()
        check_provider(self)
        if self.api_events_upstream == f"http://{self.api_host}:{self.api_port}":
            raise SettingsError(
                f"HEADRACE_API_EVENTS_UPSTREAM is {self.api_events_upstream}, where the api listens itself: "
                "it must be a notifier's"
            )

        self.refuse_alone("api_dialect_ports", "api_events_upstream")
        for name, port in self.dialect_ports.items():
            if name not in self.named_dialects:
                raise SettingsError(
                    f"HEADRACE_API_DIALECT_PORTS gives {name} a port, and HEADRACE_DIALECTS does not name it"
                )
            if port and port == self.api_port:
                raise SettingsError(f"HEADRACE_API_DIALECT_PORTS: port {port} of {name} is the api's own")

    @property
    def named_dialects(self) -> tuple[str, ...]:
        """The names in `dialects`, each once."""
        return tuple(dict.fromkeys(split_list(self.dialects)))

    @property
    def dialect_ports(self) -> dict[str, int]:
        """The ports in `api_dialect_ports`, by dialect."""
        return parse_ports(self.api_dialect_ports)

    @property
    def origins(self) -> frozenset[str]:
        """The origins in `api_origins`."""
        return split_csv(self.api_origins)

    @property
    def ttl_s_max(self) -> int:
        """The highest `ttl_s` that a request may ask for."""
        return self.retention_days * DAY_S

    @property
    def limits_max(self) -> Limits:
        """The highest limits that a request may ask for."""
        return Limits(
            wall_ms=self.wall_ms_max,
            cpu_ms=self.cpu_ms_max,
            memory_bytes=self.memory_bytes_max,
            processes=self.processes_max,
            disk_bytes=self.disk_bytes_max,
            output_bytes=self.output_bytes_max,
            files_open=self.files_open_max,
            stack_bytes=self.stack_bytes_max,
            address_space_bytes=self.address_space_bytes_max,
        )

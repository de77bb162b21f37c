"""What an operator may choose about the api, and why the defaults are what they are."""

from shared.events import Limits
from shared.settings import Port, Positive, TokenSettings, words

MIB = 1024 * 1024
DAY_S = 24 * 3600


class ApiSettings(TokenSettings, frozen=True, kw_only=True):
    """Settings of one api process."""

    api_host: str = "127.0.0.1"
    api_port: Port = 8070
    body_bytes_max: Positive = 1 * MIB
    """A submission is one event of the log, and the log is no place for large files."""

    user_bodies_bytes_max: Positive = 16 * MIB
    """Of one user's requests that are under way: parsed and encoded they take several times as much."""

    bodies_bytes_max: Positive = 64 * MIB
    """The same of all users."""

    user_answers_bytes_max: Positive = 32 * MIB
    """Of one user's large answers that have not left yet: some of the largest job at a time."""

    answers_bytes_max: Positive = 128 * MIB
    """The same of all users."""

    api_origins: str = ""
    """Origins whose pages may call the api (CORS), separated by commas; ``*`` is any. Pages of the api's own
    origin need none. The notifier has a setting of its own."""

    concurrency_max: Positive = 8
    """The highest K that a token may claim (jobs of one user at a time)."""

    append_patience_s: float = 5.0
    """How long a client waits for the log before it is told to try again."""

    wait_s_max: Positive = 60
    """The longest wait that `Prefer: wait` can ask for; proxies close what is silent for longer."""

    waits_max: Positive = 2_000
    """Requests that wait at a time, of all users. A user may hold half of what the others leave."""

    user_waits: Positive = 200
    """Of one user; beyond it the preference is ignored."""

    user_waits_max: Positive = 1_000
    """The highest number of them that a token may claim."""

    requests_per_s: Positive = 200
    """Of one user, at each api process; four seconds' worth may come at once."""

    requests_per_s_max: Positive = 10_000
    """The highest rate that a token may claim."""

    unfinished_jobs: Positive = 1_000
    """Unfinished jobs of one user."""

    unfinished_jobs_max: Positive = 50_000
    """The highest number of them that a token may claim."""

    backlog_max: Positive = 90_000
    """Unfinished jobs of all users: the queue's consumer holds 100,000, and more would not be delivered."""

    retention_days: Positive = 30
    """The longest that a finished job is kept; no file is kept for longer by the object store."""

    ttl_s_default: Positive = 30 * DAY_S
    """How long a finished job is kept whose client did not say; at most the retention."""

    tombstone_s: Positive = DAY_S
    """How long the log keeps the tombstone of an erased user's job; the projector has the same setting."""

    sessions_max: Positive = 1_000
    """Sessions of one user; a list shows all of them."""

    user_artifacts_bytes: Positive = 128 * MIB
    user_artifacts_bytes_max: Positive = 1024 * MIB
    """What `GET /v1/usage` tells of artifacts; the executors, who store them, have the same two settings."""

    user_sessions_bytes: Positive = 128 * MIB
    """Saved sessions of one user with all their revisions; he may besides hold a quarter of what the others
    leave of their bucket."""

    user_sessions_bytes_max: Positive = 1024 * MIB
    """The most of them that a token may claim."""

    user_log_bytes: Positive = 512 * MIB
    """What the jobs of one user may hold of the log before new ones are refused, and a quarter of what the
    others leave of three quarters of it."""

    user_log_bytes_max: Positive = 4 * 1024 * MIB
    """The most of it that a token may claim."""

    wall_ms_max: int = 60_000
    cpu_ms_max: int = 60_000
    memory_bytes_max: int = 1024 * MIB
    processes_max: int = 256
    disk_bytes_max: int = 256 * MIB
    output_bytes_max: int = 256 * 1024
    """Two streams of this size, each byte written as six, still fit one event."""

    files_open_max: int = 1_024
    stack_bytes_max: int = 1024 * MIB

    @property
    def origins(self) -> frozenset[str]:
        """`api_origins`, one by one."""
        return words(self.api_origins)

    @property
    def ttl_s_max(self) -> int:
        """The most that a request may ask for."""
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
        )

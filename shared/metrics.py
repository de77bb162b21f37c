"""Every metric by name, with what it counts. Served at /metrics by each service."""

from prometheus_client import Counter, Gauge, Histogram

BROKER_ERRORS = Counter(
    "headrace_broker_errors_total", "Errors that the broker client reported asynchronously"
)
BROKER_REFUSED = Counter(
    "headrace_broker_refused_total", "What this service tried and its NATS user may not do; healthy is 0"
)
APPENDS = Counter("headrace_appends_total", "Events appended to the log", ["type"])
CONFLICTS = Counter("headrace_append_conflicts_total", "Appends refused because another event came first")
POISON = Counter("headrace_poison_total", "Stored messages that no version can decode", ["reader"])
UNKNOWN = Counter("headrace_unknown_events_total", "Stored events newer than this program", ["reader"])
FOLLOWER_RESTARTS = Counter("headrace_follower_restarts_total", "Times a follower began again", ["stream"])
FOLLOWER_POSITION = Gauge("headrace_follower_position", "Last stream sequence a follower handled", ["stream"])
ATTEMPTS = Counter("headrace_attempts_total", "Attempts begun", ["language"])
FINISHED = Counter("headrace_finished_total", "Terminal events written", ["status"])
EXPIRED = Counter("headrace_expired_total", "Tombstones written for jobs that are gone", ["reason"])
FENCED = Counter("headrace_fenced_total", "Late results refused: another attempt was begun, or ended the job")
JOBS_HELD = Gauge("headrace_jobs_held", "Deliveries held by this executor")
JOBS_PARKED = Gauge(
    "headrace_jobs_parked", "Deliveries given back for a while that wait far back in their lane"
)
JOBS_UNFINISHED = Gauge("headrace_jobs_unfinished", "Unfinished jobs of all users, as the log tells")
JOBS_STARTABLE = Gauge("headrace_jobs_startable", "Of those, jobs that may start and that nobody has begun")
LANES = Gauge("headrace_lanes", "Users with an unfinished job")
OLDEST_QUEUED = Gauge("headrace_oldest_queued_age_seconds", "Age of the oldest job that nobody has begun")
OLDEST_STARTABLE = Gauge(
    "headrace_oldest_startable_age_seconds", "Age of the job that could have begun first"
)
GIVEN_BACK = Counter("headrace_given_back_total", "Deliveries given back unfinished, by reason", ["why"])
SLOTS = Gauge("headrace_slots", "Programs that this executor runs at a time")
JOBS_EXECUTING = Gauge("headrace_jobs_executing", "Attempts under way in this executor")
CELLS_FAILED = Counter(
    "headrace_cells_failed_total", "Cells that could not be made, for a job or a trial", ["of"]
)
CELLS_UNAVAILABLE = Gauge("headrace_cells_unavailable", "1 while this executor cannot make cells")
COMPILE_CACHE = Counter(
    "headrace_compile_cache_total", "Programs whose product was at hand (hit) or not (miss)", ["result"]
)
ARTIFACTS = Counter("headrace_artifacts_total", "Files stored for jobs")
FEED_LOST = Counter("headrace_feed_lost_total", "Output notes that the feed did not take")
QUEUE_WAIT = Histogram("headrace_queue_wait_seconds", "From accepted to begun, as recorded in job.running")
WAITS = Gauge("headrace_waits", "Requests that wait for a job to end")
REFUSED = Counter("headrace_refused_total", "Requests refused because of a quota", ["why"])
SUBSCRIPTIONS_BEHIND = Counter(
    "headrace_subscriptions_behind_total",
    "Times a live subscription's client had no room, so it went on from the log",
)
SHARES_REFUSED = Counter(
    "headrace_shares_refused_total", "What was not stored because its user holds his share already", ["store"]
)
CONNECTIONS = Gauge("headrace_connections", "Open connections of clients, over WebSocket and SSE")
HTTP_CONNECTIONS = Gauge(
    "headrace_http_connections", "Open connections, counted to an address or to a user", ["counted"]
)
HTTP_REFUSED = Counter(
    "headrace_http_refused_total", "Connections ended before an answer, by reason", ["why"]
)

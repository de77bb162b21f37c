"""Where a notifier is made to die. What its clients were shown over all must be what the streams hold."""

from shared.domain.events import JobCancelRequested
from tests.faults.points.point import AFTER, BEFORE, Point, Row, is_a, is_filled, of_user, text

CONNECTION = "services.notifier.transports.headrace_v1.session:SocketSession"
CATCH_UP = "services.notifier.events.catch_up:CatchUp"
CLIENT = "services.notifier.connections.client_connection:ClientConnection"
OUTBOX = "services.notifier.connections.outbox:Outbox"
FLOW = "services.notifier.transports.websocket.flow:FlowProtocol"
FEEDER = "services.notifier.events.fanout:Feeder"
HUB = "services.notifier.events.hub"
SUBSCRIPTION = "services.notifier.events.subscription:Subscription"
STREAM = "services.notifier.transports.sse.session:StreamSession"
APPEND = "shared.jetstream.event_log:Log.append"
STORE = "shared.jetstream.event_log:Log.store"

ROW, STORED = Row.NOTIFIER, Row.NOTIFIER_INPUT

_CONNECTING = (
    Point(
        "notifier.start.ends_known",
        "services.notifier.app:open_notifier",
        AFTER,
        "watch",
        ROW,
        from_start=True,
    ),
    Point(
        "notifier.start.listening", "shared.service.runtime:listen_at", AFTER, "watch", ROW, from_start=True
    ),
    Point(
        "notifier.socket.accepted",
        "services.notifier.transports.headrace_v1.endpoint:SocketEndpoint.serve",
        BEFORE,
        "watch",
        ROW,
    ),
    Point(
        "notifier.socket.not_refused",
        "services.notifier.transports.headrace_v1.protocol:refuse_handshake",
        AFTER,
        "watch",
        ROW,
    ),
    Point("notifier.init.arrived", f"{CONNECTION}._authenticate", BEFORE, "watch", ROW),
    Point("notifier.init.joined", f"{CLIENT}.join", AFTER, "watch", ROW),
    Point("notifier.init.acknowledged", f"{CONNECTION}._authenticate", AFTER, "watch", ROW),
)

_CATCHING_UP = (
    Point("notifier.subscribe.arrived", f"{CLIENT}.start_subscription", BEFORE, "watch", ROW),
    Point("notifier.subscribe.introduced", f"{CATCH_UP}._introduce", AFTER, "watch", ROW),
    Point(
        "notifier.history.first_read",
        "services.notifier.events.stored_events:History.log_entries",
        AFTER,
        "watch_ended",
        ROW,
    ),
    Point(
        "notifier.history.notes_read",
        "services.notifier.events.stored_events:History.feed_entries",
        AFTER,
        "watch_ended",
        ROW,
        time=2,
    ),
    Point("notifier.history.shown", f"{SUBSCRIPTION}.show", AFTER, "watch_ended", ROW, time=3),
    Point("notifier.history.replayed", f"{CATCH_UP}._replay", AFTER, "watch", ROW),
    Point("notifier.live.not_begun", f"{SUBSCRIPTION}.go_live", BEFORE, "watch", ROW),
    Point("notifier.live.begun", f"{SUBSCRIPTION}.go_live", AFTER, "watch", ROW),
    Point("notifier.complete.decided", f"{SUBSCRIPTION}.complete", BEFORE, "watch_one", ROW),
    Point("notifier.complete.queued", f"{SUBSCRIPTION}.complete", AFTER, "watch_one", ROW),
)

# A user is called as his point.
_LIVE = (
    Point(
        "notifier.live.log_arrived",
        f"{FEEDER}.take_log",
        BEFORE,
        "watch_live",
        ROW,
        about=of_user("notifier.live.log_arrived"),
    ),
    Point(
        "notifier.live.log_queued",
        f"{FEEDER}.take_log",
        AFTER,
        "watch_live",
        ROW,
        about=of_user("notifier.live.log_queued"),
    ),
    Point(
        "notifier.live.note_arrived",
        f"{FEEDER}.take_feed",
        BEFORE,
        "watch_live",
        ROW,
        about=of_user("notifier.live.note_arrived"),
    ),
    Point(
        "notifier.live.note_queued",
        f"{FEEDER}.take_feed",
        AFTER,
        "watch_live",
        ROW,
        about=of_user("notifier.live.note_queued"),
    ),
    Point("notifier.live.published", f"{HUB}:Hub.publish", AFTER, "watch_live", ROW, about=is_filled, time=4),
    Point("notifier.outbox.not_sent", f"{FLOW}.send_now", BEFORE, "watch_live", ROW, time=6),
    Point("notifier.outbox.sent_at_once", f"{FLOW}.send_now", AFTER, "watch_live", ROW, time=6),
    Point("notifier.outbox.taken", f"{OUTBOX}.take", AFTER, "slow", ROW),
    Point("notifier.outbox.sent", f"{OUTBOX}.mark_sent", AFTER, "slow", ROW),
    Point("notifier.slow.evicted", f"{OUTBOX}.end", AFTER, "slow", ROW),
    Point("notifier.slow.full", f"{CLIENT}.end", BEFORE, "slow", ROW),
)

_ASKING = (
    Point("notifier.cancel.decided", APPEND, BEFORE, "cancel", ROW, about=is_a(JobCancelRequested)),
    Point("notifier.cancel.appended", APPEND, AFTER, "cancel", ROW, about=is_a(JobCancelRequested)),
    Point("notifier.status.read", "services.notifier.events.stored_events:History.job", AFTER, "status", ROW),
    Point("notifier.refresh.arrived", f"{CONNECTION}._refresh_token", BEFORE, "refresh", ROW),
    Point("notifier.refresh.checked", f"{CONNECTION}._refresh_token", AFTER, "refresh", ROW),
)

_INPUT = (
    Point("notifier.input.arrived", "shared.jetstream.input_log:InputLog.add", BEFORE, "talk", ROW),
    Point("notifier.input.not_stored", STORE, BEFORE, "talk", ROW, about=text("input.")),
    Point(
        "notifier.input.published",
        "shared.jetstream.connection:Broker.publish",
        AFTER,
        "talk",
        STORED,
        about=text("input."),
    ),
    Point("notifier.input.stored", STORE, AFTER, "talk", STORED, about=text("input.")),
    Point("notifier.input.end_stored", STORE, AFTER, "talk", STORED, about=text("input."), time=2),
)

_STREAMING = (
    Point(
        "notifier.sse.asked",
        "services.notifier.transports.sse.endpoint:StreamEndpoint._parse_request",
        AFTER,
        "sse",
        ROW,
    ),
    Point("notifier.sse.begun", f"{STREAM}._begin", AFTER, "sse", ROW),
    Point("notifier.sse.sent", f"{STREAM}._send_content", AFTER, "sse", ROW, time=2),
    Point("notifier.sse.sent_at_once", f"{STREAM}._send_now", AFTER, "sse", ROW, time=3),
    Point("notifier.sse.resumed", f"{CATCH_UP}._introduce", AFTER, "sse_resume", ROW),
    Point("notifier.sse.resumed_and_sent", f"{STREAM}._send_now", AFTER, "sse_resume", ROW),
)

_END = (
    Point(
        "notifier.stop.told",
        "services.notifier.connections.registry:ClientRegistry.end_all",
        BEFORE,
        "stop",
        ROW,
    ),
    Point("notifier.stop.queued", f"{OUTBOX}.end", AFTER, "stop", ROW),
    Point(
        "notifier.stop.all_told",
        "services.notifier.connections.registry:ClientRegistry.end_all",
        AFTER,
        "stop",
        ROW,
    ),
)

NOTIFIER_POINTS = (*_CONNECTING, *_CATCHING_UP, *_LIVE, *_ASKING, *_INPUT, *_STREAMING, *_END)

"""The notifier: shows clients the events of their jobs as they happen, over WebSocket and SSE.

Consumes JOBS and FEED through one follower each and fans out in memory. Publishes `job.cancel_requested` and,
of queued jobs, `job.cancelled` when a client asks for it; owns nothing. When it dies, clients connect again
to any replica with their last cursor, and nothing is lost or repeated.
"""

"""The projector: follows the log into a SQLite view and answers requests about it.

Consumes JOBS through one follower. Owns its database file, which can be deleted at any time, and holds a lock
beside it, so that only one process writes it. Answers `view.*` requests in the queue group `view`. Appends
the tombstones of expired jobs, and removes their files and events. After a crash it continues from the
checkpoint, which is stored in the same transaction as the rows. While it is down, the api reads jobs from the
log. If its file is damaged, it rebuilds it from the log.
"""

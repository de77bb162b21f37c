"""The projector: follows the log into a SQLite view and answers questions about it.

Consumes JOBS through one follower. Owns its database file, which can be deleted at any time, and holds a
lock beside it, so that one process writes it. Answers `view.*` requests in the queue group
`view`. Appends the tombstones of jobs whose time is over, and removes what those stand for. When it dies, it
goes on from the checkpoint that was stored in the same transaction as the rows; when it is away, the api
reads jobs from the log; when its file is damaged, it makes another from the log.
"""

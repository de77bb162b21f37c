"""Whose turn it is: jobs that may start, handed out round-robin over their users. Pure."""

from collections import deque


class Rotation:
    """Jobs that may start here now. A user's own jobs leave in the order in which they came."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._jobs: dict[str, dict[str, None]] = {}
        self._users: deque[str] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def offer(self, user_id: str, job_id: str) -> None:
        """Add a job that may start; offering it again changes nothing."""
        waiting = self._jobs.get(user_id)
        if waiting is None:
            waiting = self._jobs[user_id] = {}
            self._users.append(user_id)
        if job_id not in waiting:
            waiting[job_id] = None
            self._count += 1

    def discard(self, user_id: str, job_id: str) -> None:
        """The job need not start here any more."""
        waiting = self._jobs.get(user_id)
        if waiting is None or job_id not in waiting:
            return
        del waiting[job_id]
        self._count -= 1
        if not waiting:
            del self._jobs[user_id]
            self._users.remove(user_id)

    def last(self) -> str | None:
        """The job whose turn is farthest away, left where it is. None if nobody waits."""
        return next(reversed(self._jobs[self._users[-1]])) if self._users else None

    def take(self) -> str | None:
        """The next job: the next user's first one. None if nobody waits."""
        if not self._users:
            return None
        user_id = self._users.popleft()
        waiting = self._jobs[user_id]
        job_id = next(iter(waiting))
        del waiting[job_id]
        self._count -= 1
        if waiting:
            self._users.append(user_id)
        else:
            del self._jobs[user_id]
        return job_id

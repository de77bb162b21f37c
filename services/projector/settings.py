"""What an operator may choose about the projector, from ``HEADRACE_<FIELD>``."""

from pathlib import Path

from shared.settings import FilePath, ListenSettings, Port, Seconds, WholeSeconds

TOMBSTONE_S = 24 * 3600
SWEEP_S = 5.0


class ProjectorSettings(ListenSettings, frozen=True, kw_only=True):
    """Where the log is, where health is served, and where the view lives."""

    health_port: Port = 8073
    """A second projector of one machine needs another."""

    view_path: FilePath = "/var/lib/headrace/view.sqlite3"
    """The view's file, on a local disk of this replica's own: WAL does not work over a network, and two
    projectors never share one. The default is where the image mounts its volume."""

    tombstone_s: WholeSeconds = TOMBSTONE_S
    """How long the log keeps the tombstone of a job that is gone. A view that is behind by more is made anew.
    The api has the same setting, for users who are erased."""

    sweep_s: Seconds = SWEEP_S
    """How often to look for jobs whose time is over, while there are none."""

    @property
    def view_file(self) -> Path:
        """`view_path` as a path."""
        return Path(self.view_path)

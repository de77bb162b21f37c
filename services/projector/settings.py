"""Settings of the projector, from ``HEADRACE_<FIELD>``."""

from pathlib import Path

from shared.settings import FilePath, ListenSettings, Port, Seconds, WholeSeconds

TOMBSTONE_S = 24 * 3600
SWEEP_S = 5.0


class ProjectorSettings(ListenSettings, frozen=True, kw_only=True):
    """Addresses of the log and of the health server, and the path of the view."""

    health_port: Port = 8073
    """A second projector on one machine needs another port."""

    view_path: FilePath = "/var/lib/headrace/view.sqlite3"
    """The view's file, on a local disk of this replica: WAL does not work over a network, and two
    projectors never share a view. The default is where the image mounts its volume."""

    tombstone_s: WholeSeconds = TOMBSTONE_S
    """How long the log keeps the tombstone of a removed job. A view that is further behind is rebuilt.
    The api has the same setting, for erased users."""

    sweep_s: Seconds = SWEEP_S
    """How often to look for expired jobs, while there are none."""

    @property
    def view_file(self) -> Path:
        """`view_path` as a path."""
        return Path(self.view_path)

"""What an operator may choose about the projector, from ``HEADRACE_<FIELD>``."""

from pathlib import Path

from shared.settings import ListenSettings


class ProjectorSettings(ListenSettings, frozen=True, kw_only=True):
    """Where the log is, where health is served, and where the view lives."""

    view_path: str = "/var/lib/headrace/view.sqlite3"
    """The view's file, on a local disk of this replica's own: WAL does not work over a network, and two
    projectors never share one. The default is where the image mounts its volume."""

    @property
    def view_file(self) -> Path:
        """`view_path` as a path."""
        return Path(self.view_path)

"""What a nats-server wrote of the feed, to be cut as a crash may: it is not synced."""

import os
from pathlib import Path


def cut_the_feeds_end(directory: Path, size: int) -> None:
    """Take so many bytes off the last block below the folder of a server that does not run."""
    [*_, last] = sorted(directory.glob("**/streams/FEED/msgs/*.blk"))
    os.truncate(last, max(0, last.stat().st_size - size))

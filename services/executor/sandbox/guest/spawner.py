"""A spawner: a process in one cgroup that clones one cell after another, never two at a time.

Joining a cgroup blocks every fork and exit on the host for a kernel grace period, many milliseconds. So only
the spawner joins, once, and its cells are cloned inside.
"""

from __future__ import annotations

import os
import socket

from . import init, ipc, program, syscalls
from .config import CellConfig


def serve(config: CellConfig, channel: socket.socket, cgroup_procs_paths: list[int]) -> None:
    """Join the cgroups and make cells until the executor is gone. Returns only in a program."""
    try:
        for entrance in cgroup_procs_paths:
            os.write(entrance, b"0")
            os.close(entrance)
        channel.send(ipc.READY)
    except OSError as error:
        program.die(channel, error)
    while True:
        message, descriptors = syscalls.receive(channel, ipc.MESSAGE_BYTES_MAX)
        if not descriptors:
            os._exit(0)
        cell = socket.socket(fileno=descriptors[0])
        try:
            order = ipc.decode_cell(message)
            maps = config.maps_of(order)
            if order.uid:
                syscalls.change_user(order.uid, order.gid)
            if syscalls.clone(config.namespaces) == 0:
                channel.close()
                init.live(config, cell, init.Cell(order.disk_bytes, maps), descriptors[1:])
                return
        except OSError as error:
            cell.send(str(error).encode())
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        cell.close()

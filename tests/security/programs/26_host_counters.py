"""Takes all it can of what the kernel counts per uid or per host, then waits (`take`); or uses some (`use`).

argv[2] is which. A taker prints how much it got and what stopped it; a user prints `well`, or what it lacks.
"""

import array
import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import select
import signal
import socket
import struct
import sys
import time

role, what = sys.argv[1:]
TAKE = role == "take"
MIB = 1 << 20
libc = ctypes.CDLL(None, use_errno=True)
held = []


def called(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def descriptors_in_flight():
    """SCM_RIGHTS messages that nobody reads; the only ends of their sockets are then themselves in flight."""
    many = array.array("i", [0] * (253 if TAKE else 10))
    for _ in range(100 if TAKE else 1):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        held.append((ours, theirs))
        ours.setblocking(False)
        try:
            while True:
                ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, many)])
                yield len(many)
                if not TAKE:
                    return
        except BlockingIOError:
            pass


def pipe_pages():
    """In many processes, since each may open a few files only; pipes of the usual size if no larger are had."""
    told, tell = os.pipe()
    children = 12 if TAKE else 0
    leads = all(os.fork() for _ in range(children))
    for _ in range(100 if TAKE else 1):
        _, end = os.pipe()
        pages = fcntl.fcntl(end, fcntl.F_GETPIPE_SZ) // 4096
        if not TAKE and pages < 16:
            raise OSError(errno.EMFILE, "a small pipe")
        with contextlib.suppress(PermissionError):
            pages = fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, MIB if TAKE else 65536) // 4096
        yield pages
    if not leads:
        os.write(tell, b"x")
        signal.pause()
    for _ in range(children):
        os.read(told, 1)


def asynchronous_io():
    context = ctypes.c_ulong(0)
    while called(libc.syscall(IO_SETUP, 8000 if TAKE else 1, ctypes.byref(context))) == 0:
        context = ctypes.c_ulong(0)
        yield 8000


def tcp_buffers():
    """Connections of the cell's own loopback, full in both directions."""
    server = socket.create_server(("127.0.0.1", 0), backlog=200)
    for _ in range(60 if TAKE else 1):
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        held.extend((near, far))
        for end in (near, far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * MIB)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * MIB)
        for end in (near, far):
            end.setblocking(False)
            try:
                for _ in range(64 if TAKE else 1):
                    yield end.send(bytes(1 << 16)) or 0
            except BlockingIOError:
                pass


def unix_buffers():
    while True:
        ours, theirs = socket.socketpair()
        held.extend((ours, theirs))
        ours.setblocking(False)
        try:
            while True:
                yield ours.send(bytes(1 << 16))
                if not TAKE:
                    return
        except BlockingIOError:
            pass


def timers():
    """Each takes one of the signals that may be pending."""
    for _ in range(200_000 if TAKE else 1):
        called(libc.timer_create(1, None, ctypes.byref(ctypes.c_void_p())))
        yield 1


def message_queues():
    for number in range(1000 if TAKE else 1):
        called(libc.mq_open(b"/queue%d" % number, 0o102, 0o600, None))
        yield 1


def system_v_queues():
    for _ in range(4000 if TAKE else 1):
        called(libc.msgget(0, 0o1600))
        yield 1


def semaphores():
    for _ in range(4000 if TAKE else 1):
        called(libc.semget(0, 10, 0o1600))
        yield 1


def locked_segments():
    """Memory that is locked belongs to a uid, not to a process, if it is a segment's."""
    for _ in range(4000 if TAKE else 1):
        called(libc.shmctl(called(libc.shmget(0, 65536, 0o1600)), 11, None))
        yield 65536


def terminals():
    for _ in range(200 if TAKE else 1):
        held.extend(os.openpty())
        yield 1


def socket_filters():
    """Code that the kernel compiles, from one pool."""
    code = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0xFFFF) * 4096)
    program = struct.pack("HxxxxxxP", 4096, ctypes.addressof(code))
    for _ in range(100):
        held.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        held[-1].setsockopt(socket.SOL_SOCKET, 26, program)
        yield 1


def seccomp_filters():
    code = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000) * 4096)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4096, ctypes.addressof(code)))
    for _ in range(7):
        called(libc.prctl(22, 2, program, 0, 0))
        yield 1


def huge_pages():
    libc.mmap.restype = ctypes.c_long
    for _ in range(100):
        called(libc.mmap(None, 2 * MIB, 3, 0x40022, -1, 0))
        yield 1


def watches():
    """Each descriptor in each epoll instance is one of a uid's watches."""
    ends = [os.pipe()[0] for _ in range(60 if TAKE else 2)]
    for _ in range(60 if TAKE else 1):
        poll = select.epoll()
        held.append(poll)
        for end in ends:
            poll.register(end)
            yield 1


def processes():
    for _ in range(1000 if TAKE else 4):
        if (child := os.fork()) == 0:
            signal.pause()
        held.append(child)
        yield 1


def files():
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
        yield 1
        if not TAKE and len(held) == 50:
            return


def orphans():
    """Closed connections that have something to send still stay, and nobody's descriptors count them."""
    server = socket.create_server(("127.0.0.1", 0), backlog=200)
    for _ in range(2000 if TAKE else 1):
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        near.setblocking(False)
        try:
            while True:
                near.send(bytes(1 << 14))
                if not TAKE:
                    break
        except BlockingIOError:
            pass
        near.close()
        if len(held) < 80:
            held.append(far)
        yield 1


IO_SETUP = {"x86_64": 206, "aarch64": 0}[os.uname().machine]
got, why = 0, "nothing"
print("begins", flush=True)
try:
    for number in globals()[what]():
        got += number
        if TAKE and what == "tcp_buffers" and got > 1 << 30:
            break
except (OSError, mmap.error) as error:
    why = errno.errorcode.get(error.errno, str(error))
if TAKE:
    print(f"got {got} until {why}\nattempted", flush=True)
    time.sleep(60)
print("attempted", "well" if why == "nothing" else f"lacks {why} after {got}", flush=True)
for child in held if what == "processes" else ():
    os.kill(child, signal.SIGKILL)

"""Sends a word to a run beside this one (`send`, then waits), or receives one (`receive`); argv[2] is one way."""

import ctypes
import fcntl
import os
import select
import socket
import sys
import time

role, way = sys.argv[1:]
KEY = 0x48454144
PLACE = os.path.realpath(sys.executable)
libc = ctypes.CDLL(None, use_errno=True)
SEND = role == "send"
repeat = bool


class Refused(Exception):
    pass


def called(result):
    if result < 0:
        raise Refused(os.strerror(ctypes.get_errno()))
    return result


def shared_segment():
    part = called(libc.shmget(KEY, 4096, 0o1666 if SEND else 0o666))
    libc.shmat.restype = ctypes.c_void_p
    place = libc.shmat(part, None, 0)
    if SEND:
        ctypes.memmove(place, b"word", 5)
        return None
    return ctypes.string_at(place)


def semaphore():
    called(libc.semget(KEY, 1, 0o1666 if SEND else 0o666))
    return None if SEND else "it exists"


def message_queue():
    queue = called(libc.msgget(KEY, 0o1666 if SEND else 0o666))
    message = ctypes.create_string_buffer(ctypes.sizeof(ctypes.c_long) + 8)
    message[0] = 1
    if SEND:
        called(libc.msgsnd(queue, message, 8, 0o4000))
        return None
    called(libc.msgrcv(queue, message, 8, 0, 0o4000))
    return "a message"


def posix_queue():
    called(libc.mq_open(b"/headrace", 0o102 if SEND else 0o2, 0o666, None))
    return None if SEND else "it exists"


def posix_memory():
    called(libc.shm_open(b"/headrace", 0o102 if SEND else 0o2, 0o666))
    return None if SEND else "it exists"


def keyring():
    add_key, keyctl = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]
    for ring in (-3, -4, -5):  # of the session, of the user, of the user's session
        if SEND:
            called(libc.syscall(add_key, b"user", b"headrace", b"word", 4, ring))
        else:
            called(libc.syscall(keyctl, 10, ring, b"user", b"headrace", 0))
            return "a key"
    return None


def abstract_socket():
    end = socket.socket(socket.AF_UNIX)
    if SEND:
        end.bind("\0headrace")
        end.listen()
        globals()["held"] = end
        return None
    end.connect("\0headrace")
    return "a listener"


def vsock():
    end = socket.socket(40, socket.SOCK_STREAM)
    if SEND:
        end.bind((0xFFFFFFFF, 1024))
        end.listen()
        globals()["held"] = end
        return None
    end.connect((1, 1024))
    return "a listener"


def file_lock():
    """A lock belongs to the inode, and the host's programs are the same inodes in every cell."""
    globals()["held"] = file = open(PLACE, "rb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "it is locked"
    return None


def record_lock():
    globals()["held"] = file = open(PLACE, "rb")
    try:
        fcntl.lockf(file, (fcntl.LOCK_EX if SEND else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return "it is locked"
    return None


def lease():
    globals()["held"] = file = open(PLACE, "rb")
    if SEND:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        return None
    return "a lease" if fcntl.fcntl(file, fcntl.F_GETLEASE) != fcntl.F_UNLCK else None


def table_of_locks():
    """What others have locked is told to everybody who may read it."""
    if SEND:
        globals()["held"] = file = open(PLACE, "rb")
        fcntl.flock(file, fcntl.LOCK_SH)
        return None
    inode = f":{os.stat(PLACE).st_ino} "
    with open("/proc/locks") as file:
        return "a lock" if inode in file.read() else None


def file_watch():
    """Whoever watches an inode hears of everybody who opens it, in whichever cell he does."""
    place = b"/usr/lib/os-release"
    if SEND:
        globals()["repeat"] = lambda: open(place).close()
        return None
    watch = called(libc.inotify_init1(os.O_NONBLOCK))
    called(libc.inotify_add_watch(watch, place, 0x20))
    return "somebody opens it" if select.select([watch], [], [], 1)[0] else None


def file_position():
    """Descriptors that cells inherit of one another's maker would share their position."""
    for descriptor in range(3, 256):
        try:
            if SEND:
                os.lseek(descriptor, 77, os.SEEK_SET)
            elif os.lseek(descriptor, 0, os.SEEK_CUR) == 77:
                return f"descriptor {descriptor}"
        except OSError:
            pass
    return None


def terminal():
    for number in range(16):
        try:
            end = os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            continue
        if not SEND:
            return f"terminal {number}"
        os.close(end)
    if SEND:
        globals()["held"] = os.openpty()
    return None


try:
    received = globals()[way]()
except (Refused, OSError) as error:
    received = None
    print("refused:", error, flush=True)
if received is not None and not SEND:
    print("ESCAPED: received", received, flush=True)
print("attempted", flush=True)
if SEND:
    while True:
        repeat()
        time.sleep(0.02)

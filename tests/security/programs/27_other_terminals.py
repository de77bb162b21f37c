"""Writes to every terminal that there might be, and to the other side of its own."""

import errno
import fcntl
import os
import termios

MINE = os.fstat(0).st_rdev
print("attempted", flush=True)
for number in range(300):
    for name in (f"/dev/pts/{number}", f"/dev/pty{number}", f"/dev/tty{number}"):
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            continue
        if os.fstat(descriptor).st_rdev != MINE:
            print("ESCAPED: opened", name, flush=True)
        os.close(descriptor)
for name in ("/dev/console", "/dev/tty0", "/dev/ttyS0", "/dev/vcs"):
    try:
        os.write(os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK), b"ESCAPED: a console")
        print("ESCAPED:", name, flush=True)
    except OSError:
        pass
for process in os.listdir("/proc"):
    if not process.isdigit() or int(process) == os.getpid():
        continue
    try:
        for name in os.listdir(f"/proc/{process}/fd"):
            print("ESCAPED: saw", os.readlink(f"/proc/{process}/fd/{name}"), flush=True)
    except OSError:
        pass
for descriptor in range(3, 256):
    try:
        os.write(descriptor, b"ESCAPED: to the other side")
        print("ESCAPED: wrote to", descriptor, flush=True)
    except OSError:
        pass
held = []
try:
    while True:
        held.append(os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY))
        os.write(held[-1], b"whoami\n")
except OSError as error:
    os.write(1, f"terminals {len(held)} {errno.errorcode[error.errno]}\n".encode())
for descriptor in held:
    # Its own alone are counted from the first on.
    number = int.from_bytes(fcntl.ioctl(descriptor, 0x80045430, b"    "), "little")
    if number > 16:
        print("ESCAPED: number", number, flush=True)
    fcntl.ioctl(descriptor, 0x40045431, b"\0\0\0\0")
    other = os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY)
    os.write(other, b"ESCAPED: to a terminal of its own\n")
    try:
        fcntl.ioctl(other, termios.TIOCSCTTY, 1)
        print("ESCAPED: took a terminal", flush=True)
    except OSError:
        pass
print("read", repr(input()), flush=True)

"""Leaves children that hold its terminal, hang it up, open it again, and write to it without end."""

import fcntl
import os
import signal
import termios

signal.signal(signal.SIGHUP, signal.SIG_IGN)
print("attempted", flush=True)
ready, told = os.pipe()
for number in range(4):
    if os.fork() == 0:
        if number % 2:
            os.setsid()
        os.write(told, b"x")
        while True:
            try:
                descriptor = os.open("/dev/pts/0", os.O_RDWR | (number // 2 and os.O_NOCTTY))
                if number == 1:
                    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 1)
                os.write(descriptor, b"still here " * 100)
                os.close(descriptor)
            except OSError:
                pass
for _ in range(4):
    os.read(ready, 1)
fcntl.ioctl(0, termios.TIOCNOTTY)
os._exit(6)

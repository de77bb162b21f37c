"""Leaves everything but plain files, and one plain file among them; argv[1] is a file of the host."""

import os
import socket
import sys
import threading
import time

os.makedirs("d/e")
os.symlink("/etc/passwd", "a")
os.symlink("/proc/self/environ", "b")
os.mkfifo("c")
os.symlink("/dev/zero", "z")
os.symlink("/", "root")
os.symlink(sys.argv[1], "host")
os.symlink("loop", "loop")
os.symlink("plain", "alias")
os.symlink("..", "d/e/up")
socket.socket(socket.AF_UNIX).bind("s")
with open("plain", "w") as file:
    file.write("plain\n")
for target in ("/etc/passwd", "/proc/self/environ", sys.argv[1]):
    try:
        os.link(target, "hard" + target.replace("/", "-"))
        print("ESCAPED: linked", target, flush=True)
    except OSError:
        pass


def swap():
    """A file at one moment, a link at the next."""
    while True:
        os.symlink("/etc/passwd", "f.new")
        os.replace("f.new", "f")
        with open("f.new", "w") as changing:
            changing.write("mine\n")
        os.replace("f.new", "f")


threading.Thread(target=swap, daemon=True).start()
if os.fork() == 0:
    swap()
time.sleep(0.1)
print("attempted", flush=True)
os._exit(0)

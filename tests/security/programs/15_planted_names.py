"""Puts links to a file of the host (argv[1]), directories and locked files where its host might write or read."""

import os
import shutil
import sys

target, kind = sys.argv[1:]
NAMES = ("main.py", "run.sh", "stdout", "stderr", "stdout.txt", "meta", "result.json", "a.out", "out.txt", ".headrace")


def plant(name):
    if os.path.isdir(name) and not os.path.islink(name):
        shutil.rmtree(name)
    elif os.path.lexists(name):
        os.unlink(name)
    if kind == "link":
        os.symlink(target, name)
    elif kind == "directory":
        os.makedirs(name + "/x")
    elif kind == "locked":
        with open(name, "w") as file:
            file.write("locked\n")
        os.chmod(name, 0)


for name in NAMES:
    plant(name)
for name in ("/tmp/out.txt", "/dev/shm/out.txt"):
    plant(name)
try:
    os.rename("/work", "/tmp/work")
    print("ESCAPED: moved the work directory", flush=True)
except OSError:
    pass
try:
    os.rmdir("/work")
    print("ESCAPED: removed the work directory", flush=True)
except OSError:
    pass
os.chmod("/work", 0o777)
print("attempted", flush=True)

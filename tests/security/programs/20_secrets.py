"""Looks for secrets everywhere; argv[1] is how a secret begins, but for a hyphen, argv[2:] are files of the host to try."""

import glob
import json
import os
import sys

beginning = (sys.argv[1] + "-").encode()
print("attempted", flush=True)
print("environment", json.dumps(dict(os.environ)), flush=True)


def looked(path):
    try:
        with open(path, "rb") as file:
            content = file.read(1 << 20)
    except (OSError, ValueError):
        return
    if beginning in content:
        print("ESCAPED:", path, content[content.index(beginning) :][:100], flush=True)
    if b"print(42)" in content and path != "/work/main.py":
        print("ESCAPED: another's program in", path, flush=True)


PLACES = (
    "/proc/[0-9]*/environ",
    "/proc/[0-9]*/cmdline",
    "/proc/[0-9]*/maps",
    "/proc/[0-9]*/mountinfo",
    "/proc/[0-9]*/cgroup",
    "/proc/[0-9]*/fd/*",
    "/proc/[0-9]*/task/*/environ",
    "/proc/self/environ",
    "/proc/keys",
    "/proc/cmdline",
    "/work/**",
    "/tmp/**",
    "/dev/shm/**",
    "/run/**",
    "/home/*/*",
    "/root/*",
    "/etc/*",
    "/mnt/*",
    "/srv/*",
    "/opt/*",
    "/sys/fs/cgroup/**",
    "/var/run/secrets/**",
    "/var/lib/**",
    "/var/log/**",
)
# Standard input and output are not to be read.
found = {path for place in PLACES for path in glob.glob(place, recursive=True)}
for path in sorted(found):
    if not path.rpartition("/fd/")[2] in {"0", "1", "2"}:
        looked(path)
for path in sys.argv[2:]:
    looked(path)
    if os.path.exists(path):
        print("ESCAPED: sees", path, flush=True)
FORBIDDEN = ("/etc/shadow", "/dev/mem", "/dev/kmem", "/proc/kcore", "/proc/kmsg", "/var/run/docker.sock", "/dev/sda")
for path in FORBIDDEN:
    try:
        with open(path, "rb") as file:
            if file.read(1):
                print("ESCAPED: opened", path, flush=True)
    except OSError:
        pass
try:
    if os.listdir("/proc/1/root") and os.path.exists("/proc/1/root/home"):
        print("ESCAPED: the root of pid 1", flush=True)
except OSError:
    pass
print("processes", sorted(int(name) for name in os.listdir("/proc") if name.isdigit()), flush=True)
print("searched", len(found), flush=True)

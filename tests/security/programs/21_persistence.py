"""Leaves a token wherever it can (`leave`), or looks for it (`look`); argv[2] is the token."""

import os
import site
import subprocess
import sys
import sysconfig

token = sys.argv[2]
PLACES = [
    "/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/run/user", "/work", os.path.expanduser("~"),
    os.getcwd(), "/usr/local/lib", "/usr/local/bin", "/etc/profile.d", "/etc/cron.d", "/var/spool/cron",
    sysconfig.get_path("purelib"), os.path.dirname(os.__file__), os.path.dirname(os.__file__) + "/__pycache__",
    *site.getsitepackages(), site.getusersitepackages(), "/home", "/root", "/dev", "/proc/self", "/",
]  # fmt: skip
RC = ["~/.bashrc", "~/.profile", "~/.bash_profile", "~/.pythonrc.py", "~/.config/pip/pip.conf"]

left = 0
if sys.argv[1] == "leave":
    for place in PLACES:
        try:
            with open(f"{place}/{token}", "w") as file:
                file.write(token)
            left += 1
        except OSError:
            pass
    for path in RC:
        try:
            with open(os.path.expanduser(path), "a") as file:
                file.write(f"echo {token}\n")
            left += 1
        except OSError:
            pass
    for command in (["crontab", "-"], ["at", "now"]):
        try:
            subprocess.run(command, input=f"* * * * * echo {token}\n".encode(), capture_output=True)
        except OSError:
            pass
    os.environ[token] = token
    print("attempted, left", left, flush=True)
else:
    for place in PLACES:
        if os.path.exists(f"{place}/{token}"):
            print("ESCAPED: found in", place, flush=True)
    for path in RC:
        if os.path.exists(os.path.expanduser(path)):
            print("ESCAPED: found", path, flush=True)
    if token in os.environ:
        print("ESCAPED: found in the environment", flush=True)
    print("attempted, looked in", len(PLACES) + len(RC), flush=True)

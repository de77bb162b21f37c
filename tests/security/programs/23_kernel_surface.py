"""Asks the kernel for what no program of a stranger's needs, and for privileges."""

import ctypes
import errno
import os
import socket
import subprocess

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {
        "unshare": 272, "clone": 56, "clone3": 435, "vmsplice": 278, "io_uring_setup": 425, "bpf": 321,
        "userfaultfd": 323, "perf_event_open": 298, "mount": 165, "pivot_root": 155, "chroot": 161,
        "reboot": 169, "setns": 308, "open_by_handle_at": 304, "kexec_load": 246, "init_module": 175,
        "ptrace": 101, "add_key": 248, "keyctl": 250, "fsopen": 430, "move_mount": 429, "open_tree": 428,
        "swapon": 167, "settimeofday": 164, "process_vm_readv": 310, "pidfd_getfd": 438, "umount2": 166,
    },
    "aarch64": {
        "unshare": 97, "clone": 220, "clone3": 435, "vmsplice": 75, "io_uring_setup": 425, "bpf": 280,
        "userfaultfd": 282, "perf_event_open": 241, "mount": 40, "pivot_root": 41, "chroot": 51,
        "reboot": 142, "setns": 268, "open_by_handle_at": 265, "kexec_load": 104, "init_module": 105,
        "ptrace": 117, "add_key": 217, "keyctl": 219, "fsopen": 430, "move_mount": 429, "open_tree": 428,
        "swapon": 224, "settimeofday": 170, "process_vm_readv": 270, "pidfd_getfd": 438, "umount2": 39,
    },
}[os.uname().machine]  # fmt: skip
CALLS = [
    *(("unshare", flag) for flag in (0x10000000, 0x40000000, 0x20000, 0x20000000, 0x8000000, 0x2000000)),
    *(("clone", flag | 17, 0, 0, 0, 0) for flag in (0x10000000, 0x40000000, 0x20000)),
    ("clone3", 0, 0), ("vmsplice", 1, 0, 0, 0), ("io_uring_setup", 1, 0), ("bpf", 0, 0, 0), ("userfaultfd", 0),
    ("userfaultfd", 1), ("perf_event_open", 0, 0, -1, -1, 0), ("mount", 0, 0, 0, 0, 0), ("pivot_root", 0, 0),
    ("chroot", 0), ("reboot", 0xFEE1DEAD, 672274793, 0x1234567, 0), ("setns", 0, 0),
    ("open_by_handle_at", 0, 0, 0), ("kexec_load", 0, 0, 0, 0), ("init_module", 0, 0, 0),
    ("ptrace", 16, os.getppid(), 0, 0), ("ptrace", 16, 1, 0, 0), ("ptrace", 0x4206, 1, 0, 0),
    ("add_key", 0, 0, 0, 0, 0), ("keyctl", 0, 0, 0), ("fsopen", 0, 0), ("move_mount", 0, 0, 0, 0, 0),
    ("open_tree", -100, 0, 1), ("swapon", 0, 0), ("settimeofday", 0, 0), ("process_vm_readv", 1, 0, 0, 0, 0, 0),
    ("pidfd_getfd", 0, 0, 0), ("umount2", 0, 0),
]  # fmt: skip

print("attempted", flush=True)
for name, *arguments in CALLS:
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *map(ctypes.c_long, arguments))
    if result == 0 and name in {"clone"} and os.getpid() != 1:
        os._exit(0)
    # Any other error would mean that the kernel went on to look at the arguments.
    refused = result < 0 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)
    if not refused:
        print("ESCAPED:", name, arguments, result, errno.errorcode.get(ctypes.get_errno()), flush=True)
# AF_AX25, AF_KEY, AF_NETLINK, AF_PACKET, AF_BLUETOOTH, AF_ALG, AF_RXRPC, AF_VSOCK, AF_XDP
for family in (3, 15, 16, 17, 31, 38, 33, 40, 44):
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            socket.socket(family, kind).close()
            print("ESCAPED: socket", family, kind, flush=True)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOSYS):
                print("ESCAPED: socket", family, kind, error, flush=True)
for change in ("os.setuid(0)", "os.setgid(0)", "os.setreuid(0, 0)", "os.setgroups([0])", "os.setresuid(0, 0, 0)"):
    try:
        eval(change)
        print("ESCAPED:", change, flush=True)
    except OSError:
        pass
try:
    os.chroot("/proc/1/root")
    print("ESCAPED: chroot", flush=True)
except OSError:
    pass
tried = 0
for folder in ("/usr/bin", "/usr/sbin", "/usr/lib/openssh", "/usr/lib/dbus-1.0"):
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        path = f"{folder}/{name}"
        if os.path.isfile(path) and os.stat(path).st_mode & 0o6000:
            tried += 1
            # Had it gained anything, this would say so: whoever looks at the set-id program sees its ids.
            try:
                process = subprocess.Popen([path], stdin=-3, stdout=-3, stderr=-3)
            except OSError:
                continue  # not for everybody to execute
            try:
                with open(f"/proc/{process.pid}/status") as file:
                    ids = [line.split()[1:] for line in file if line.startswith(("Uid:", "Gid:"))]
                if "0" in sum(ids, []):
                    print("ESCAPED:", path, ids, flush=True)
            except (OSError, ValueError):
                pass
            process.kill()
            process.wait()
with open("/proc/self/status") as file:
    status = dict(line.split(":\t", 1) for line in file)
if status["NoNewPrivs"].strip() != "1" or int(status["CapBnd"], 16) or int(status["CapEff"], 16):
    print("ESCAPED: privileges", status["NoNewPrivs"], status["CapBnd"], flush=True)
print("tried", len(CALLS), "calls and", tried, "programs", flush=True)

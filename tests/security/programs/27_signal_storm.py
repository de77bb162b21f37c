"""Sends pid 1 many of the signals that it passes on, as itself and as the executor, and others; then fails."""

import ctypes
import os
import signal
import sys

PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
libc = ctypes.CDLL(None)
QUEUE = {"x86_64": 129, "aarch64": 138}[os.uname().machine]
SI_QUEUE = -1
# struct siginfo: number, error, code; then the pid and uid of the sender, which is nothing but a claim.
forged = (ctypes.c_int * 32)(signal.SIGTERM, 0, SI_QUEUE, 0, 0, 0)
os.write(1, b"attempted\n")
times = int(sys.argv[1])
children = []
for number in (signal.SIGTERM, signal.SIGUSR1):
    child = os.fork()
    if child == 0:
        for at in range(times):
            os.kill(1, number)
            if at % 1000 == 0 and os.fork() == 0:
                os._exit(0)
        os._exit(0)
    children.append(child)
for at in range(times):
    os.kill(1, PASSED_ON[at % len(PASSED_ON)])
    libc.syscall(QUEUE, 1, int(signal.SIGTERM), forged)
    os.kill(1, (signal.SIGCHLD, signal.SIGALRM, signal.SIGRTMIN, signal.SIGSEGV)[at % 4])
for child in children:
    os.waitpid(child, 0)
os.write(1, b"done\n")
os._exit(7)

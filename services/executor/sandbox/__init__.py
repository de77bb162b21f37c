"""Isolates untrusted programs: runs each stage in a cell that is used once.

`interface` is what the executor calls. `warm` implements it with cells made ahead of time. In it, `zygote`
starts the process that forks spawners, and `guest` is the code inside the sandbox. `pool` keeps `cells` of
one kind ready, and `pools` holds all pools. `prestarted_runtime` starts the `runtimes` that are slow to
start, and `run` runs one stage. `cold` makes one bubblewrap cell a stage, for hosts that cannot run the warm
sandbox. Both use `isolation` (file system, users, limits, seccomp), `pipes`, `cgroups`, `limit_monitor` and
`verdict`. Only this package starts processes.
"""

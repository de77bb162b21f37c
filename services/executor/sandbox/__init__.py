"""The walls around a stranger's program.

`sandbox` says what the executor may ask for. `warm` answers it with cells made ahead of time: `zygote` starts
what makes them, `guest` is what runs within the walls, `pool` keeps some `cells` ready, `pools` all kinds of
them, `early` has `runtimes` start in some, `run` is one stage in one of them, `seccomp` what it may not call.
Where a host cannot have them, `bubblewrap` answers with one cold cell a stage: `launch` is its command line,
`cell` its life. Of both, `root` is what a cell sees of its host, `pipes` their bytes, `cgroups` their limits,
`watch` when they must end, `verdict` how they ended. Only this package starts processes.
"""

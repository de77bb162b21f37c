"""The walls around a stranger's program.

`sandbox` says what the executor may ask for. `bubblewrap` answers it with one cold cell a stage: `root` is
what a cell sees of its host, `launch` the command line, `cell` the life of the processes, `pipes` their
bytes, `cgroups` their limits, `verdict` how they ended. Only this package starts processes.
"""

"""The images and the compose files, for real: built, started, attacked, killed, scaled, and rolled.

Collected only when asked for by name (`just containers`): it takes root, a Docker engine, and a quarter of an
hour. `engine` finds or starts the engine, `base` makes what the images stand on, `stack` is what the compose
files start, `crowd` keeps clients busy in it and says afterwards what was lost. `bare` makes systems without
an engine, for what a new user does first.
"""

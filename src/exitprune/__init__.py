"""exitprune: prune early-exit networks and find out what that buys.

The folder tree is the table of contents, in the direction in which data flow: config, jobs, networks, data, training,
pruning, evaluation, deployment, reporting; stages and commands put them to work.
"""

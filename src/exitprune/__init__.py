"""exitprune: prune early-exit networks and find out what that buys.

The folder tree is the table of contents, in the direction in which data flow; stages and commands put the rooms to work.
"""

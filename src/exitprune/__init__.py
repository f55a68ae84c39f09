"""exitprune: prune early-exit networks and find out what that buys.

The folder tree is the table of contents: parameters, datasets, architectures, early_exit, masks, cost, criteria,
scopes, schedules, orders, pruning, training, inference, exiting, statistics, tables, figures, report. Data flow in that
direction only.
"""

"""Early-exit networks: architectures, exits, masks, what they cost, and checkpoints."""

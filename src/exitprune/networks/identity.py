"""Which network it is: the digest of its weights, whatever made them and whatever file they are in."""

from __future__ import annotations

import hashlib

from safetensors.torch import save

from exitprune.networks.early_exit import EarlyExitNetwork


def weights_digest(network: EarlyExitNetwork) -> str:
    """SHA-256 of all weights and batch-norm statistics; equal for networks that compute the same, bit for bit."""
    return hashlib.sha256(save({name: value.contiguous() for name, value in network.state_dict().items()})).hexdigest()

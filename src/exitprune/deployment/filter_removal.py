"""Filter removal: take filters that are gone out of the network itself, which stays an ordinary one that can be trained on.

For networks pruned with `granularity: filter`, whatever they are made of. Only filters that may go by themselves are taken
out, exactly. Other dead channels, and whole branches, can be taken out of folded blocks for inference: see `removal`.
"""

from __future__ import annotations

from copy import deepcopy

from exitprune.deployment.removal import as_deployed
from exitprune.networks.architectures import Blocks
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.freedom import emptied


def remove_filters(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """A smaller copy that computes the same: without the filters that have no weights and that nobody reads.

    A layer that has no filter left keeps one, as a convolution needs one.
    """
    smaller = deepcopy(network).eval()
    emptied(network).narrow_(smaller)
    return smaller


def smallest(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """What dense kernels have to run, a copy: blocks folded and without what is empty, anything else without such filters.

    Raises:
        CannotFollow: if a block does something that cannot be taken apart.
    """
    return as_deployed(network if isinstance(network.base, Blocks) else remove_filters(network))

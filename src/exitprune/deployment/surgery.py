"""Surgery: take filters that are gone out of the network itself, which stays an ordinary one that can be trained on.

For networks pruned with `granularity: filter` or `filter16`. Only filters inside blocks are taken out, exactly; torch-pruning
does it. What else pruning emptied, and whole branches, can be taken out of a folded network for inference: see `removal`.
"""

from __future__ import annotations

from copy import deepcopy

import torch

from exitprune.deployment.extras import extra
from exitprune.networks.early_exit import EarlyExitNetwork


def remove_filters(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """A smaller copy that computes the same: without the filters that have no weights and that nobody reads.

    A block that has no filter left keeps one, as a convolution needs one.

    Raises:
        BadInput: if torch-pruning is not installed.
    """
    pruning = extra("torch_pruning")
    network = deepcopy(network).eval()
    spec = network.spec
    example = next(network.parameters()).new_zeros(1, spec.channels, spec.height, spec.width)
    with torch.enable_grad():  # torch-pruning follows the gradient's graph
        graph = pruning.DependencyGraph().build_dependency(network, example_inputs=example)
    for block in network.blocks:
        filled = block.c1.weight.flatten(1).any(1) | block.c2.weight.transpose(0, 1).flatten(1).any(1)
        gone = (~filled).nonzero().flatten().tolist()
        gone = gone[1:] if len(gone) == len(filled) else gone
        if gone:
            graph.get_pruning_group(block.c1, pruning.prune_conv_out_channels, idxs=gone).prune()
    return network

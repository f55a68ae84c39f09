"""Filter removal: take filters that are gone out of the network itself, which stays an ordinary one that can be trained on.

For networks pruned with `granularity: filter`. Only filters that may go by themselves are taken out, exactly; torch-pruning
does it. Other dead channels, and whole branches, can be taken out of a folded network for inference: see `removal`.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor

from exitprune.deployment.extras import extra
from exitprune.networks.coupling import filled, free_filters
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights


def remove_filters(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """A smaller copy that computes the same: without the filters that have no weights and that nobody reads.

    A layer that has no filter left keeps one, as a convolution needs one.

    Raises:
        BadInput: if torch-pruning is not installed, or the network cannot be taken apart.
    """
    pruning = extra("torch_pruning")
    network = deepcopy(network).eval()
    spec = network.spec
    free = free_filters(spec)
    example = next(network.parameters()).new_zeros(1, spec.channels, spec.height, spec.width)
    with torch.enable_grad():  # torch-pruning follows the gradient's graph
        graph = pruning.DependencyGraph().build_dependency(network, example_inputs=example)
    layers = network.named_layers()
    there: dict[str, Tensor] = {name: weight != 0 for name, weight in weights(network).items()}
    for name, channels in free.items():
        gone = (~filled(there, channels)).nonzero().flatten().tolist()
        gone = gone[1:] if len(gone) == channels.size else gone
        if gone:
            graph.get_pruning_group(layers[name], pruning.prune_conv_out_channels, idxs=gone).prune()
    return network

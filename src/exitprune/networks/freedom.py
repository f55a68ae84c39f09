"""Filters that may go by themselves, in any network: blocks are followed step by step, anything else by running it.

They are those that no other layer adds to, where no exit looks, the network's own classifier included. What was found by
running is tried: with half of the filters taken out the network has to answer as it does with their weights at zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from exitprune.networks.architectures import Blocks
from exitprune.networks.channels import Channels, filled
from exitprune.networks.coupling import free_filters
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights
from exitprune.networks.narrowing import Narrowing
from exitprune.networks.numbered import Stream
from exitprune.networks.numbering import numbered
from exitprune.networks.uses import evaluating

_KNOWN: WeakKeyDictionary[EarlyExitNetwork, list[Stream]] = WeakKeyDictionary()


def filters_of(network: EarlyExitNetwork) -> Mapping[str, Channels]:
    """Layers whose filters may go by themselves, by name, with all that goes along."""
    if isinstance(network.base, Blocks):
        return free_filters(network.spec)
    if network not in _KNOWN:
        _KNOWN[network] = proved(network, free_streams(numbered(network)))
    return {one.layers("makes")[0]: one for one in _KNOWN[network]}


def free_streams(streams: Sequence[Stream]) -> list[Stream]:
    """Those that may go."""
    return [one for one in streams if one.layers("reads") and not (one.fixed or one.seen_by_exits or one.is_sum)]


def why_not(network: EarlyExitNetwork) -> list[str]:
    """In words, for each stream of channels that has to stay."""
    told = []
    for one in numbered(network):
        reason = one.why or ("an exit looks at them" if one.seen_by_exits else "layers add to them")
        if one not in free_streams([one]):
            told.append(f"{one.layers('makes')[0]}: {reason}")
    return told


def proved(network: EarlyExitNetwork, streams: list[Stream]) -> list[Stream]:
    """Those that the network really does without; all, if it has no weights."""
    if next(network.parameters()).is_meta or not streams or _does_without(network, streams):
        return streams
    return [one for one in streams if _does_without(network, [one])]


@torch.no_grad()
def _does_without(network: EarlyExitNetwork, streams: list[Stream]) -> bool:
    """Whether a network answers the same with half of the channels at zero and with these taken out."""
    zeroed, like = deepcopy(network), next(network.parameters())
    stays = {number: torch.arange(one.size, device=like.device) % 2 == 0 for number, one in enumerate(streams)}
    tensors = weights(zeroed)
    for number, one in enumerate(streams):
        for place in one.places:
            part = tensors[place.layer].narrow(place.dimension, place.start, one.size * place.cells)
            part.movedim(place.dimension, 0)[~stays[number].repeat_interleave(place.cells)] = 0
    smaller, spec = deepcopy(zeroed), network.spec
    draw = torch.Generator().manual_seed(0)
    images = torch.randn(2, spec.channels, spec.height, spec.width, generator=draw).to(like.device, like.dtype)
    try:
        Narrowing(smaller, streams, stays).narrow_(smaller)
        with evaluating(smaller), evaluating(zeroed):
            found, wanted = smaller(images), zeroed(images)
    except Exception:  # whatever a stranger's code raises where sizes are not what it expects
        return False
    return torch.allclose(found, wanted, 1e-3, 1e-4 * float(wanted.abs().max()), equal_nan=True)


def emptied(network: EarlyExitNetwork, masks: Mapping[str, Tensor] | None = None) -> Narrowing:
    """What takes out the filters that have no weights and that nobody reads.

    Args:
        network: any.
        masks: by layer, where they are known; weights that are zero are gone otherwise.
    """
    there = {name: weight != 0 for name, weight in weights(network).items()} if masks is None else masks
    streams = proved(network, free_streams(numbered(network)))
    stays = {number: filled(there, one) for number, one in enumerate(streams)}
    return Narrowing(network, streams, {number: kept for number, kept in stays.items() if not kept.all()})

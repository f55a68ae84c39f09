"""Branches: layers in a row that something else is added to, by the channels that go together."""

from __future__ import annotations

import json
from functools import cache

from exitprune.networks.channels import Channels
from exitprune.networks.coupling import coupled, spec_layers
from exitprune.networks.early_exit import Spec


def branches(spec: Spec) -> list[tuple[str, ...]]:
    """Layers in a row that something else is added to: if one of them is empty, the row adds nothing but a constant.

    A row begins where it reads channels that others read or write too; projections, a row of one layer, are left out.
    """
    return _branches(json.dumps(spec.as_dict()))


@cache
def _branches(told: str) -> list[tuple[str, ...]]:
    spec = Spec.from_dict(json.loads(told))
    into: dict[str, Channels] = {}
    made: dict[str, Channels] = {}
    for one in coupled(spec):
        for place in one.places:
            {"reads": into, "makes": made}.get(place.role, {})[place.layer] = one
    rows = []
    for one in coupled(spec):
        makers = one.layers("makes")
        for last in makers if len(makers) > 1 else []:
            row = [last]
            while last in into and into[last].layers("makes") and _is_private(into[last]):
                between, (last,) = into[last].layers("passes"), into[last].layers("makes")
                row = [last, *between, *row]
            rows.append(tuple(row))
    order = {name: place for place, (name, _) in enumerate(spec_layers(spec))}
    return sorted((row for row in rows if len(row) > 1), key=lambda row: order[row[0]])


def _is_private(channels: Channels) -> bool:
    """Whether one layer makes them and one reads them."""
    return len(channels.layers("makes")) == len(channels.layers("reads")) == 1 and not channels.seen_by_exits

"""The table of docs/library.md: which filters of a network may go, and what is left when 60 % of them are taken out.

    python -m benchmarks.whole_filters

Networks and exits are those of `tests/networks/any_network.py`, with random weights. Filters are drawn at random. The network
with their weights at zero has to answer as the one without them.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tests.networks.any_network import CASES, as_if_trained, noise

import exitprune
from benchmarks.pages import put
from exitprune.config.choice import make
from exitprune.networks.masks import apply_masks_

SHARE = 0.6
PAGE = Path(__file__).parents[1] / "docs" / "library.md"


def row(name: str) -> list[str]:
    """A line of the table."""
    case = CASES[name]
    net = exitprune.wrap(as_if_trained(case.make()), case.after, noise(2))
    network, filters = net.network.double(), make("granularities", "filter", {})
    units, draw = filters.unit_masks(network, net.masks), torch.Generator().manual_seed(0)
    chosen = {layer: torch.rand(unit.shape, generator=draw) >= SHARE for layer, unit in units.items()}
    net.masks = filters.weight_masks(network, net.masks, chosen)
    apply_masks_(network, net.masks)
    smaller, images = net.eval().smaller(), noise(2).double()
    with torch.no_grad():
        torch.testing.assert_close(smaller(images), net(images), rtol=1e-5, atol=1e-5)
    left, whole = smaller.exits[-1], net.exits[-1]
    shares = [left.macs_dense / whole.macs_dense, left.params_dense / whole.params_dense]
    return [
        f"`{name}`",
        str(len(units)),
        str(sum(map(len, units.values()))),
        *(f"{100 * share:.0f}" for share in shares),
    ]


def main() -> None:
    """Put it into the page."""
    header = ["network", "layers with such filters", "filters that may go", "MACs left, %", "parameters left, %"]
    put(PAGE, "filters", header, [row(name) for name in CASES])


if __name__ == "__main__":
    main()

"""List the points of a network at which exits can branch off."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import ValidationError

from exitprune.config.model import BaseNetwork, NamedSettings
from exitprune.documents import reason
from exitprune.errors import BadInput
from exitprune.variants import names_of, variant


def main(
    model: Annotated[
        str, typer.Argument(help="torchvision:mobilenet_v2, timm:..., or python:package.module:function of your own.")
    ],
    size: Annotated[int, typer.Option(min=1, max=2048, help="Side of its images, in pixels.")] = 224,
    channels: Annotated[int, typer.Option(min=1, max=1024, help="Of its images.")] = 3,
    classes: Annotated[int, typer.Option(min=2, max=100_000, help="That it tells apart.")] = 10,
    pool: Annotated[
        int, typer.Option(min=1, help="Side of the grid to which a head averages its map, as model.pool.")
    ] = 1,
) -> None:
    """Print each point, the MACs from an image to there, their share of the whole, and the map that an exit would see.

    Beside it stands what the head costs each image that comes there, and from which share of images that leave there it saves
    more than that. Where the head costs as much as all that comes after the point, it never does.
    """
    from exitprune.networks.cuts import Tried  # here, since torch takes seconds to import
    from exitprune.networks.early_exit import Spec
    from exitprune.networks.named import Named

    architecture, _, name = model.partition(":")
    if architecture not in names_of("architectures") or not name:
        known = [one for one in names_of("architectures") if _is_named(one)]
        raise BadInput(
            f"{model!r} is no network; write its family and its name: {', '.join(f'{one}:...' for one in known)}"
        )
    if not _is_named(architecture):
        raise BadInput(f"exits of {architecture} follow blocks, which have numbers; see model.exits in params.yaml")
    try:
        network = BaseNetwork(architecture=architecture, name=name)
    except ValidationError as error:
        raise BadInput(f"{model!r} is no network: {reason(error.errors()[0])}") from None
    base = Spec(architecture, network.settings, channels, size, size, classes, (), None).build_base()
    assert isinstance(base, Named), "as the contract says"
    tried = Tried(base, (channels, size, size), name)
    points = list(tried.points())
    widest = max([len(point.name) for point in points], default=0)
    cost = f"{'MACs so far':>15}  {'share':>6}  {'of its head':>11}  {'saves from':>10}"
    typer.echo(f"{'after':{widest}}  {cost}  channels x height x width")
    for point in points:
        head = point.channels * min(pool, point.height) * min(pool, point.width) * classes
        later = tried.order.total - point.macs
        saves = f"{head / later:10.2%}" if head < later else f"{'never':>10}"
        map_ = f"{point.channels} x {point.height} x {point.width}"
        typer.echo(f"{point.name:{widest}}  {point.macs:15,}  {point.share:6.1%}  {head:11,}  {saves}  {map_}")


def _is_named(architecture: str) -> bool:
    return issubclass(variant("architectures", architecture).Settings, NamedSettings)

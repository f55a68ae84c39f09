"""Networks of timm, by the names that it lists; timm is installed for it (`pip install timm`).

Weights come from a file, if `weights` names one; nothing is downloaded. Images of one channel are seen as grey.
"""

from __future__ import annotations

import importlib

from exitprune.config.model import NamedSettings
from exitprune.errors import BadInput
from exitprune.networks.named import Named, building, checked_channels, one_of_many


class Settings(NamedSettings):
    """Which one."""

    size: int | None = None
    """Side of its images, for those that are built for one size alone, such as vit_tiny_patch16_224."""


def build(settings: Settings, channels: int, num_classes: int) -> Named:
    """The network, its weights drawn."""
    try:
        timm = importlib.import_module("timm")
    except ImportError:
        raise BadInput(f"{settings.name} is a network of timm, which is not installed: pip install timm") from None
    one_of_many(settings.name, timm.list_models(), "timm")
    own = {} if settings.size is None else {"img_size": settings.size}
    with building(settings.name, settings.size):
        made = timm.create_model(settings.name, pretrained=False, num_classes=num_classes, **own)
    return Named(made, repeats=checked_channels(channels, settings.name) == 1)

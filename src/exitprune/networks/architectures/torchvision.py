"""Networks of torchvision, by the names that it lists: `exitprune exits torchvision:mobilenet_v2` tells where exits may be.

Weights come from a file, if `weights` names one; nothing is downloaded. Images of one channel are seen as grey.
"""

from __future__ import annotations

import warnings

from torchvision import models

from exitprune.config.model import NamedSettings
from exitprune.networks.named import Named, building, checked_channels, one_of_many


class Settings(NamedSettings):
    """Which one."""

    size: int | None = None
    """Side of its images, for those that are built for one size alone, such as vit_b_16."""


def build(settings: Settings, channels: int, num_classes: int) -> Named:
    """The network, its weights drawn."""
    one_of_many(settings.name, models.list_models(models), "torchvision")  # what segments or detects downloads weights
    own = {} if settings.size is None else {"image_size": settings.size}
    with warnings.catch_warnings(), building(settings.name, settings.size):
        warnings.simplefilter("ignore", FutureWarning)  # some tell that they will draw weights otherwise one day
        made = models.get_model(settings.name, weights=None, num_classes=num_classes, **own)
    if getattr(made, "aux_logits", False):  # classifiers for training alone, of which GoogLeNet and Inception have some
        made.aux_logits = False
        for name, _ in list(made.named_children()):
            if name.lower().startswith("aux"):
                setattr(made, name, None)
    return Named(made, repeats=checked_channels(channels, settings.name) == 1)

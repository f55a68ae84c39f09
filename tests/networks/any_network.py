"""Networks of torchvision and timm, small images, random weights, and three points of each for exits."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision import models

CLASSES, SIDE = 10, 64


class Case(NamedTuple):
    """How a network is made, and where exits go."""

    make: Callable[[], nn.Module]
    after: tuple[str, ...]


def _torchvision(name: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        made: nn.Module = models.get_model(name, weights=None, num_classes=CLASSES)
        return made

    return make


def _vision_transformer() -> nn.Module:
    made: nn.Module = models.VisionTransformer(SIDE, 16, 4, 3, 48, 96, num_classes=CLASSES)
    return made


def _vgg11_bn() -> nn.Module:
    made: nn.Module = models.vgg11_bn()
    wide, narrow = 512, 128  # its own classifier has 120 million weights
    made.avgpool = nn.AdaptiveAvgPool2d(1)
    made.classifier = nn.Sequential(nn.Linear(wide, narrow), nn.ReLU(True), nn.Dropout(), nn.Linear(narrow, CLASSES))
    return made


def _timm(name: str, **settings: int) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        made: nn.Module = importlib.import_module("timm").create_model(name, num_classes=CLASSES, **settings)
        return made

    return make


LAYERS = "encoder.layers.encoder_layer_"
CASES = {
    "resnet18": Case(_torchvision("resnet18"), ("layer1", "layer2.0", "layer3")),
    "resnet50": Case(_torchvision("resnet50"), ("layer1", "layer2", "layer3.2")),
    "mobilenet_v2": Case(_torchvision("mobilenet_v2"), ("features.3", "features.6", "features.13")),
    "mobilenet_v3_small": Case(_torchvision("mobilenet_v3_small"), ("features.2", "features.4", "features.8")),
    "efficientnet_b0": Case(_torchvision("efficientnet_b0"), ("features.2", "features.4", "features.5.1")),
    "convnext_tiny": Case(_torchvision("convnext_tiny"), ("features.1", "features.3", "features.5.4")),
    "densenet121": Case(
        _torchvision("densenet121"), ("features.transition1", "features.transition2", "features.transition3")
    ),
    "regnet_y_400mf": Case(_torchvision("regnet_y_400mf"), ("trunk_output.block1", "trunk_output.block2")),
    "shufflenet_v2_x0_5": Case(_torchvision("shufflenet_v2_x0_5"), ("maxpool", "stage2.1", "stage3")),
    "vision_transformer": Case(_vision_transformer, (f"{LAYERS}0", f"{LAYERS}1", f"{LAYERS}2")),
    "swin_t": Case(_torchvision("swin_t"), ("features.1", "features.3", "features.5.2")),
    "vgg11_bn": Case(_vgg11_bn, ("features.7", "features.14", "features.21")),
}
TIMM = {
    "resnet18": Case(_timm("resnet18"), ("layer1", "layer2", "layer3")),
    "efficientnet_b0": Case(_timm("efficientnet_b0"), ("blocks.1", "blocks.3", "blocks.4")),
    "mobilenetv3_small_050": Case(_timm("mobilenetv3_small_050"), ("blocks.1", "blocks.2", "blocks.3")),
    "vit_tiny_patch16_224": Case(_timm("vit_tiny_patch16_224", img_size=SIDE), ("blocks.2", "blocks.5", "blocks.8")),
    "convnext_atto": Case(_timm("convnext_atto"), ("stages.0", "stages.1", "stages.2")),
    "swin_tiny_patch4_window7_224": Case(
        _timm("swin_tiny_patch4_window7_224", img_size=SIDE), ("layers.0", "layers.1", "layers.2.blocks.3")
    ),
    "mobileone_s0": Case(_timm("mobileone_s0"), ("stages.0", "stages.1", "stages.2")),
    "ghostnetv2_100": Case(_timm("ghostnetv2_100"), ("blocks.2", "blocks.4", "blocks.6")),
}
QUICK = ["shufflenet_v2_x0_5", "vision_transformer"]
"""Those that fast tests try."""


def noise(num: int, seed: int = 0, side: int = SIDE) -> Tensor:
    """Normalised images, no two alike."""
    return torch.randn(num, 3, side, side, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def as_if_trained(module: nn.Module) -> nn.Module:
    """Batch-norm statistics that fit the images, as a trained network has, so that maps neither vanish nor explode."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = None
    module.train()
    for seed in range(2):
        module(noise(16, 100 + seed))
    return module.eval()

"""Early exits for the network you have: wrap, train, prune, evaluate. The same code as the stages of the workflow.

    net = exitprune.wrap(module, after=["layer1", "layer2"], example=images)
    net.fit(images, labels, train="exits")
    net.prune(images, labels, order="sequential", sparsity=0.8)
    logits, taken = net(images, threshold=0.9)

Here stands how training and pruning go where a call says nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exitprune.config.data import Augment

TRAINING: Mapping[str, Any] = {
    "epochs": 5,
    "lr": 0.01,
    "lr_scheduler": "one_cycle",
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "batch_size": 64,
}
PRUNING: Mapping[str, Any] = {
    "order": "joint",
    "sparsity": 0.8,
    "rounds": 5,
    "schedule": "linear",
    "criterion": "magnitude",
    "scope": "global",
    "granularity": "weight",
    "classifier": "base",
    "ending": "last",
}
AS_THEY_ARE = Augment(pad=0, flip=False)

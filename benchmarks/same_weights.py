"""Whether this code makes the very weights that a finished run holds, before pruning and in the first rounds of every recipe.

`python -m benchmarks.same_weights RUNS`, with RUNS the `runs/digits` of another clone, of an earlier version of the code even.
Weights are compared bit for bit, whatever the headers of the files say.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import torch
import yaml
from safetensors.torch import load_file
from typer import Option, run

from exitprune.config.study import resolve
from exitprune.data.images import Images
from exitprune.jobs.compute import set_up
from exitprune.jobs.progress import Progress
from exitprune.jobs.seeding import seed_of
from exitprune.networks.as_drawn import base_as_drawn, with_heads_as_drawn
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.groups import Group
from exitprune.networks.masks import full_masks
from exitprune.pruning.chain import Chain
from exitprune.training.loop import train_
from exitprune.training.resumption import Resumption

ROOT = Path(__file__).parents[1]


def main(
    runs: Path, study: Annotated[str, Option()] = "digits", seed: Annotated[int, Option()] = 0, rounds: int = 3
) -> None:
    """Compare; ends with an error where they differ."""
    params = resolve({**yaml.safe_load((ROOT / "params.yaml").read_text()), "study": study}, ROOT / "presets")
    machine = set_up(params.compute)
    arrays = load_file(runs / "data.safetensors")
    about = json.loads((runs / "data.json").read_text())
    mean, std = (torch.tensor(about[name]).view(-1, 1, 1) for name in ("mean", "std"))
    images = Images(arrays["train_pixels"], arrays["train_labels"], mean, std)
    model, (channels, height, width) = params.model, images.pixels.shape[1:]
    spec = Spec(
        model.architecture,
        model.settings,
        channels,
        height,
        width,
        len(about["classes"]),
        tuple(model.exits),
        model.pool,
    )
    folder, augment = runs / f"seed{seed}", params.data.augment
    differ = 0
    network = base_as_drawn(spec, seed)
    network.place_("cpu")
    train_(network, images, "base", params.base, augment, seed_of(seed, "base"), full_masks(network))
    differ += _differing("base", network, folder / "base.safetensors")
    level0 = with_heads_as_drawn(network, spec, seed)
    level0.place_("cpu")
    group: Group = "exits" if params.heads.train == "frozen" else "all"
    train_(level0, images, group, params.heads, augment, seed_of(seed, "heads"), full_masks(level0))
    differ += _differing("level 0", level0, folder / "level-00.safetensors")
    for name, recipe in params.recipes.items():
        with TemporaryDirectory() as beside, Progress(name, 1) as progress:
            chain = Chain(
                recipe.prune,
                params.base,
                augment,
                images,
                level0,
                None,
                None,
                seed,
                machine,
                progress,
                partial(_nowhere, Path(beside)),
            )
            network, masks = EarlyExitNetwork(spec), full_masks(level0)
            network.load_state_dict(level0.state_dict())
            network.place_("cpu")
            for number in range(1, rounds + 1):
                masks = chain.step_(number, network, masks)
                path = folder / name / f"level-{number:02d}.safetensors"
                differ += _differing(f"{name}, level {number}", network, path)
    if differ:
        raise SystemExit(1)


def _differing(what: str, network: EarlyExitNetwork, path: Path) -> int:
    """How many tensors are not those of a file, whatever its header says."""
    theirs = {name: tensor for name, tensor in load_file(path).items() if not name.startswith("mask:")}
    other = [name for name, tensor in network.state_dict().items() if not torch.equal(tensor, theirs[name])]
    print(f"{what}: {'the same bits' if not other else f'{len(other)} tensors differ'}", flush=True)
    return len(other)


def _nowhere(folder: Path, name: str) -> Resumption:
    return Resumption(folder / name, name)


if __name__ == "__main__":
    run(main)

"""What a recipe may set beside order and amount: where pruning begins, what weights go back to, when heads come in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from exitprune.config import choice as choice_module
from exitprune.config.choice import Choice
from exitprune.data.images import Split, load_split
from exitprune.networks.as_drawn import as_drawn
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks, num_kept, sparsity, weights
from exitprune.pruning import chain
from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria.magnitude import Magnitude
from exitprune.stages import prune
from exitprune.training.resumption import Resumption
from exitprune.variants import names_of
from tests.pruning.contexts import goes_by
from tests.small_study import NO_TRAINING, TRAINING, Study, equal, level_files


def test_a_level_says_all_settings_that_led_to_it(study: Study) -> None:
    last = study.run_recipe("mine", order="joint", granularity="filter")[-1]
    told = last.header["settings"]
    assert told["base"] == {**TRAINING, "batch_size": 32}
    assert told["model"]["exits"] == [1, 2]
    assert told["prune"]["granularity"] == {"name": "filter", "round_to": 1}
    assert told["prune"]["finetune"]["lr"] == TRAINING["lr"]
    assert last.header["recipe"] == "mine"


def masked(state: Mapping[str, Tensor], network: EarlyExitNetwork, masks: Masks) -> dict[str, Tensor]:
    """A network's state under masks."""
    there = {id(weight): masks[name] for name, weight in weights(network).items()}
    named = network.state_dict(keep_vars=True)
    return {
        name: value * there[id(named[name])] if id(named[name]) in there else value for name, value in state.items()
    }


def test_a_round_that_misses_its_share_says_so(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    never = {"name": "effective_filters", "least": 1.0}
    with caplog.at_level("WARNING", "exitprune"):
        study.run_recipe("far", order="joint", criterion=never, granularity="filter", rounds=1)
    assert "round 1: 0.000 of the units of group all are gone, not 0.700: the criterion has it so" in caplog.text


def test_a_block_that_went_adds_nothing_to_what_it_takes(study: Study) -> None:
    last = study.run_recipe(
        "without", order="joint", granularity="block", rounds=1, sparsity=0.5, finetune=NO_TRAINING
    )[-1]
    blocks = dict(enumerate(last.network.base.blocks, 1))
    gone = [blocks[n] for n in blocks if not any(last.masks[f"b{n}.c{conv}"].any() for conv in (1, 2))]
    assert gone
    draw = torch.Generator().manual_seed(0)
    for block in gone:
        taken = torch.rand(2, len(block.bn2.bias), 4, 4, generator=draw)
        assert torch.equal(block.eval()(taken), taken)


def test_each_round_draws_anew_and_sees_images_changed_as_training_changes_them(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, torch.Tensor, torch.Tensor]] = []

    def noting(self: Magnitude, context: Context) -> dict[str, Tensor]:
        first = next(iter(context.batches))[0]
        seen.append((context.generator.initial_seed(), first, context.initial()["fc"].clone()))
        return {name: weight.abs() for name, weight in context.weights.items()}

    monkeypatch.setattr(Magnitude, "score", noting)
    first, *_ = study.run_recipe("drawn", order="joint", rounds=2)
    as_they_are = Study(study.path, {"data": {"augment": {"pad": 0, "flip": False}}})
    as_they_are.run_recipe("still", order="joint", rounds=2)
    (one, images, initial), (two, others, _), (_, still, _), _ = seen
    assert one != two
    assert not torch.equal(images, others)
    assert not torch.equal(images, still)
    assert torch.equal(initial, weights(as_drawn(first.network.spec, 0))["fc"])


def test_pruned_at_the_start_the_network_is_the_one_drawn_without_its_smallest_weights(study: Study) -> None:
    first, second, *_ = study.run_recipe("early", order="joint", start="initial", finetune=NO_TRAINING)
    drawn = as_drawn(first.network.spec, 0)
    for level in (first, second):
        expected = masked(drawn.state_dict(), drawn, level.masks)
        assert all(torch.equal(value, expected[name]) for name, value in level.network.state_dict().items())
    smallest = torch.cat([weight.detach().abs().flatten() for weight in weights(drawn).values()])
    kept = torch.cat([mask.flatten() for mask in second.masks.values()])
    assert smallest[~kept].max() <= smallest[kept].min()


def test_after_pruning_at_the_start_the_network_is_trained_as_the_dense_one_is(study: Study) -> None:
    """With nothing pruned it becomes level 0, bit for bit."""
    levels = study.run_recipe("early", order="joint", start="initial", sparsity=0.0, finetune=NO_TRAINING)
    assert [level.header["prune"] for level in levels] == ["all", "all", None, None]
    assert equal(levels[-1].network, load_checkpoint(study.path / "level-00.safetensors").network)


@pytest.mark.parametrize("order", ["joint", "sequential"])
def test_base_training_that_was_watched_goes_on_where_it_stopped(study: Study, order: str) -> None:
    """Rate and momentum included: with nothing pruned it ends in the base network and then in level 0."""
    start = {"name": "epoch", "number": 1}
    levels = study.run_recipe("early", order=order, start=start, sparsity=0.0, finetune=NO_TRAINING)
    level0 = load_checkpoint(study.path / "level-00.safetensors").network
    assert not equal(levels[0].network.base, level0.base)
    assert equal(levels[-1].network, level0)


def test_pruned_early_weights_that_went_stay_away_through_the_training_that_is_left(study: Study) -> None:
    start = {"name": "epoch", "number": 1}
    levels = study.run_recipe("early", order="sequential", start=start, finetune=NO_TRAINING)
    total = sum(mask.numel() for mask in levels[-1].masks.values())
    assert num_kept(levels[-1].masks) == pytest.approx(0.3 * total, abs=2)
    for name, weight in weights(levels[-1].network).items():
        assert not weight[~levels[-1].masks[name]].any()


@pytest.mark.parametrize("moment", ["begin", "base", "heads"])
def test_a_chain_killed_in_a_long_training_goes_on_to_the_same_bytes(
    study: Study, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    start = {"name": "epoch", "number": 1} if moment != "heads" else "initial"
    chosen: dict[str, Any] = {"order": "joint", "start": start, "finetune": NO_TRAINING}
    study.run_recipe("early", **chosen)
    whole = level_files(study)
    for path in study.path.glob("early/*"):
        path.unlink()
    keep = Resumption.keep

    def keep_and_die(self: Any, *arguments: Any) -> None:
        keep(self, *arguments)
        if self.path.name.startswith(moment):
            raise KeyboardInterrupt

    monkeypatch.setattr(Resumption, "keep", keep_and_die)
    with pytest.raises(KeyboardInterrupt):
        study.run_recipe("early", **chosen)
    monkeypatch.setattr(Resumption, "keep", keep)
    study.run_recipe("early", **chosen)
    assert level_files(study) == whole
    assert not list(study.path.glob("early/*.partial.*"))


def test_rewound_weights_are_those_drawn_under_the_masks_of_the_round(study: Study) -> None:
    levels = study.run_recipe("lottery", order="joint", rewind="initial", finetune=NO_TRAINING)
    plain = study.run_recipe("plain", order="joint", finetune=NO_TRAINING)
    drawn = as_drawn(levels[0].network.spec, 0)
    expected = masked(drawn.state_dict(), drawn, levels[0].masks)
    assert all(torch.equal(value, expected[name]) for name, value in levels[0].network.state_dict().items())
    assert all(torch.equal(levels[0].masks[name], plain[0].masks[name]) for name in plain[0].masks)


def test_rewound_to_an_epoch_the_base_is_that_epochs_and_only_what_trains_goes_back(study: Study) -> None:
    levels = study.run_recipe("late", order="sequential", rewind=1, finetune=NO_TRAINING)
    snapshot = load_checkpoint(study.path / "base-epoch-1.safetensors").network
    assert equal(study_base(study), load_checkpoint(study.path / "base.safetensors").network)
    expected = masked(snapshot.state_dict(), snapshot, levels[1].masks)
    for name, value in levels[1].network.base.state_dict().items():
        assert torch.equal(value, expected[f"base.{name}"])
    level0 = load_checkpoint(study.path / "level-00.safetensors").network
    assert equal(levels[1].network.exits, level0.exits)  # whose rounds come later


def study_base(study: Study) -> EarlyExitNetwork:
    """The network after all epochs, trained again as far as that: what `until` the last epoch gives."""
    return load_checkpoint(study.run_base(until=TRAINING["epochs"])).network  # type: ignore[arg-type]


def test_heads_that_come_late_are_as_drawn_until_their_rounds(study: Study) -> None:
    heads = {**TRAINING, "train": "frozen", "when": "after"}
    levels = study.run_recipe("second", order="sequential", heads=heads)
    drawn = as_drawn(levels[0].network.spec, 0)
    assert all(equal(level.network.exits, drawn.exits) for level in levels[:2])
    assert sparsity(levels[2].masks, ["exit0", "exit1"]) == pytest.approx(0.35, abs=0.01)
    assert not equal(levels[2].network.exits, drawn.exits)
    assert all(equal(level.network.base, levels[1].network.base) for level in levels[2:])


def test_the_classifier_may_belong_to_the_exits(study: Study) -> None:
    levels = study.run_recipe("paper", order="sequential", classifier="exits")
    level0 = load_checkpoint(study.path / "level-00.safetensors").network
    assert [sparsity(level.masks, ["fc"]) for level in levels[:2]] == [0, 0]
    assert equal(levels[1].network.base.fc, level0.base.fc)
    assert not equal(levels[3].network.base.fc, level0.base.fc)
    for part in ("conv", "bn", "blocks"):
        assert equal(levels[3].network.base.get_submodule(part), levels[1].network.base.get_submodule(part))
    group = ["exit0", "exit1", "fc"]
    assert sparsity(levels[3].masks, group) == pytest.approx(0.7, abs=1e-3)
    assert levels[3].network.spec.classifier == "exits"


class Counting(Magnitude):
    """Remembers how many steps it has seen, over all rounds."""

    trains_first: ClassVar[bool] = True
    trains_along: ClassVar[bool] = True
    _steps: int = 0

    def after_step(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> None:
        self._steps += 1

    def score(self, context: Context) -> dict[str, Tensor]:
        draw = torch.Generator().manual_seed(self._steps)
        return {name: torch.rand(weight.shape, generator=draw) for name, weight in context.weights.items()}

    def state_dict(self) -> dict[str, Tensor]:
        return {"steps": torch.tensor(self._steps)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._steps = int(state["steps"])


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(family: str, choice: Choice) -> Any:
        return Counting() if family == "criteria" else choice_module.made(family, choice)

    monkeypatch.setattr(chain, "made", made)


@pytest.mark.usefixtures("counting")
@pytest.mark.parametrize("store", [None, "store"])
def test_what_a_criterion_remembers_survives_a_kill_between_rounds(study: Study, store: str | None) -> None:
    kept: Path | None = study.path / store if store else None
    study.run_recipe("joint", order="joint", rounds=3, store=kept)
    whole = level_files(study)
    (study.path / "joint/level-03.safetensors").unlink()
    study.run_recipe("joint", order="joint", rounds=3)
    assert level_files(study) == whole
    for path in (study.path / "joint").glob("*.safetensors"):
        path.unlink()
    study.run_recipe("joint", order="joint", rounds=3, store=kept)
    assert level_files(study) == whole


class Untouched:
    """Images that nobody may look at."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} of images that are not for training")


@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen",
    [
        *({"criterion": name, "granularity": goes_by(name)} for name in names_of("criteria")),
        *({"start": name} for name in names_of("starts")),
    ],
    ids=lambda chosen: str(next(iter(chosen.values()))),
)
def test_scores_and_triggers_see_training_images_only(
    study: Study, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, Any]
) -> None:
    def of_training(path: Path, split: Split, *rest: Any) -> Any:
        return load_split(path, split, *rest) if split == "train" else Untouched()

    monkeypatch.setattr(prune, "load_split", of_training)
    brief = {**TRAINING, "epochs": 1}
    assert study.run_recipe("mine", order="joint", rounds=1, sparsity=0.5, finetune=brief, **chosen)

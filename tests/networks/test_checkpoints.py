"""Checkpoints: bit for bit there and back, the same bytes from the same content, and nothing half-written is believed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.errors import BadInput
from exitprune.evaluation.logits import infer
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks, apply_masks_, weights
from exitprune.origin.levels import is_made_from
from exitprune.storage import OlderFormat, read_header, read_tensors, write_bytes, write_json, write_tensors
from exitprune.training.loop import train_
from tests.conftest import Build


def random_masks(network: EarlyExitNetwork) -> Masks:
    draw = torch.Generator().manual_seed(0)
    return {name: torch.rand(weight.shape, generator=draw) < 0.4 for name, weight in weights(network).items()}


@pytest.fixture
def level(tmp_path: Path, network: EarlyExitNetwork, images: Images, brief: Training) -> Path:
    """A checkpoint of a pruned and trained network."""
    masks = random_masks(network)
    apply_masks_(network, masks)
    train_(network, images, "all", brief, Augment(pad=0, flip=False), 0, masks)
    save_checkpoint(tmp_path / "level.safetensors", network, masks, {"name": "level-01", "seed": 3, "parent": None})
    return tmp_path / "level.safetensors"


def test_weights_buffers_masks_and_header_come_back_bit_for_bit(level: Path, network: EarlyExitNetwork) -> None:
    loaded = load_checkpoint(level)
    ours, theirs = network.state_dict(), loaded.network.state_dict()
    assert list(ours) == list(theirs)
    for name, tensor in ours.items():
        assert tensor.dtype == theirs[name].dtype
        assert torch.equal(tensor, theirs[name])
    expected = random_masks(network)
    assert list(loaded.masks) == list(expected)
    assert all(torch.equal(loaded.masks[name], mask) for name, mask in expected.items())
    assert all(mask.dtype == torch.bool for mask in loaded.masks.values())
    assert loaded.network.spec == network.spec
    header = {key: loaded.header[key] for key in ("name", "seed", "parent")}
    assert header == {"name": "level-01", "seed": 3, "parent": None}


def test_a_loaded_network_gives_the_same_logits(level: Path, network: EarlyExitNetwork, images: Images) -> None:
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert torch.equal(infer(load_checkpoint(level).network, images), infer(network, images))


def test_saving_what_was_loaded_gives_the_same_bytes(level: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(level)
    header = {key: value for key, value in loaded.header.items() if key not in ("format", "network")}
    save_checkpoint(tmp_path / "again.safetensors", loaded.network, loaded.masks, header)
    assert (tmp_path / "again.safetensors").read_bytes() == level.read_bytes()


@pytest.mark.parametrize("pool", [1, None])
def test_masks_whose_size_is_no_multiple_of_8_are_kept_exactly(build: Build, tmp_path: Path, pool: int | None) -> None:
    network = build(exits=(1,), pool=pool, num_classes=3, side=5)
    masks = random_masks(network)
    apply_masks_(network, masks)
    save_checkpoint(tmp_path / "c", network, masks, {})
    loaded = load_checkpoint(tmp_path / "c").masks
    assert all(torch.equal(loaded[name], mask) for name, mask in masks.items())


WRITE_LEVEL = """
import sys, torch
from pathlib import Path
from exitprune.origin.levels import is_made_from
from exitprune.networks.checkpoints import save_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks
from exitprune.jobs.seeding import seeded
torch.set_num_threads(1)
with seeded("test", 0):
    network = EarlyExitNetwork(Spec("resnet", {"depth": 8}, 1, 8, 8, 4, (1, 2), 4))
while True:
    save_checkpoint(Path(sys.argv[1]), network, full_masks(network), {"z": 1, "a": {"y": 2, "b": 3}})
    if sys.argv[2] == "once":
        break
"""


def test_another_process_writes_the_same_bytes(network: EarlyExitNetwork, tmp_path: Path) -> None:
    here, there = tmp_path / "here.safetensors", tmp_path / "there.safetensors"
    masks = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights(network).items()}
    save_checkpoint(here, network, masks, {"a": {"b": 3, "y": 2}, "z": 1})  # keys in another order
    command = [sys.executable, "-c", WRITE_LEVEL, str(there), "once"]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (here, there)]
    assert digests[0] == digests[1]


def test_a_writer_killed_at_any_moment_leaves_a_whole_file_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    path = tmp_path / "level.safetensors"
    writer = subprocess.Popen([sys.executable, "-c", WRITE_LEVEL, str(path), "again and again"])
    try:
        while not path.exists() and writer.poll() is None:
            time.sleep(0.01)
        time.sleep(0.1)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    checkpoint = load_checkpoint(path)
    save_checkpoint(path, checkpoint.network, checkpoint.masks, {})
    assert [file.name for file in tmp_path.iterdir()] == ["level.safetensors"]


def test_a_writer_killed_before_the_rename_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def die(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(path, b"new and longer")
    assert path.read_bytes() == b"old"
    monkeypatch.undo()
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_cut_short_at_any_length_is_refused_by_name(level: Path) -> None:
    whole = level.read_bytes()
    lengths = {*range(0, 40), *range(40, len(whole), len(whole) // 100), len(whole) - 1}
    for length in sorted(lengths):
        level.write_bytes(whole[:length])
        with pytest.raises(
            BadInput, match=r"level\.safetensors: not a whole safetensors file .*; give another file, or move"
        ):
            load_checkpoint(level)
        with pytest.raises(BadInput, match=r"level\.safetensors: not a whole"):
            read_header(level)


@pytest.mark.parametrize("content", [b"not safetensors at all", b"\x00" * 100, b"\xff" * 100, b"{}"])
def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(BadInput, match="other: not a whole safetensors file"):
        load_checkpoint(tmp_path / "other")


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}], ids=str)
def test_a_safetensors_file_of_strangers_is_refused_by_name(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    path = tmp_path / "stranger.safetensors"
    save_file({"weight": torch.zeros(3)}, path, metadata)
    with pytest.raises(BadInput, match=r"stranger\.safetensors: not written by exitprune .*; give another file"):
        load_checkpoint(path)


@pytest.mark.parametrize("told", ['{"format": 999}', "{}", '{"format": "2"}'])
def test_another_format_is_refused_by_name(tmp_path: Path, told: str) -> None:
    path = tmp_path / "future.safetensors"
    save_file({"weight": torch.zeros(3)}, path, {"exitprune": told})
    with pytest.raises(
        BadInput, match=r"future\.safetensors: of format (999|None|'2'), this version of exitprune reads 2; "
    ):
        read_tensors(path)


def test_a_file_without_digests_of_an_earlier_version_is_stale_not_damaged(tmp_path: Path) -> None:
    path = tmp_path / "old.safetensors"
    save_file({"weight": torch.zeros(3)}, path, {"exitprune": '{"format": 1, "key": "k"}'})
    with pytest.raises(OlderFormat, match=r"written by an earlier version of exitprune .*run again the stage that"):
        read_tensors(path)
    assert not is_made_from(path, "k")


def test_a_bit_that_flips_in_header_or_tensors_is_noticed(level: Path) -> None:
    whole = level.read_bytes()
    border = 8 + int.from_bytes(whole[:8], "little")
    draw = random.Random(0)
    bits = [*draw.sample(range(8 * border), 600), *draw.sample(range(8 * border, 8 * len(whole)), 300)]
    for bit in bits:
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        level.write_bytes(content)
        with pytest.raises(BadInput):
            read_tensors(level)


def test_tensors_that_are_no_network_are_refused_by_name(tmp_path: Path) -> None:
    write_tensors(tmp_path / "data.safetensors", {"x": torch.zeros(2)}, {})
    with pytest.raises(BadInput, match=r"data\.safetensors: holds no network; give a level"):
        load_checkpoint(tmp_path / "data.safetensors")


def test_weights_that_do_not_fit_their_header_are_refused_by_name(level: Path) -> None:
    tensors, header = read_tensors(level)
    header["network"]["settings"]["depth"] = 20
    write_tensors(level, tensors, header)
    with pytest.raises(
        BadInput, match=r"level\.safetensors: base\.\S+ is F32 of .*, the network its header describes has"
    ):
        load_checkpoint(level)


def test_a_level_without_its_masks_is_refused_by_name(level: Path) -> None:
    tensors, header = read_tensors(level)
    write_tensors(level, {name: t for name, t in tensors.items() if not name.startswith("mask:")}, header)
    with pytest.raises(BadInput, match=r"level\.safetensors: mask:\S+ is not there, the network"):
        load_checkpoint(level)


def test_a_missing_file_is_refused_with_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"nothing: there is no such file; run `snakemake checkpoints` to make it, or `dvc pull`"
    ):
        load_checkpoint(tmp_path / "nothing")


def test_tensors_of_all_kinds_in_use_come_back(tmp_path: Path) -> None:
    tensors = {
        "pixels": torch.arange(24, dtype=torch.uint8).reshape(2, 3, 2, 2),
        "labels": torch.tensor([-1, 2**40]),
        "logits": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).T,  # not contiguous
        "scalar": torch.tensor(5),
    }
    write_tensors(tmp_path / "deep" / "er" / "t.safetensors", tensors, {"manifest": {"counts": {"a": 1}}})
    loaded, header = read_tensors(tmp_path / "deep" / "er" / "t.safetensors")
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    assert header == {"format": 2, "manifest": {"counts": {"a": 1}}}


def test_the_header_is_read_without_the_tensors(level: Path) -> None:
    assert read_header(level) == read_tensors(level)[1]


def test_json_keeps_the_order_of_keys_and_refuses_what_is_not_a_number(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"b": 1, "a": [0.5]})
    text = (tmp_path / "x.json").read_text()
    assert list(json.loads(text)) == ["b", "a"]
    assert text.endswith("}\n")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"accuracy": float("nan")})
    assert (tmp_path / "x.json").read_text() == text


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("somebody's")
    with pytest.raises(BadInput, match=r"x\.json: cannot be written \(.*\); make room there, or give another place"):
        write_json(tmp_path / "file" / "x.json", {})
    assert (tmp_path / "file").read_text() == "somebody's"

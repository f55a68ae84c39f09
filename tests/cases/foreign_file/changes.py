"""Changes to a file, by the name they have in a case: `change(file, value)`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from safetensors.torch import save_file

from exitprune.deployment.seal import ENTRY, sealed
from exitprune.storage import read_tensors, write_tensors
from tests.exported_study import without_seal


def text(file: Path, value: str) -> None:
    """This text instead of what was there."""
    file.write_text(value)


def hex(file: Path, value: str) -> None:
    """These bytes instead of what was there."""
    file.write_bytes(bytes.fromhex(value))


def cut(file: Path, value: float) -> None:
    """Only this share of the file."""
    content = file.read_bytes()
    file.write_bytes(content[: int(value * len(content))])


def flip(file: Path, value: float) -> None:
    """The lowest bit of the byte at this share of the file turned over."""
    content = bytearray(file.read_bytes())
    content[int(value * len(content))] ^= 1
    file.write_bytes(bytes(content))


def folder(file: Path, value: bool) -> None:
    """A folder in its place."""
    file.unlink()
    file.mkdir()


def metadata(file: Path, value: dict[str, Any]) -> None:
    """These entries of an ONNX model, as JSON, sealed anew; null: the entry is taken out; {sha256: kept}: the old seal stays.

    {text: ...} is taken as it is, {repeat: [letter, so many times]} is a list of one name, {nested: depth} lists in lists.
    """
    model = onnx.load(file)
    entries = {item.key: item.value for item in model.metadata_props if item.key != ENTRY or ENTRY in value}
    for name, entry in value.items():
        match entry:
            case None:
                entries.pop(name, None)
            case {"text": text_}:
                entries[name] = text_
            case "kept":
                pass
            case {"repeat": [letter, times]}:
                entries[name] = json.dumps([letter * times] * 4)
            case {"nested": depth}:
                entries[name] = "[" * depth + "]" * depth
            case _:
                entries[name] = json.dumps(entry)
    onnx.helper.set_model_props(model, entries)
    onnx.save(model, file)
    if ENTRY not in value:
        file.write_bytes(sealed(file.read_bytes()))


def weights(file: Path, value: dict[str, float]) -> None:
    """The constants of an ONNX model whose names begin so, filled with a number."""
    model = without_seal(file)
    for name, number in value.items():
        found = [one for one in model.graph.initializer if one.name.startswith(name)]
        assert found, [one.name for one in model.graph.initializer]
        for one in found:
            array = np.full_like(onnx.numpy_helper.to_array(one), number)
            one.CopyFrom(onnx.numpy_helper.from_array(array, one.name))
    onnx.save(model, file)


def rename(file: Path, value: list[str]) -> None:
    """An input or output of an ONNX model, by its name and the new one."""
    old, new = value
    model = without_seal(file)
    for node in model.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
    for one in [*model.graph.input, *model.graph.output]:
        one.name = new if one.name == old else one.name
    onnx.save(model, file)


def pixels(file: Path, value: list[str | int]) -> None:
    """The shape of what an ONNX model takes."""
    model = without_seal(file)
    kind = model.graph.input[0].type.tensor_type
    kind.CopyFrom(onnx.helper.make_tensor_type_proto(kind.elem_type, value).tensor_type)
    del model.graph.value_info[:]
    onnx.save(model, file)


def header(file: Path, value: dict[str, Any]) -> None:
    """These entries of the header of a file of tensors, by dotted name, sealed anew; {out: true}: taken out."""
    tensors, there = read_tensors(file)
    for dotted, entry in value.items():
        *path, last = dotted.split(".")
        place = there
        for name in path:
            place = place[name]
        if entry == {"out": True}:
            place.pop(last)
        else:
            place[last] = entry
    write_tensors(file, tensors, there)


def tensors(file: Path, value: dict[str, Any]) -> None:
    """These tensors, sealed anew: null: taken out; a number: filled with it; [type, sizes]: zeros of that type and size."""
    there, about = read_tensors(file)
    for name, entry in value.items():
        match entry:
            case None:
                del there[name]
            case [kind, sizes]:
                there[name] = torch.zeros(sizes, dtype=getattr(torch, kind))
            case _:
                there[name] = torch.full_like(there[name], entry)
    write_tensors(file, there, about)


def written(file: Path, value: str) -> None:
    """The text of the header of a file of tensors, instead of what was there."""
    there, _ = read_tensors(file)
    save_file(there, file, {"exitprune": value.replace("{nested}", "[" * 100_000)})


def swap(file: Path, value: list[str]) -> None:
    """A text in the bytes of the file for another of the same length."""
    old, new = (text.encode() for text in value)
    assert len(old) == len(new)
    content = file.read_bytes()
    assert old in content
    file.write_bytes(content.replace(old, new, 1))


def longer(file: Path, value: int) -> None:
    """So many zeros behind the end."""
    file.write_bytes(file.read_bytes() + bytes(value))

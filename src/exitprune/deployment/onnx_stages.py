"""The exported network as one ONNX file per stage, from one exit to the next, for runtimes that cannot let images leave.

The one file of `onnx_export` changes its batch at every exit, which some runtimes compile and then cannot run. A stage is a
plain network of a constant batch; who leaves is decided between stages, by `stages_driver` or a few lines of one's own.
Cut out of the finished graph, so that it works for every architecture that can be exported.

    first stage      pixels (N, C, H, W) uint8, as read from a file
    later stages     previous_map (N, c, h, w) float32, what the stage before gave, of the images that stay
    every stage      class (N,) int64, confidence (N,) float32 and, but for the last, map (N, c, h, w) float32

Letters: N images, C, H, W channels, height and width of an image, c, h, w of a feature map.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from exitprune.deployment import stages_driver
from exitprune.deployment.extras import extra
from exitprune.storage import write_bytes

STAYING, CLASS, CONFIDENCE = ".staying", ".class", ".confidence"
"""How `onnx_export` ends the names of what stays after an exit, and of what every exit answers."""


def cut(model: Any, batch: int | None = None, metadata: Mapping[str, Any] | None = None) -> list[Any]:
    """The stages of a model that `onnx_export.build_model` made.

    Args:
        model: an onnx.ModelProto.
        batch: images that a stage takes at once; None: any number.
        metadata: stored beside each graph, each value as JSON, with `stage` and `num_stages`.

    Returns:
        One onnx.ModelProto per exit, checked.

    Raises:
        BadInput: if onnx is not installed.
    """
    onnx = extra("onnx")
    nodes = list(model.graph.node)
    staying = [node for node in nodes if node.name.endswith(STAYING)]
    exits = [node.name.removesuffix(CLASS) for node in nodes if node.op_type == "ArgMax" and node.name.endswith(CLASS)]
    maps = [node.input[0] for node in staying]  # before those that leave are taken out
    shapes = {value.name: _dims(value)[1:] for value in [*model.graph.value_info, *model.graph.input]}
    stages = []
    for number, exit_ in enumerate(exits):
        begins = staying[number - 1].output[0] if number else "pixels"
        outputs = {f"{exit_}{CLASS}": "class", f"{exit_}{CONFIDENCE}": "confidence"}
        if number < len(maps):
            outputs[maps[number]] = "map"
        renamed = {begins: "pixels" if number == 0 else "previous_map", **outputs}
        made = _subgraph(onnx, model, renamed, shapes[begins], shapes.get(_after(staying, number)), batch)
        about = {**(metadata or {}), "stage": number, "num_stages": len(exits)}
        onnx.helper.set_model_props(made, {key: json.dumps(value) for key, value in about.items()})
        onnx.checker.check_model(made, full_check=True)
        stages.append(made)
    return stages


def write_stages(model: Any, folder: Path, batch: int | None, metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write `stage-0.onnx` and so on, and the driver that runs them.

    Returns:
        For the model card: name, batch and sha256 of each file.
    """
    about = []
    for number, stage in enumerate(cut(model, batch, {"classes": metadata["classes"]})):
        content, name = stage.SerializeToString(), f"stage-{number}.onnx"
        write_bytes(folder / name, content)
        about.append({"file": f"{folder.name}/{name}", "batch": batch, "sha256": sha256(content).hexdigest()})
    write_bytes(folder / "stages_driver.py", Path(stages_driver.__file__).read_bytes())
    return about


def _after(staying: Sequence[Any], number: int) -> str:
    return staying[number].output[0] if number < len(staying) else ""


def _subgraph(
    onnx: Any,
    model: Any,
    renamed: Mapping[str, str],
    taken: Sequence[int],
    given: Sequence[int] | None,
    batch: int | None,
) -> Any:
    """The nodes between a value and those that follow from it.

    Args:
        onnx: the package.
        model: to cut from.
        renamed: the names of the input and then of the outputs, and what they are called in the stage.
        taken: shape of the input, (C, H, W).
        given: shape of the map that the stage gives; None: it gives none.
        batch: see `cut`.
    """
    helper, types = onnx.helper, onnx.TensorProto
    begins, *ends = renamed
    makers = {output: node for node in model.graph.node for output in node.output}
    needed, open_ = set(), list(ends)
    while open_:
        name = open_.pop()
        if name != begins and name in makers and makers[name].name not in needed:
            needed.add(makers[name].name)
            open_ += makers[name].input
    nodes = []
    for node in model.graph.node:
        if node.name in needed:
            copy = type(node)()
            copy.CopyFrom(node)
            for names in (copy.input, copy.output):
                names[:] = [renamed.get(name, name) for name in names]
            nodes.append(copy)
    used = {name for node in nodes for name in node.input}
    size: str | int = "N" if batch is None else batch
    kind = types.UINT8 if renamed[begins] == "pixels" else types.FLOAT
    outputs = [
        helper.make_tensor_value_info("class", types.INT64, [size]),
        helper.make_tensor_value_info("confidence", types.FLOAT, [size]),
    ]
    if given is not None:
        outputs.append(helper.make_tensor_value_info("map", types.FLOAT, [size, *given]))
    graph = helper.make_graph(
        nodes,
        model.graph.name,
        [helper.make_tensor_value_info(renamed[begins], kind, [size, *taken])],
        outputs,
        [constant for constant in model.graph.initializer if constant.name in used],
    )
    return helper.make_model(
        graph, opset_imports=model.opset_import, ir_version=model.ir_version, producer_name=model.producer_name
    )


def _dims(value: Any) -> list[int]:
    return [dim.dim_value for dim in value.type.tensor_type.shape.dim]

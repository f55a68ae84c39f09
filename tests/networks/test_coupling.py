"""Channels go together where maps are added, handed on or put side by side."""

from __future__ import annotations

import torch

from exitprune.networks.branches import branches
from exitprune.networks.channels import Channels, Place, by_channel, filled
from exitprune.networks.coupling import coupled, free_filters
from exitprune.networks.early_exit import Spec


def resnet(exits: tuple[int, ...] = (1, 2)) -> Spec:
    return Spec("resnet", {"depth": 8}, 1, 8, 8, 4, exits, 2)


def made_by(layer: str, spec: Spec) -> Channels:
    (found,) = (one for one in coupled(spec) if layer in one.layers("makes"))
    return found


def test_inside_a_residual_block_one_convolution_makes_channels_and_the_next_reads_them() -> None:
    inner = made_by("b2.c1", resnet())
    assert inner.places == [Place("b2.c1", "makes"), Place("b2.c2", "reads")]
    assert not inner.seen_by_exits
    assert [place.dimension for place in inner.places] == [0, 1]


def test_what_adds_to_a_stream_goes_together_with_all_that_read_it() -> None:
    stream = made_by("stem", resnet())
    assert stream.layers("makes") == ["stem", "b1.c2"]
    assert stream.layers("reads") == ["b1.c1", "exit0", "b2.c1", "b2.sc"]
    assert stream.seen_by_exits
    assert next(place.cells for place in stream.places if place.layer == "exit0") == 4  # a grid of 2 x 2


def test_images_and_classes_are_fixed() -> None:
    assert [one.layers("makes") or one.layers("reads") for one in coupled(resnet()) if one.fixed] == [["stem"], ["fc"]]


def test_every_layer_but_the_images_own_has_a_maker_and_a_reader() -> None:
    layers = {place.layer for one in coupled(resnet()) for place in one.places}
    assert {"stem", "exit0", "exit1", "fc", "b3.sc"} <= layers


def test_the_filters_that_may_go_are_the_first_of_each_block() -> None:
    assert list(free_filters(resnet())) == ["b1.c1", "b2.c1", "b3.c1"]


def test_branches_are_rows_that_something_is_added_to() -> None:
    assert branches(resnet()) == [("b1.c1", "b1.c2"), ("b2.c1", "b2.c2"), ("b3.c1", "b3.c2")]
    assert branches(Spec("vgg", {"depth": 11, "width": 0.1}, 1, 8, 8, 4, (2,), 2)) == []


def test_weights_by_channel_and_channels_that_have_one() -> None:
    make, read = torch.arange(12).reshape(3, 2, 2, 1), torch.zeros(5, 8)  # the reader has 2 cells, from column 2
    assert by_channel(make, Place("a", "makes"), 3).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    read[4, 5] = 1  # the second cell of channel 1
    assert by_channel(read, Place("b", "reads", 2, 2), 3).any(1).tolist() == [False, True, False]
    together = Channels(3, [Place("a", "makes"), Place("b", "reads", 2, 2)])
    assert filled({"a": torch.zeros(3, 2, 2, 1) != 0, "b": read != 0}, together).tolist() == [False, True, False]

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitprune.config.data import Augment
from exitprune.config.params import Data
from exitprune.data.datasets import Labels, Part, Source, digits
from exitprune.data.splits import channel_statistics, checksum, describe, divide
from exitprune.errors import BadInput

SPLITS = ["train", "validation", "test"]


@pytest.mark.parametrize("seed", range(3))
def test_nobodys_images_are_on_two_sides_if_they_are_divided_by_makers(seed: int) -> None:
    by_maker = asked(validation=0.2, test=0.3, seed=seed).model_copy(update={"division": "makers"})
    parts = divide(digits.load(None, None), by_maker)
    makers = [set(makers_of(parts[split])) for split in SPLITS]
    assert [len(some) for some in makers] == [7, 2, 5]
    assert not makers[0] & makers[1] | makers[1] & makers[2] | makers[0] & makers[2]


def test_every_sheet_of_the_digits_is_of_the_same_rows() -> None:
    digits_there = digits.load(None, None).train
    writers = makers_of(digits_there)
    for writer in np.unique(writers):
        sheet = "".join(map(str, digits_there.labels[writers == writer]))
        assert sheet.startswith(("0123456789", "123456789"))
        assert sheet.endswith(("0898", "0893", "4908"))


def test_a_share_that_takes_every_maker_is_refused() -> None:
    with pytest.raises(BadInput, match=r"validation 0\.95 of \d+ makers leaves none of them; give less"):
        divide(digits.load(None, None), asked(validation=0.95, test=0.3).model_copy(update={"division": "makers"}))


def test_makers_that_nobody_knows_are_refused() -> None:
    with pytest.raises(BadInput, match="does not say who made its images; of the sources, digits does; use images"):
        divide(source_of([50, 50]), asked().model_copy(update={"division": "makers"}))


def asked(validation: float = 0.1, test: float = 0.2, limit: int | None = None, seed: int = 0) -> Data:
    return Data(
        source="digits",
        path=None,
        validation=validation,
        test=test,
        limit=limit,
        seed=seed,
        augment=Augment(pad=0, flip=False),
    )


def makers_of(part: Part) -> Labels:
    assert part.makers is not None
    return part.makers


def numbered(counts: list[int], first: int = 0, seed: int = 0) -> Part:
    """So many images of each class, shuffled; two pixels hold the number of an image."""
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    numbers = np.arange(first, first + len(labels), dtype=">u2")
    return Part(numbers.view(np.uint8).reshape(-1, 1, 1, 2), labels)


def source_of(counts: list[int], test: list[int] | None = None) -> Source:
    classes = tuple("abcdefghij"[: len(counts)])
    return Source(classes, numbered(counts), None if test is None else numbered(test, sum(counts)))


def numbers(part: Part) -> list[int]:
    return [256 * int(high) + int(low) for high, low in part.pixels.reshape(-1, 2)]


def counts(part: Part) -> list[int]:
    return [int(number) for number in np.bincount(part.labels)]


@given(
    st.lists(st.integers(40, 90), min_size=2, max_size=5),
    st.sampled_from([0.05, 0.1, 0.3, 0.5, 0.9]),
    st.sampled_from([0.2, 0.5]),
    st.integers(0, 2**32 - 1),
)
def test_every_image_lands_in_one_part_in_the_order_of_the_source(
    sizes: list[int], validation: float, test: float, seed: int
) -> None:
    source = source_of(sizes)
    parts = divide(source, asked(validation, test, seed=seed))
    found = [number for split in SPLITS for number in numbers(parts[split])]
    assert sorted(found) == list(range(sum(sizes)))
    for part in parts.values():
        assert numbers(part) == sorted(numbers(part))
        assert (part.labels == source.train.labels[numbers(part)]).all()


@given(st.lists(st.integers(40, 90), min_size=2, max_size=5), st.sampled_from([0.1, 0.3, 0.5]))
def test_each_class_is_held_back_to_its_share_give_or_take_one(sizes: list[int], share: float) -> None:
    parts = divide(source_of(sizes, test=sizes), asked(validation=share))
    assert len(parts["validation"]) == round(share * sum(sizes))
    assert all(abs(held - share * size) < 1.5 for held, size in zip(counts(parts["validation"]), sizes, strict=True))


def test_the_test_part_of_a_source_is_kept_as_it_is() -> None:
    source = source_of([20, 20], test=[5, 7])
    parts = divide(source, asked(test=0.5))
    assert numbers(parts["test"]) == list(range(40, 52))
    assert len(parts["train"]) + len(parts["validation"]) == 40


def test_digits_are_divided_as_the_default_study_has_them() -> None:
    parts = divide(digits.load(None, None), asked())
    assert [len(parts[split]) for split in SPLITS] == [1294, 144, 359]


def test_another_seed_divides_otherwise() -> None:
    first, second = (numbers(divide(source_of([50, 50]), asked(seed=seed))["test"]) for seed in (0, 1))
    assert first != second


def test_a_limit_keeps_the_shares_of_the_classes_and_counts_train_and_validation_together() -> None:
    parts = divide(source_of([300, 100], test=[30, 10]), asked(validation=0.25, limit=80))
    assert counts(parts["train"]) == [45, 15]
    assert counts(parts["validation"]) == [15, 5]
    assert counts(parts["test"]) == [30, 10]


def test_a_limit_holds_for_test_too() -> None:
    parts = divide(source_of([300, 100], test=[300, 100]), asked(limit=40))
    assert counts(parts["test"]) == [30, 10]


def test_a_limit_may_leave_out_one_image() -> None:
    parts = divide(source_of([50, 50, 50]), asked(test=0.2, limit=119))
    assert len(parts["train"]) + len(parts["validation"]) == 119


@pytest.mark.parametrize(
    ("sizes", "data", "message"),
    [
        ([90, 9], asked(0.1), r"data\.validation 0\.1: class 'b' has 9 of 99 images, .* takes at least 10 of each"),
        ([90, 9], asked(0.95), r"data\.validation 0\.95: class 'b' has 9 of 99 images, .* takes at least 20 of each"),
        ([90, 9], asked(0.001), r"data\.validation 0\.001: class 'b' has 9 of 99 images, .* takes more images"),
        ([90, 9], asked(0.5, limit=10), r"data\.limit 10: class 'b' has 9 of 99 images, .* takes at least 10 of each"),
        (
            [90, 90],
            asked(0.5, limit=1),
            r"data\.limit 1: class 'a' has 90 of 180 images, .* takes at least 180 of each",
        ),
    ],
)
def test_a_class_too_small_to_be_everywhere_is_named(sizes: list[int], data: Data, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        divide(source_of(sizes, test=[90, 90]), data)


def test_a_source_without_a_test_part_needs_enough_for_it() -> None:
    with pytest.raises(BadInput, match=r"data\.test 0\.1: class 'b' has 9 of 99 images"):
        divide(source_of([90, 9]), asked(test=0.1))


def test_as_many_as_needed_are_enough() -> None:
    parts = divide(source_of([90, 10], test=[1, 1]), asked(0.1))
    assert counts(parts["validation"]) == [9, 1]


def test_mean_and_deviation_of_half_black_half_white_are_a_half() -> None:
    pixels = np.array([0, 255, 255, 0, 0, 255, 0, 255], np.uint8).reshape(2, 2, 2, 1)
    assert channel_statistics(pixels) == ([0.5, 0.5], [0.5, 0.5])


@given(st.integers(1, 40), st.integers(1, 3), st.integers(0, 99))
def test_channel_statistics_are_those_of_numpy(num: int, channels: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (num, channels, 3, 2), dtype=np.uint8)
    scaled = pixels.astype(np.float64) / 255
    mean, std = channel_statistics(pixels)
    np.testing.assert_allclose(mean, scaled.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, scaled.std((0, 2, 3)), rtol=1e-12)


def test_images_of_one_value_are_refused() -> None:
    part = Part(np.full((8, 3, 2, 2), 77, dtype=np.uint8), np.arange(8) % 2)
    with pytest.raises(BadInput, match=r"data\.source folder: all training pixels have one value"):
        describe("folder", ("a", "b"), {"train": part, "validation": part, "test": part})


def test_statistics_look_at_training_pixels_alone() -> None:
    parts = divide(source_of([50, 50]), asked())
    before = describe("folder", ("a", "b"), parts)
    bright = {split: Part(np.full_like(part.pixels, 255), part.labels) for split, part in parts.items()}
    after = describe("folder", ("a", "b"), {**bright, "train": parts["train"]})
    assert (after["mean"], after["std"]) == (before["mean"], before["std"])
    assert after["sha256"] != before["sha256"]


def test_the_manifest_says_what_the_arrays_are() -> None:
    parts = divide(digits.load(None, None), asked())
    manifest = describe("digits", tuple("0123456789"), parts)
    assert list(manifest) == ["source", "sha256", "classes", "counts", "mean", "std", "height", "width", "channels"]
    assert [manifest[key] for key in ("source", "height", "width", "channels")] == ["digits", 8, 8, 1]
    assert {split: Counter(manifest["counts"][split]) for split in SPLITS} == {
        split: Counter(str(label) for label in parts[split].labels) for split in SPLITS
    }


@pytest.mark.parametrize("split", SPLITS)
def test_one_pixel_or_one_label_changes_the_checksum(split: str) -> None:
    parts = divide(source_of([50, 50]), asked())
    before = checksum(parts)
    parts[split].pixels[3, 0, 0, 1] ^= 1
    after = checksum(parts)
    parts[split].labels[3] ^= 1
    assert len({before, after, checksum(parts)}) == 3


def test_the_checksum_does_not_depend_on_how_arrays_lie_in_memory() -> None:
    part = divide(digits.load(None, None), asked())["train"]
    turned = Part(np.asfortranarray(part.pixels), part.labels)
    assert checksum({"train": turned}) == checksum({"train": part})

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exitprune.data.datasets import folder
from exitprune.errors import BadInput


def save(file: Path, mode: str = "RGB", size: tuple[int, int] = (6, 4), seed: int = 0) -> Path:
    """An image of noise; `size` is width, height."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).convert(mode).save(file)
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes, three images to train on and one to test with each; the folder's name has a space."""
    root = tmp_path / "my images"
    for seed, (split, number) in enumerate([("train", 0), ("train", 1), ("train", 2), ("test", 0)]):
        for name in ("cat", "dog"):
            save(root / split / name / f"{number}.png", seed=10 * seed + len(name + split) + (name == "dog"))
    return root


def test_a_folder_is_read_as_imagefolder_reads_it(root: Path) -> None:
    from torchvision.datasets import ImageFolder  # takes seconds

    (root / "train" / "cat" / "notes.txt").write_text("not an image")
    source = folder.load(root)
    assert source.test is not None
    for split, part in (("train", source.train), ("test", source.test)):
        theirs = ImageFolder(root / split)
        assert list(source.classes) == theirs.classes
        assert part.labels.tolist() == theirs.targets
        assert (part.pixels.transpose(0, 2, 3, 1) == [np.asarray(image) for image, _ in theirs]).all()


def test_images_stay_grey_if_all_are(root: Path) -> None:
    for file in root.rglob("*.png"):
        save(file, "L")
    first = np.asarray(Image.open(root / "train/cat/0.png"))
    assert (folder.load(root).train.pixels[0] == first[None]).all()


def test_one_colour_image_makes_all_rgb(root: Path) -> None:
    for file in sorted(root.rglob("*.png"))[1:]:
        save(file, "L")
    source = folder.load(root)
    assert source.train.pixels.shape == (6, 3, 4, 6)
    assert (source.train.pixels[0] == np.asarray(Image.open(root / "train/cat/0.png"))[None]).all()


def test_black_and_white_and_palettes_are_read_by_value(root: Path) -> None:
    save(root / "train/cat/0.png", "1")
    save(root / "train/cat/1.png", "P")
    pixels = folder.load(root).train.pixels
    assert set(np.unique(pixels[0])) == {0, 255}
    assert (pixels[1].transpose(1, 2, 0) == np.asarray(Image.open(root / "train/cat/1.png").convert("RGB"))).all()


def test_hidden_folders_and_files_are_passed_over(root: Path) -> None:
    (root / "train" / ".ipynb_checkpoints").mkdir()
    (root / "train" / "cat" / "._0.png").write_bytes(b"resource fork")
    assert len(folder.load(root).train) == 6


def test_no_path_is_refused() -> None:
    with pytest.raises(BadInput, match=r"data\.path: data\.source folder needs the folder .*; none given"):
        folder.load(None)


def without_any(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))


def without_test(root: Path) -> None:
    (root / "test").rename(root / "testing")


def without_classes(root: Path) -> None:
    for name in ("cat", "dog"):
        (root / "test" / name).rename(root / name)


def without_images(root: Path) -> None:
    (root / "test/dog/0.png").unlink()


def other_classes(root: Path) -> None:
    (root / "test/dog").rename(root / "test/wolf")


def two_sizes(root: Path) -> None:
    save(root / "test/dog/0.png", size=(4, 6))


def not_an_image(root: Path) -> None:
    (root / "train/dog/1.png").write_text("no image")


def cut_short(root: Path) -> None:
    file = root / "train/dog/1.png"
    file.write_bytes(file.read_bytes()[:-40])


def transparent(root: Path) -> None:
    save(root / "train/dog/1.png", "RGBA")


def sixteen_bits(root: Path) -> None:
    Image.fromarray(np.full((4, 6), 1000, np.uint16)).save(root / "train/dog/1.png")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_any, "there is no folder {root}/train; wanted: train/<class>/"),
        (without_test, "there is no folder {root}/test; wanted: test/<class>/"),
        (without_classes, "{root}/test: has no class folders"),
        (without_images, "{root}/test/dog: has no images"),
        (other_classes, "{root}: class 'dog' is in train/ but not in test/"),
        (two_sizes, "two sizes: {root}/train/cat/0.png is 6 x 4, {root}/test/dog/0.png is 4 x 6 pixels"),
        (not_an_image, "{root}/train/dog/1.png: cannot be read as an image"),
        (cut_short, "{root}/train/dog/1.png: cannot be read as an image"),
        (transparent, "{root}/train/dog/1.png: is of mode RGBA, with transparency; wanted: 8-bit grey or RGB"),
        (sixteen_bits, "{root}/train/dog/1.png: is of mode I;16; wanted: 8-bit grey or RGB"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_by_name(
    root: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(root)
    with pytest.raises(BadInput) as refused:
        folder.load(root)
    assert message.format(root=root) in str(refused.value)
    assert "\n" not in str(refused.value)


@settings(max_examples=200)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_image_is_read_or_refused_but_nothing_else(place: float, value: int, cut: bool) -> None:
    image = BytesIO()
    Image.fromarray(np.arange(72, dtype=np.uint8).reshape(4, 6, 3)).save(image, "png")
    damaged = bytearray(image.getvalue())
    damaged[int(place * len(damaged))] = value
    spoiled = BytesIO(damaged[: int(place * len(damaged))] if cut else damaged)
    with suppress(BadInput):
        assert folder.decode(spoiled, "it").shape == (4, 6, 3)

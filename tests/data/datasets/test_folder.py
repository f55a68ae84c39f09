from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
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
    source = folder.load(root, None)
    assert source.test is not None
    for split, part in (("train", source.train), ("test", source.test)):
        theirs = ImageFolder(root / split)
        assert list(source.classes) == theirs.classes
        assert part.labels.tolist() == theirs.targets
        assert (part.pixels.transpose(0, 2, 3, 1) == [np.asarray(image) for image, _ in theirs]).all()


def test_images_stay_grey_if_all_are(root: Path) -> None:
    for file in root.rglob("*.png"):
        save(file, "L")
    first, pixels = np.asarray(Image.open(root / "train/cat/0.png")), folder.load(root, None).train.pixels
    assert pixels.shape == (6, 1, 4, 6)
    assert (pixels[0, 0] == first).all()


def test_one_colour_image_makes_all_rgb(root: Path) -> None:
    for file in sorted(root.rglob("*.png"))[1:]:
        save(file, "L")
    source = folder.load(root, None)
    assert source.train.pixels.shape == (6, 3, 4, 6)
    assert (source.train.pixels[0] == np.asarray(Image.open(root / "train/cat/0.png"))[None]).all()


def test_black_and_white_and_palettes_are_read_by_value(root: Path) -> None:
    save(root / "train/cat/0.png", "1")
    save(root / "train/cat/1.png", "P")
    pixels = folder.load(root, None).train.pixels
    assert set(np.unique(pixels[0])) == {0, 255}
    assert (pixels[1].transpose(1, 2, 0) == np.asarray(Image.open(root / "train/cat/1.png").convert("RGB"))).all()


def test_no_path_is_refused() -> None:
    with pytest.raises(BadInput, match=r"data\.path: data\.source folder needs the folder .*; none given"):
        folder.load(None, None)


def test_images_of_two_sizes_are_refused_with_a_size_that_would_do(root: Path) -> None:
    save(root / "test/dog/0.png", size=(4, 6))
    with pytest.raises(BadInput) as refused:
        folder.load(root, None)
    assert str(refused.value) == (
        f"images of two sizes: {root}/train/cat/0.png is 6 x 4, {root}/test/dog/0.png is 4 x 6 pixels; set data.size, to 4 "
        "for example: then all are scaled and cropped to it"
    )
    assert folder.load(root, (4, 4)).train.pixels.shape == (6, 3, 4, 4)


def test_an_image_that_cannot_be_used_is_refused_by_name(root: Path) -> None:
    (root / "train/dog/1.png").write_text("no image")
    with pytest.raises(BadInput, match=f"{root}/train/dog/1.png: cannot be read as an image"):
        folder.load(root, None)


def test_the_extent_says_how_much_there_is_without_reading_it_all(root: Path) -> None:
    (root / "train/cat/notes.txt").write_text("not an image")
    found = folder.extent(root)
    assert (found.num_train, found.num_test, found.num_classes, found.shape) == (6, 2, 2, (3, 4, 6))
    assert len(found.remarks) == 1
    (root / "train/cat/notes.txt").unlink()
    assert folder.extent(root).digest == found.digest


def test_a_folder_in_the_home_of_the_user_is_found(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(root.parent))
    assert len(folder.load(Path("~/my images"), None).train) == 6

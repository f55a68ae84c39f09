"""Folders of images as people have them, read as `data.source: folder` reads them.

A folder of 3 + 2 grey 8 x 8 PNG per class a, b is made; then

    images: {path below the folder: {mode, size: [width, height], colour, format, frames, turned, transparency, cut}}, more or
        other images: of so many pictures, with this EXIF orientation, this colour transparent, this share of the bytes left
    texts: {path below the folder: text}, other files
    links: {path below the folder: where it leads}
    moves: {path below the folder: new path}
    size: [height, width] that all are brought to
    counts: [train, test], how many images must be read
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from exitprune.data.datasets.folder import load

NUM_IMAGES = {"train": 3, "test": 2}


def run(recipe: dict[str, Any], folder: Path) -> None:
    """Make the folder and read it."""
    draw = np.random.default_rng(0)
    for part, num_images in NUM_IMAGES.items():
        for name in ("a", "b"):
            (folder / part / name).mkdir(parents=True)
            for number in range(num_images):
                pixels = draw.integers(0, 256, (8, 8), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{number}.png")
    for path, image in recipe.get("images", {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        colour = image.get("colour", 0)
        colour = tuple(colour) if isinstance(colour, list) else colour
        made = Image.new(image.get("mode", "L"), tuple(image.get("size", (8, 8))), colour)
        made.save(folder / path, image.get("format"), **_more(made, image))
        if "cut" in image:
            content = (folder / path).read_bytes()
            (folder / path).write_bytes(content[: int(image["cut"] * len(content))])
    for path, text in recipe.get("texts", {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    for path, target in recipe.get("links", {}).items():
        (folder / path).symlink_to(target)
    for path, new in recipe.get("moves", {}).items():
        (folder / path).rename(folder / new)
    source = load(folder, tuple(recipe["size"]) if "size" in recipe else None)
    if "counts" in recipe:
        assert [len(source.train), 0 if source.test is None else len(source.test)] == recipe["counts"]


def _more(made: Image.Image, image: dict[str, Any]) -> dict[str, Any]:
    """What an image is saved with besides its pixels."""
    more: dict[str, Any] = {"transparency": image["transparency"]} if "transparency" in image else {}
    if "turned" in image:
        more["exif"] = Image.Exif()
        more["exif"][0x0112] = image["turned"]
    if "frames" in image:
        other = made.point(lambda value: 255 - value)  # equal ones would be one
        more |= {"save_all": True, "append_images": [other] * (image["frames"] - 1)}
    return more

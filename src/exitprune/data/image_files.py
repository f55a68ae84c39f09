"""Image files to pixels, in training and in prediction alike: as viewers show them, or refused in one sentence.

What is turned, converted, resized and refused, with reasons: docs/images.md. Needs Pillow and no torch. Letters: H and W
height and width.
"""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError

from exitprune.errors import BadInput

Pixels = NDArray[np.uint8]
Size = tuple[int, int]
"""Height and width."""

FORMATS = (
    "PNG",
    "JPEG",
    "GIF",
    "WEBP",
    "BMP",
    "DIB",
    "TIFF",
    "PPM",
    "AVIF",
    "JPEG2000",
)  # JPEG: also MPO, with previews
READ = """
    .png .apng .jpg .jpeg .jpe .jfif .jfi .jif .mpo .gif .webp .bmp .dib .tif .tiff .ppm .pgm .pbm .pnm .avif .avifs
    .jp2 .j2k .jpx .jpf .j2c .jpc
"""
REFUSED = ".heic .heif .hif .jxl .tga .ico .svg .psd .dng .cr2 .cr3 .nef .arw .orf .raf .rw2 .exr .hdr"
ENDINGS = frozenset((READ + REFUSED).split())
"""Of files that a person takes for images. Those of `REFUSED` are refused by name, as Pillow alone cannot read them."""

CONVERT = {
    "1": "L", "L": "L", "LA": "L", "La": "L",
    "P": "RGB", "PA": "RGB", "RGB": "RGB", "RGBA": "RGB", "RGBa": "RGB", "RGBX": "RGB", "YCbCr": "RGB",
}  # fmt: skip
"""What each of Pillow's modes becomes; the others lose something when made 8-bit grey or RGB."""

ORIENTATION = 0x0112  # the EXIF tag
SAYS_ORIENTATION = frozenset(("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"))  # where Pillow looks for it

# Pillow's decoders say with any of these that a file is broken
TROUBLE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError,
    RuntimeError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


def decode(file: Path | BinaryIO, name: object, size: Size | None = None) -> Pixels:
    """One image as every viewer shows it: turned as its EXIF orientation says, transparency dropped where there is none.

    Args:
        file: where it is.
        name: what to call it in an error.
        size: scaled to cover this, antialiased, and cropped around the centre; None: as it is.

    Returns:
        (H, W) if grey, else (H, W, 3).

    Raises:
        BadInput: if it cannot be read, holds several pictures, is transparent somewhere, or would lose something as 8-bit
            grey or RGB.
    """
    try:
        # what Pillow warns of (a broken EXIF block, a very large image) viewers show all the same
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as image:
            _refuse_unusual(image, name)
            _scale_transparent_grey(image)
            if size is not None:  # the decoder's own halving, never below twice what is wanted, as in thumbnails
                image.draft(None, (2 * max(size),) * 2)
            image.load()
            if not SAYS_ORIENTATION.isdisjoint(image.info) and image.getexif().get(ORIENTATION, 1) != 1:
                ImageOps.exif_transpose(image, in_place=True)
            flat = _converted(image, name)
            return np.asarray(flat if size is None else fit(flat, size))
    except BadInput:
        raise
    except TROUBLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = _why_unknown(file)
        raise BadInput(f"{name}: cannot be read as an image ({reason}); replace it or move it away") from None


def fit(image: Image.Image, size: Size) -> Image.Image:
    """Scale an image, antialiased, so that it just covers a size, and crop what is over on two sides alike."""
    height, width = size
    return image if image.size == (width, height) else ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)


def is_image(file: BinaryIO) -> bool:
    """Whether the first bytes are those of an image format that can be read."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS):
            return True
    except TROUBLE:
        return False


def header(file: Path) -> tuple[int, Size] | None:
    """Channels (1 or 3), and height and width as shown, of an image that is not decoded; None if it cannot be read."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            if image.format != "TIFF" and image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8):  # TIFFs say it turned
                width, height = height, width
            return 1 if CONVERT.get(image.mode) == "L" else 3, (height, width)
    except TROUBLE:
        return None


def _refuse_unusual(image: ImageFile.ImageFile, name: object) -> None:
    """Refuse several pictures and deep colours; asked before decoding, which takes the first and cuts the others' bits."""
    pictures = getattr(image, "n_frames", 1)
    previews = image.format == "MPO"  # the others are the camera's, and no viewer shows them
    if _goes_on(image) or (pictures > 1 and not previews):
        raise BadInput(
            f"{name}: holds {pictures if pictures > 1 else 'several'} pictures (frames or pages); wanted: one per file; "
            "save each that you mean as a file of its own"
        )
    bits = _bits(image)
    if bits > 8:
        raise BadInput(f"{name}: has {bits} bits per channel; wanted: 8-bit grey or RGB; convert it first")
    if image.mode not in CONVERT:
        raise BadInput(f"{name}: is of mode {image.mode}; wanted: 8-bit grey or RGB; convert it first")


def _goes_on(image: ImageFile.ImageFile) -> bool:
    """Whether another picture follows in a binary PPM, PGM or PBM, of which Pillow counts the first alone."""
    if image.format != "PPM" or image.fp is None or not image.tile or image.tile[0].codec_name == "ppm_plain":
        return False
    width, height = image.size
    samples = -(-width // 8) if image.mode == "1" else width * len(image.getbands())
    image.fp.seek(image.tile[0].offset + samples * height * (2 if _bits(image) > 8 else 1))
    return re.match(rb"\s*P[1-7]\s", image.fp.read(8)) is not None


def _scale_transparent_grey(image: ImageFile.ImageFile) -> None:
    """The grey that a PNG calls transparent, stored in as few bits as its pixels, as Pillow scales those."""
    top = {"L;2": 3, "L;4": 15}.get(str(image.tile[0].args)) if image.format == "PNG" and image.tile else None
    if top and "transparency" in image.info:
        image.info["transparency"] = image.info["transparency"] * 255 // top


def _bits(image: ImageFile.ImageFile) -> int:
    """Bits per channel as stored; Pillow gives 8 for some that have more."""
    if image.mode.startswith("I;16"):
        return 16
    if image.mode in ("I", "F"):
        return 16 if image.format in ("PNG", "PPM") else 32
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(max(image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))))
    if image.format in ("PNG", "PPM") and image.tile:
        how = image.tile[0].args
        parts = how if isinstance(how, tuple) else (how,)
        deep = any(";16" in part if isinstance(part, str) else isinstance(part, int) and part > 255 for part in parts)
        return 16 if deep else 8
    if image.format == "JPEG2000" and image.fp is not None:
        image.fp.seek(0)
        codestream = image.fp.read(65536).partition(b"\xff\x4f\xff\x51")[2]
        return (codestream[38] & 0x7F) + 1 if len(codestream) > 38 else 8  # Ssiz of the first component
    if image.format == "AVIF" and image.fp is not None:
        image.fp.seek(0)
        pixi = image.fp.read(65536).partition(b"pixi")[2]  # version and flags, number of channels, bits of each
        return pixi[5] if len(pixi) > 5 else 8
    return 8


def _converted(image: Image.Image, name: object) -> Image.Image:
    """Grey (L) or RGB, without the transparency that a file may have and not use."""
    wanted = CONVERT[image.mode]
    if image.has_transparency_data:
        shown_through = image.convert("RGBA")
        opacity = np.asarray(shown_through.getchannel("A"))
        if opacity.min() < 255:
            raise BadInput(
                f"{name}: is transparent in {(opacity < 255).sum()} of {opacity.size} pixels, and what lies behind "
                "is not said; wanted: grey or RGB without transparency; put it on a background first"
            )
        return shown_through.convert(wanted)
    return image if image.mode == wanted else image.convert(wanted)


def _why_unknown(file: Path | BinaryIO) -> str:
    if isinstance(file, Path) and file.stat().st_size == 0:
        return "it is empty"
    return f"none of {', '.join(FORMATS)}"

"""What files of every kind become: pixels as viewers show them, or one sentence. A kind met again is a line in a table."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps

from exitprune.data.image_files import Pixels, _bits, decode, fit, header
from exitprune.errors import BadInput

HEIGHT, WIDTH = 24, 40
ORIENTATIONS = range(1, 9)


def scene(height: int = HEIGHT, width: int = WIDTH) -> Pixels:
    """Smooth colours, of which no side is like another."""
    row, column = np.mgrid[:height, :width]
    red, green, blue = 255 * row / height, 255 * column / width, 120 + 60 * (row > height / 2)
    return np.stack([red, green, blue], 2).astype(np.uint8)


COLOUR, GREY = scene(), scene()[..., 1]
RGB = Image.fromarray(COLOUR)


def with_alpha(value: int, place: tuple[int, int] | None = None) -> Image.Image:
    """The scene with this opacity everywhere, or in one pixel."""
    opacity = np.full((HEIGHT, WIDTH), 255 if place else value, np.uint8)
    if place:
        opacity[place] = value
    return Image.fromarray(np.dstack([COLOUR, opacity]))


def chunk(name: bytes, content: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(bits: int, kind: int, rows: np.ndarray[Any, Any]) -> bytes:
    """A PNG written by hand, of more bits than Pillow writes; `kind` is its colour type."""
    height, width = rows.shape[:2]
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def grey_with_transparent(bits: int, values: list[int], transparent: int) -> bytes:
    """A grey PNG of one row of values of few bits, one of which is said to be transparent."""
    packed = int("".join(f"{value:0{bits}b}" for value in values), 2).to_bytes(len(values) * bits // 8, "big")
    head = png(bits, 0, np.zeros((1, len(values)), np.uint16))
    return b"".join(
        (head[:33], chunk(b"tRNS", struct.pack(">H", transparent)), chunk(b"IDAT", zlib.compress(b"\0" + packed)))
    ) + chunk(b"IEND", b"")


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    file = BytesIO()
    others = [other.copy() for other in options.pop("append_images", [])]  # saving leaves marks on an image
    image.copy().save(file, form, append_images=others, **options)
    return file.getvalue()


def palette(transparency: int | bytes | None = None) -> bytes:
    """Four colours, the last of which no pixel has."""
    image = Image.fromarray((np.indices((HEIGHT, WIDTH)).sum(0) % 3).astype(np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    return saved(image, "PNG", **({} if transparency is None else {"transparency": transparency}))


FOUR_COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)[np.indices((HEIGHT, WIDTH)).sum(0) % 3]
GREY_ALPHA = Image.merge("LA", [Image.fromarray(GREY), Image.new("L", (WIDTH, HEIGHT), 255)])
DEEP = (257 * scene().astype(np.uint32)).astype(np.uint16)
FRAMES = [RGB, ImageOps.mirror(RGB), ImageOps.flip(RGB)]
PRINT = RGB.convert("CMYK")
BINARY = Image.fromarray(GREY > 100)

READ: dict[str, tuple[bytes, Pixels]] = {
    "png": (saved(RGB, "PNG"), COLOUR),
    "png, interlaced or not, grey": (saved(RGB.getchannel("G"), "PNG"), GREY),
    "png of one bit": (saved(BINARY, "PNG"), np.where(GREY > 100, 255, 0)),
    "png with an opacity that hides nothing": (saved(with_alpha(255), "PNG"), COLOUR),
    "grey png with an opacity that hides nothing": (saved(GREY_ALPHA, "PNG"), GREY),
    "png with a palette": (palette(), FOUR_COLOURS),
    "png with a transparent colour that no pixel has": (palette(3), FOUR_COLOURS),
    "png with an opacity for each colour, all opaque": (palette(b"\xff\xff\xff\x00"), FOUR_COLOURS),
    "png with a transparent RGB value that no pixel has": (saved(RGB, "PNG", transparency=(1, 2, 3)), COLOUR),
    "grey png with a transparent value that no pixel has": (saved(BINARY.convert("L"), "PNG", transparency=7),
                                                            np.where(GREY > 100, 255, 0)),
    "png of two bits with a transparent value that no pixel has": (grey_with_transparent(2, [0, 1, 3, 1], 2),
                                                                   np.array([[0, 85, 255, 85]])),
    "png of four bits with a transparent value that no pixel has": (grey_with_transparent(4, [0, 1, 15, 2], 8),
                                                                    np.array([[0, 17, 255, 34]])),
    "png with gamma and a colour profile": (saved(RGB, "PNG", icc_profile=b"any", gamma=0.45), COLOUR),
    "jpeg": (saved(RGB, "JPEG", quality=95), COLOUR),
    "grey jpeg": (saved(RGB.getchannel("G"), "JPEG", quality=95), GREY),
    "progressive jpeg": (saved(RGB, "JPEG", quality=95, progressive=True), COLOUR),
    "jpeg with the previews of a camera": (saved(RGB, "MPO", save_all=True, append_images=FRAMES[1:], quality=95), COLOUR),
    "gif": (saved(RGB.quantize(200), "GIF"), np.asarray(RGB.quantize(200).convert("RGB"))),
    "webp": (saved(RGB, "WEBP", lossless=True), COLOUR),
    "opaque webp with opacity": (saved(with_alpha(255), "WEBP", lossless=True), COLOUR),
    "avif": (saved(RGB, "AVIF", quality=100), COLOUR),
    "bmp": (saved(RGB, "BMP"), COLOUR),
    "bmp of 32 bits": (saved(with_alpha(255), "BMP"), COLOUR),
    "dib": (saved(RGB, "DIB"), COLOUR),
    "tiff": (saved(RGB, "TIFF"), COLOUR),
    "tiff, packed": (saved(RGB, "TIFF", compression="tiff_lzw"), COLOUR),
    "opaque tiff with opacity": (saved(with_alpha(255), "TIFF"), COLOUR),
    "ppm": (saved(RGB, "PPM"), COLOUR),
    "pgm": (saved(RGB.getchannel("G"), "PPM"), GREY),
    "pbm": (saved(BINARY, "PPM"), np.where(GREY > 100, 255, 0)),
    "ppm with letters after it that are no picture": (saved(RGB, "PPM") + b"\nPage 2", COLOUR),
    "jpeg 2000": (saved(RGB, "JPEG2000"), COLOUR),
    "png of one pixel": (saved(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG"), np.array([[[9, 8, 7]]])),
}  # fmt: skip

REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "it is empty"),
    "text": (b"no image", "cannot be read as an image .none of PNG, JPEG"),
    "a page that says 404": (b"<!DOCTYPE html><html>404", "cannot be read as an image"),
    "a program": (b"\x7fELF" + bytes(60), "cannot be read as an image"),
    "half a png": (saved(RGB, "PNG")[:-90], "cannot be read as an image"),
    "half a jpeg": (saved(RGB, "JPEG")[:500], "cannot be read as an image .*(?i:truncated)"),
    "half a gif": (saved(RGB.quantize(200), "GIF")[:700], "cannot be read as an image"),
    "half a webp": (saved(RGB, "WEBP")[:100], "cannot be read as an image"),
    "half a tiff": (saved(RGB, "TIFF")[:900], "cannot be read as an image"),
    "the first bytes of a png": (saved(RGB, "PNG")[:20], "cannot be read as an image"),
    "a png that says it is vast": (png(8, 0, np.zeros((1, 1)))[:16] + struct.pack(">II", 60_000, 60_000)
                                   + png(8, 0, np.zeros((1, 1)))[24:], "cannot be read as an image"),
    "a transparent pixel": (saved(with_alpha(0, (3, 4)), "PNG"), "is transparent in 1 of 960 pixels"),
    "half transparent": (saved(with_alpha(128), "PNG"), "is transparent in 960 of 960 pixels"),
    "transparent webp": (saved(with_alpha(128), "WEBP"), "is transparent in 960 of 960 pixels"),
    "a transparent colour of the palette": (palette(1), "is transparent in 320 of 960 pixels"),
    "a transparent gif": (saved(Image.new("P", (4, 4)), "GIF", transparency=0), "is transparent in 16 of 16 pixels"),
    "a transparent value of one bit": (grey_with_transparent(1, [0, 1] * 4, 1), "is transparent in 4 of 8 pixels"),
    "a transparent value of two bits": (grey_with_transparent(2, [0, 1, 3, 1], 1), "is transparent in 2 of 4 pixels"),
    "white of two bits, transparent": (grey_with_transparent(2, [0, 1, 3, 1], 3), "is transparent in 1 of 4 pixels"),
    "a transparent value of four bits": (grey_with_transparent(4, [0, 1, 15, 8], 8), "is transparent in 1 of 4 pixels"),
    "a transparent RGB value": (saved(Image.new("RGB", (4, 4), (1, 2, 3)), "PNG", transparency=(1, 2, 3)),
                                "is transparent in 16 of 16 pixels"),
    "16-bit grey png": (png(16, 0, DEEP[..., 1]), "has 16 bits per channel; wanted: 8-bit grey or RGB; convert it"),
    "48-bit png": (png(16, 2, DEEP), "has 16 bits per channel"),
    "64-bit png with opacity": (png(16, 6, np.dstack([DEEP, np.full((HEIGHT, WIDTH), 65535)])), "has 16 bits per"),
    "16-bit grey png with opacity": (png(16, 4, DEEP[..., :2]), "has 16 bits per channel"),
    "16-bit tiff": (saved(Image.fromarray(DEEP[..., 0]), "TIFF"), "has 16 bits per channel"),
    "16-bit pgm": (b"P5 2 2 65535\n" + bytes(8), "has 16 bits per channel"),
    "48-bit ppm": (b"P6 2 2 65535\n" + bytes(24), "has 16 bits per channel"),
    "10-bit ppm": (b"P6 2 2 1023\n" + bytes(24), "has 16 bits per channel"),
    "48-bit ppm as text": (b"P3 1 1 65535\n1 2 3\n", "has 16 bits per channel"),
    "16-bit jpeg 2000": (saved(Image.fromarray(DEEP[..., 0]), "JPEG2000"), "has 16 bits per channel"),
    "tiff of real numbers": (saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "has 32 bits per channel"),
    "tiff of whole numbers": (saved(Image.fromarray(GREY.astype(np.int32)), "TIFF"), "has 32 bits per channel"),
    "jpeg for print": (saved(PRINT, "JPEG"), "is of mode CMYK; wanted: 8-bit grey or RGB"),
    "tiff for print": (saved(PRINT, "TIFF"), "is of mode CMYK"),
    "tiff of Lab colours": (saved(RGB.convert("LAB"), "TIFF"), "is of mode LAB"),
    "animated gif": (saved(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]), "holds 3 pictures"),
    "animated png": (saved(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]), "holds 3 pictures"),
    "animated webp": (saved(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]), "holds 3 pictures"),
    "animated avif": (saved(FRAMES[0], "AVIF", save_all=True, append_images=FRAMES[1:]), "holds 3 pictures"),
    "tiff of several pages": (saved(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]), "holds 3 pictures"),
    "two ppm in one file": (2 * saved(RGB, "PPM"), "holds several pictures"),
    "two pgm, a blank line between": (saved(RGB.getchannel("G"), "PPM") + b"\n" + saved(RGB, "PPM"), "holds several"),
    "two pgm of 100 greys": (2 * (b"P5 2 2 100\n" + bytes(4)), "holds several pictures"),
    "two pbm": (2 * saved(BINARY, "PPM"), "holds several pictures"),
    "a format that nobody expects": (saved(RGB, "PCX"), "cannot be read as an image"),
    "PostScript, which would start a program": (saved(RGB, "EPS"), "cannot be read as an image"),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_it_is_read_as_viewers_show_it(kind: str, tmp_path: Path) -> None:
    content, expected = READ[kind]
    (tmp_path / "image").write_bytes(content)
    pixels = decode(tmp_path / "image", "it")
    assert pixels.dtype == np.uint8
    assert pixels.shape == expected.shape
    tolerance = 30 if kind.endswith(("jpeg", "camera", "2000", "avif")) else 0
    assert np.abs(pixels.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("size", [None, (8, 8)], ids=["", "resized"])
def test_it_is_refused_in_a_sentence_that_names_it(kind: str, size: tuple[int, int] | None, tmp_path: Path) -> None:
    content, sentence = REFUSED[kind]
    (tmp_path / "image").write_bytes(content)
    with pytest.raises(BadInput, match=f"^it: .*{sentence}") as refused:
        decode(tmp_path / "image", "it", size)
    assert "\n" not in str(refused.value)


def test_an_avif_of_ten_bits_is_known_by_its_header() -> None:
    header_box = BytesIO(b"....pixi\0\0\0\0\x03\x0a\x0a\x0a....")  # Pillow writes none
    assert _bits(cast(ImageFile.ImageFile, SimpleNamespace(mode="RGB", format="AVIF", fp=header_box))) == 10


def lying(orientation: int) -> Image.Image:
    """The scene as a camera stores it that is held so."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Transpose that this orientation undoes
    return RGB if orientation == 1 else RGB.transpose(Image.Transpose(undo[orientation]))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_a_photo_stands_upright_whatever_its_orientation(form: str, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {"quality": 98} if form != "TIFF" else {}
    lying(orientation).save(tmp_path / "photo", form, exif=exif, **options)
    pixels = decode(tmp_path / "photo", "it")
    assert pixels.shape == COLOUR.shape
    assert np.abs(pixels.astype(int) - COLOUR).max() <= 30
    assert header(tmp_path / "photo") == (3, (HEIGHT, WIDTH))


def test_an_orientation_said_in_xmp_alone_counts_as_viewers_have_it(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    lying(6).save(tmp_path / "photo", "JPEG", quality=98, xmp=xmp)
    assert decode(tmp_path / "photo", "it").shape == COLOUR.shape


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_a_broken_exif_block_does_not_keep_a_photo_from_being_read(exif: bytes, tmp_path: Path) -> None:
    RGB.save(tmp_path / "photo", "JPEG", exif=exif)
    assert decode(tmp_path / "photo", "it").shape == COLOUR.shape


@pytest.mark.parametrize("size", [(12, 12), (8, 20), (24, 40), (30, 10), (48, 80)])
def test_scaling_covers_the_size_and_crops_around_the_centre(size: tuple[int, int], tmp_path: Path) -> None:
    RGB.save(tmp_path / "image.png")
    pixels = decode(tmp_path / "image.png", "it", size)
    assert pixels.shape == (*size, 3)
    scale = max(size[0] / HEIGHT, size[1] / WIDTH)
    middle = COLOUR[HEIGHT // 2 - 1 : HEIGHT // 2 + 1, WIDTH // 2 - 1 : WIDTH // 2 + 1].mean((0, 1))
    row, column = size[0] // 2, size[1] // 2
    assert np.abs(pixels[row - 1 : row + 1, column - 1 : column + 1].mean((0, 1)) - middle)[:2].max() < 12
    step = 255 / WIDTH / scale  # green grows by this from column to column
    inner = pixels[row, 2:-2, 1].astype(int)
    assert np.abs(np.diff(inner) - step).max() <= step + 1.5


def test_an_image_of_the_size_is_not_touched() -> None:
    assert fit(RGB, (HEIGHT, WIDTH)) is RGB


def test_scaling_down_is_antialiased(tmp_path: Path) -> None:
    checkers = Image.fromarray(np.where(np.indices((64, 64)).sum(0) % 2, 255, 0).astype(np.uint8))
    checkers.save(tmp_path / "image.png")
    pixels = decode(tmp_path / "image.png", "it", (8, 8))
    assert np.abs(pixels.astype(int) - 128).max() <= 2


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_photo_scaled_by_its_decoder_is_what_scaling_all_pixels_gives(orientation: int, tmp_path: Path) -> None:
    photo = Image.fromarray(scene(480, 800))
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = photo if orientation == 1 else photo.transpose(Image.Transpose.ROTATE_90)
    photo.save(tmp_path / "photo.jpg", quality=95, exif=exif)
    whole = fit(Image.fromarray(decode(tmp_path / "photo.jpg", "it")), (30, 40))
    assert np.abs(decode(tmp_path / "photo.jpg", "it", (30, 40)).astype(int) - np.asarray(whole)).max() <= 8


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000"])
@settings(max_examples=40)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_image_is_read_or_refused_but_nothing_else(form: str, place: float, value: int, cut: bool) -> None:
    damaged = bytearray(saved(RGB.quantize(64) if form == "GIF" else RGB, form))
    damaged[int(place * len(damaged))] = value
    spoiled = BytesIO(damaged[: int(place * len(damaged))] if cut else damaged)
    with suppress(BadInput):
        assert decode(spoiled, "it", (4, 6)).shape[:2] == (4, 6)


def test_a_name_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a\\n\\x1b\[31m\.png: cannot be read") as refused:
        decode(BytesIO(b"no image"), tmp_path / "a\n\x1b[31m.png")
    assert str(refused.value).isprintable()

"""Reader of image files: whatever a file holds becomes 8-bit grey or colour, or an error names it.

The page docs/data-sets.md says what becomes of each kind of image.
"""

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from bench.errors import DataError, one_line

# By their content, not by their names. Pillow knows more, of which EPS would start Ghostscript.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
BACKGROUND = (255, 255, 255, 255)  # behind transparent pixels: white
ORIENTATION = 0x0112  # tag of EXIF, and its values: how to turn an image upright
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Tags of TIFF, and a value of each.
BITS, INTERPRETATION, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, SIGNED = 0, 2
# Factors to 8 bits of grey PNG files; Pillow applies them to the pixels but not to the
# transparent level.
STEPS = {"1": 255, "L;2": 85, "L;4": 17}
# Photographs with damaged EXIF data are common, and Pillow does not say which file it means.
warnings.filterwarnings("ignore", "Corrupt EXIF data|Tag data larger", UserWarning, r"PIL\.TiffImagePlugin")


def read_image(owner: str, path: str | Path, channels: int, content: bytes | None = None) -> Image.Image:
    """Return the image in a file: 8 bits per channel, upright, without transparency.

    Of an animation or of several pages, it is the first. Colour profiles are not applied.

    Args:
        owner: name of the data set, for messages.
        path: of the file.
        channels: 3 for colour (mode RGB), 1 for grey (mode L).
        content: of the file, where it lies within another; `path` then only names it in messages.

    Raises:
        DataError: the file is damaged, no regular file, no image of the `FORMATS`, too large, or
            its numbers have no range that could be scaled to 0–255; the message names the file.
    """
    try:
        if content is None and not Path(path).is_file():  # a pipe would be waited for
            raise DataError(f"{owner}: {path} is no regular file")
        with Image.open(path if content is None else BytesIO(content), formats=FORMATS) as image:
            if (reason := _unfit(image)) is None:
                return _plain(image, "RGB" if channels == 3 else "L")
    except (DataError, MemoryError):
        raise
    except UnidentifiedImageError:
        reason = f"is damaged or no image: its content is none of {', '.join(FORMATS)}"
    except Exception as error:  # Pillow raises errors of many types, few of them OSErrors
        raise DataError(f"{owner}: {path} is damaged or no image: {one_line(error)}") from None
    raise DataError(f"{owner}: {path} {reason}")


def _unfit(image: Image.Image) -> str | None:
    """Return why an image's numbers cannot be scaled to 0–255; None if they can."""
    of_16_bits = image.mode == "I" and image.format in ("PNG", "PPM")
    if image.mode == "F" or (image.mode == "I" and not of_16_bits) or _tag(image, SAMPLE_FORMAT, 1) == SIGNED:
        return (
            "holds floating-point, signed or 32-bit numbers, whose black and white are not known; "
            "save it with 8 or 16 bits per channel, without sign"
        )
    if "transparency" in image.info and _raw_mode(image) == "RGB;16B":
        return "has a transparent colour of 16 bits per channel; save it with an alpha channel or 8 bits"
    return None


def _raw_mode(image: Image.Image) -> str:
    """Return how the pixels of a PNG file are stored, which Pillow tells until it reads them."""
    tiles: Any = image.tile if isinstance(image, ImageFile.ImageFile) and image.format == "PNG" else ()
    return str(tiles[0][3]) if tiles else ""


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """Return an image that fits in the mode `RGB` or `L`, upright and without transparency."""
    if isinstance(key := image.info.get("transparency"), int):
        image.info["transparency"] = key * STEPS.get(_raw_mode(image), 1)
    image.load()
    turn = _turn(image)
    plain = _without_transparency(_eight_bits(image)).convert(mode)
    return plain if turn is None else plain.transpose(turn)


def _tag(image: Image.Image, number: int, default: int) -> int:
    """Return a tag of a TIFF file, or the default if the image is of another format."""
    value = getattr(image, "tag_v2", {}).get(number, default)
    return value[0] if isinstance(value, tuple) else value


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Return what turns an image upright by its EXIF orientation; unreadable EXIF says nothing."""
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # of many types, as the data may be anything
        return None


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return an image of 8 bits: grey of up to 16 bits scaled to 0–255, and Lab colours as RGB."""
    if image.mode == "LAB":
        return image.convert("RGB")
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    top = 2 ** _tag(image, BITS, 16) - 1
    levels = np.asarray(image).astype(np.int64)
    scaled = np.rint(levels * (255 / top)).astype(np.uint8)
    grey = Image.fromarray(255 - scaled if _tag(image, INTERPRETATION, 1) == WHITE_IS_ZERO else scaled)
    if (key := image.info.get("transparency")) is None:
        return grey
    return Image.merge("LA", (grey, Image.fromarray(np.where(levels == key, 0, 255).astype(np.uint8))))


def _without_transparency(image: Image.Image) -> Image.Image:
    """Return the image on the background; as it is if no pixel is transparent."""
    if not image.has_transparency_data:
        return image
    whole = image.convert("RGBA")
    alpha = whole.getchannel("A").getextrema()
    if alpha == (255, 255) or (alpha == (0, 0) and image.format == "BMP"):  # whose writers often leave it at 0
        image.info.pop("transparency", None)
        return image
    return Image.alpha_composite(Image.new("RGBA", whole.size, BACKGROUND), whole).convert("RGB")

"""Small pictures of images for the page, each embedded once however often it is shown."""

import base64
import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

SIDE = 64  # pixels; larger images are made smaller
MOST_BYTES = 1_500_000  # of all thumbnails of a page, as base64
Pixels = UInt8[np.ndarray, "channels height width"]


class Thumbnails:
    """Pictures by key, such as a data set and a place in it, up to a size in all."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.size = 0

    def add(self, key: str, pixels: Pixels) -> bool:
        """Embed an image unless it is there; return whether it is there now."""
        if key in self.found:
            return True
        if self.size > MOST_BYTES:
            return False
        self.found[key] = address(pixels)
        self.size += len(self.found[key])
        return True


def address(pixels: Pixels) -> str:
    """Return an image as a `data:` address: a PNG if it is small, else a JPEG of 64 pixels."""
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)).squeeze())
    small = max(picture.size) <= SIDE
    kind = "PNG" if small else "JPEG"
    if not small:
        picture.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    picture.save(file, kind, **({"optimize": True} if small else {"quality": 80}))
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"

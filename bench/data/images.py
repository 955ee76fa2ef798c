"""Image sets: a tensor on the device, or a memory-mapped file that is read ahead of use."""

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from bench.data.prefetch import ahead
from bench.errors import DataError, one_line

# Batches read ahead, and threads that read them: with two, their waits for the disk overlap.
AHEAD, READERS = 4, 2
# Largest share of the free GPU memory that mapped images may take to be moved there.
GPU_SHARE = 1 / 4
CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False, repr=False)
class MappedImages:
    """Images (N, C, H, W), uint8, in a memory-mapped .npy file; images are read when indexed.

    Pickling stores the path and the indices, so the file must exist where it is unpickled.
    """

    path: Path
    file: UInt8[np.ndarray, "m channels height width"]  # mapped read-only
    places: Int[np.ndarray, " n"] | None = None  # indices of the images in the file; None: all
    device: torch.device = CPU  # to which images that were read are moved

    dtype = torch.uint8
    ndim = 4

    @classmethod
    def open(cls, path: Path) -> "MappedImages":
        """Map a file of images.

        Raises:
            DataError: the file is missing or truncated, or holds no uint8 array (N, C, H, W).
        """
        try:
            found = np.asarray(np.lib.format.open_memmap(path, mode="r"))
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path} cannot be mapped: {one_line(error)}") from None
        if found.dtype != np.uint8 or found.ndim != 4:
            raise DataError(f"{path}: images must be uint8 (N, C, H, W), got {found.dtype} {found.shape}")
        return cls(path.absolute(), found)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape (N, C, H, W)."""
        _, channels, height, width = self.file.shape
        return len(self), channels, height, width

    def __len__(self) -> int:
        return len(self.file if self.places is None else self.places)

    def __getitem__(self, index: Int[Tensor, " k"] | slice) -> UInt8[Tensor, "k channels height width"]:
        """Read images and return them on the device."""
        if isinstance(index, slice):
            index = torch.arange(*index.indices(len(self)))
        return self.read(index.cpu()).to(self.device)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.path, self.places, self.device)

    def read(self, index: Int[Tensor, " k"]) -> UInt8[Tensor, "k channels height width"]:
        """Return images in CPU memory, page-locked if the device is a GPU.

        Args:
            index: of the images, on the CPU.
        """
        places = index.numpy() if self.places is None else self.places[index.numpy()]
        images = torch.from_numpy(self.file[places])
        return images.pin_memory() if self.device.type == "cuda" else images

    def part(self, places: Int[np.ndarray, " k"]) -> "MappedImages":
        """Return a subset of the images without reading them."""
        return dataclasses.replace(self, places=places if self.places is None else self.places[places])

    def to(self, device: str) -> "ImageSet":
        """Return the images for a device.

        They move into GPU memory if they take at most `GPU_SHARE` of what is free, else stay
        mapped.
        """
        there = dataclasses.replace(self, device=torch.device(device))
        if there.device.type != "cuda":
            return there
        free, _ = torch.cuda.mem_get_info(there.device)
        return there if self.file[:1].nbytes * len(self) > GPU_SHARE * free else _moved(there)

    def numpy(self) -> UInt8[np.ndarray, "n channels height width"]:
        """Return the images as an array; it stays mapped if it is the whole file."""
        return self.file if self.places is None else self.file[self.places]


ImageSet = UInt8[Tensor, "_ channels height width"] | MappedImages
Order = Iterable[Int[Tensor, "_"]]  # batches of indices


def part(images: ImageSet, places: Int[np.ndarray, " k"]) -> ImageSet:
    """Return a subset of the images; mapped images are not read."""
    return images.part(places) if isinstance(images, MappedImages) else images[torch.from_numpy(places)]


@contextmanager
def reading(images: ImageSet, order: Order) -> Iterator[Iterator[tuple[Tensor, Tensor]]]:
    """Yield an iterator over (index, images) for each batch of indices, on the images' device.

    Mapped images are read ahead by threads, which end with the `with` block.
    """
    if isinstance(images, MappedImages):
        indices = list(order)
        with closing(ahead(images.read, _on_cpu(indices), AHEAD, READERS)) as found:
            there = (batch.to(images.device, non_blocking=True) for batch in found)
            yield zip(indices, there, strict=True)
    else:
        yield ((index, images[index]) for index in order)


def in_order(images: ImageSet, batch_size: int) -> Order:
    """Return batches of indices that go through the images once, in order."""
    return torch.arange(len(images), device=images.device).split(batch_size)


def _on_cpu(indices: list[Tensor]) -> Order:
    """Return the batches of indices on the CPU.

    They move in one copy: a copy per batch would wait for the device each time.
    """
    return torch.cat(indices).cpu().split([len(index) for index in indices]) if indices else ()


def _moved(images: MappedImages) -> Tensor:
    moved = torch.empty(images.shape, dtype=torch.uint8, device=images.device)
    with reading(images, in_order(images, 1000)) as batches:
        for index, batch in batches:
            moved[index] = batch
    return moved


def _reopened(path: Path, places: np.ndarray | None, device: torch.device) -> MappedImages:
    return dataclasses.replace(MappedImages.open(path), places=places, device=device)

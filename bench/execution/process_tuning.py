"""Settings of a process that has a single run: its threads, and memory it keeps when freed."""

import ctypes
import sys

import torch

# Names and the highest value of glibc's malloc.h; the mmap threshold may not exceed half of a heap.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
HIGHEST_TRIM, HIGHEST_MMAP = 2**31 - 1, 2**25


def dedicate(threads: int) -> None:
    """Give this process so many CPU threads, and let it keep the memory that it frees."""
    torch.set_num_threads(threads)
    keep_freed_memory()


def keep_freed_memory() -> None:
    """Have glibc's malloc keep blocks up to 32 MiB for the next step; do nothing without glibc.

    A training step takes and frees the same blocks as the one before. Each time they go back to the
    system, the next step pays a page fault for every 4 KiB of them.
    """
    if sys.platform != "linux":
        return  # glibc is Linux's; elsewhere a library without a name may not be opened
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, HIGHEST_MMAP)
        mallopt(M_TRIM_THRESHOLD, HIGHEST_TRIM)

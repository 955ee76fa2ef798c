"""Order of labels as people expect it: by text, and by the size of the numbers in it."""

import re


def natural(label: str) -> list[float | str]:
    """Return a key that sorts labels by text and the numbers in it, a sign after `=` included."""
    parts = re.split(r"((?:(?<==)-)?\d+(?:\.\d+)?(?:e[-+]?\d+)?)", label)
    return [float(part) if place % 2 else part for place, part in enumerate(parts)]

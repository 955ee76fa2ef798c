"""Listing of the files in a folder that people put there, such as plugins, recipes and presets."""

from pathlib import Path


def visible_files(folder: Path, pattern: str = "*") -> list[Path]:
    """Return a folder's regular files, or links to such, that fit a pattern, sorted.

    Left out are hidden names (editors' locks, `.DS_Store`), folders, pipes and links to nothing,
    and names that are not UTF-8, which nobody can type or print.
    """
    return sorted(path for path in folder.glob(pattern) if is_visible(path) and path.is_file())


def is_visible(path: Path) -> bool:
    """Return whether a path's last part is text and does not begin with a dot."""
    return not path.name.startswith(".") and path.name.isprintable()

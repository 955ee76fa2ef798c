"""Lines of a page without the paths of the machine that made it, as a page is passed on."""

from pathlib import Path

from bench.escaping import printable


def portable(line: str, results: Path, data_root: Path) -> str:
    """Return a line in which runs are named by their place in the results folder.

    >>> portable("/a/b/runs/mnist has none", Path("/a/b"), Path("/data"))
    'runs/mnist has none'
    """
    for folder in {results, results.absolute()}:
        line = line.replace(f"{folder}/", "")
    if data_root.is_absolute():
        line = line.replace(f"{data_root}/", "").replace(str(data_root), "the data folder")
    return printable(line)

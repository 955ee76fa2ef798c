"""Content hash of files, which identifies data given by path wherever they are stored."""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.data.decoding_cache import cache_folder, state
from bench.files.atomic import replace_file


def content_hash(folder: Path, paths: Sequence[str]) -> str:
    """Return a hash of the content of files and of their names relative to a folder.

    The hash is cached under the files' names, sizes and modification times, so that unchanged files
    are read only once.

    Args:
        folder: that holds the files.
        paths: of the files, each starting with `folder`; their order does not matter.

    Raises:
        OSError: a file cannot be read.
    """
    ordered = sorted(paths)
    kept = cache_folder() / "content" / state(folder, ordered)
    with suppress(OSError):
        if re.fullmatch(rb"[0-9a-f]{12}", found := kept.read_bytes()):  # whatever became of the file
            return found.decode()
    digest = hashlib.sha256()
    for path in ordered:
        with Path(path).open("rb") as file:
            digest.update(path.removeprefix(str(folder)).encode("utf-8", "surrogateescape") + b"\0")
            digest.update(hashlib.file_digest(file, "sha256").digest())
    made = digest.hexdigest()[:12]
    with suppress(OSError), replace_file(kept) as file:
        file.write(made.encode())
    return made

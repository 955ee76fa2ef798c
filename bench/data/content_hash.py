"""Content hash of files, which identifies data given by path wherever they are stored."""

import hashlib
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.data.decoding_cache import state, unreadable
from bench.files.atomic import replace_file
from bench.files.cache_place import cache_folder


def content_hash(folder: Path, paths: Sequence[str]) -> str:
    """Return a hash of the content of files and of their names relative to a folder.

    The hash is cached under the files' places, sizes and modification times, so that unchanged
    files are read only once.

    Args:
        folder: that holds the files; or the only file, whose name then does not count.
        paths: of the files, each starting with `folder`; their order does not matter.

    Raises:
        DataError: a file cannot be read; the message names it.
    """
    ordered = sorted(paths)
    place = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:8]
    kept = cache_folder() / "content" / f"{state(folder, ordered)}-{place}"
    with suppress(OSError):
        if kept.is_file() and re.fullmatch(rb"[0-9a-f]{12}", found := kept.read_bytes()):
            return found.decode()  # else it was torn or replaced
    made = _hash(folder, ordered)
    with suppress(OSError), replace_file(kept) as file:
        file.write(made.encode())
    return made


def _hash(folder: Path, ordered: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for path in ordered:
        digest.update(path.removeprefix(str(folder)).encode("utf-8", "surrogateescape") + b"\0")
        try:
            with Path(path).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise unreadable(path, error) from None
    return digest.hexdigest()[:12]

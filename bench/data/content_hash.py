"""A hash of files by what they hold, so that data given by path count by content and never by place."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.data.decoding_cache import cache_folder, state
from bench.files.atomic import replace_file


def content_hash(folder: Path, paths: Sequence[str]) -> str:
    """Return a hash of files' names below a folder and of their content.

    It is kept under the hash of their names, sizes and times, so that files that did not change are read once.

    Args:
        folder: that holds the files.
        paths: of the files, each beginning with `folder`; their order does not count.

    Raises:
        OSError: a file cannot be read.
    """
    ordered = sorted(paths)
    kept = cache_folder() / "content" / state(folder, ordered)
    with suppress(OSError):
        return kept.read_text(encoding="ascii")
    digest = hashlib.sha256()
    for path in ordered:
        with Path(path).open("rb") as file:
            digest.update(path.removeprefix(str(folder)).encode("utf-8", "surrogateescape") + b"\0")
            digest.update(hashlib.file_digest(file, "sha256").digest())
    found = digest.hexdigest()[:12]
    with suppress(OSError), replace_file(kept) as file:
        file.write(found.encode())
    return found

"""Files with published MD5 sums, and others in their layout, which count by their content."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from bench.api import DataError, content_hash, missing, one_line


class Published(NamedTuple):
    """The files of a published data set: paths below the data root, with their MD5 sums.

    Other files in the same layout, such as a part of the data set, are read too. They are told, and
    runs on them are other runs.
    """

    name: str
    sums: dict[str, str]

    def content(self, root: Path) -> str | None:
        """Return a hash of the files if they are there and not the published ones, else None."""
        if self._absent(root) or not self._others(root):
            return None
        return content_hash(root, [str(root / path) for path in self.sums])

    def notes(self, root: Path) -> list[str]:
        """Return a remark on files that are not the published ones."""
        others = [] if self._absent(root) else self._others(root)
        said = "the published file has another MD5 sum, so runs on this one count by its content"
        return [f"{self.name}: {root / path}: {said}" for path in others]

    def require(self, root: Path) -> None:
        """Check that all files are there.

        Raises:
            DataError: one is missing.
        """
        if self._absent(root):
            raise missing(self.name, root, list(self.sums))

    def require_whole(self, root: Path, path: str, size: int, published_size: int) -> None:
        """Check that a file with as many images as the published one is the published one.

        Raises:
            DataError: it has another MD5 sum, so it is damaged.
        """
        if size == published_size and self._md5(root / path) != self.sums[path]:
            raise self.damaged(root, path, "its MD5 sum is not the published one")

    def damaged(self, root: Path, path: str, reason: str | Exception) -> DataError:
        """Return the error for a damaged file."""
        said = one_line(reason) if isinstance(reason, Exception) else reason
        return DataError(
            f"{self.name}: {root / path} is damaged ({said}); delete it and pass --download to fetch it again"
        )

    def _absent(self, root: Path) -> list[str]:
        return [path for path in self.sums if not (root / path).is_file()]

    def _others(self, root: Path) -> list[str]:
        return [path for path, md5 in self.sums.items() if self._md5(root / path) != md5]

    def _md5(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        except OSError as error:
            raise DataError(f"{self.name}: {path} cannot be read: {error.strerror}") from None

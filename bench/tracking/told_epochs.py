"""How many epochs of a run a tracker was told; kept in files, for a process that resumes."""

from pathlib import Path

from bench.files.atomic import write_text


class ToldEpochs:
    """Numbers of epochs by the runs' identities, in a folder.

    Args:
        folder: that is made when the first number is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, identity: str) -> int:
        """Return how many epochs were told; 0 for a run that was not begun, or has ended."""
        try:
            return int((self.folder / identity).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return 0

    def keep(self, identity: str, epochs: int) -> None:
        """Keep a run's number."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / identity, str(epochs))

    def forget(self, identity: str) -> None:
        """Forget a run that has ended."""
        (self.folder / identity).unlink(missing_ok=True)

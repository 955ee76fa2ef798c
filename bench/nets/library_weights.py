"""Weights that libraries publish: fetched once, and known by name and content."""

import hashlib
import warnings
from functools import cache
from pathlib import Path
from urllib.parse import urlparse

from bench.errors import Note, UsageError, one_line
from bench.nets.architecture import Architecture, Published
from bench.recipe import Weights


def resolved(architecture: Architecture, weights: Weights | None) -> Weights | None:
    """Return a recipe's weights; those of a library with their name and the hash of their content.

    Raises:
        UsageError: the library has none of this name, or they cannot be fetched.
    """
    if weights is None or not weights.of_library:
        return weights
    return weights.model_copy(update={"source": _source(architecture.published(weights.tag))})


def checked_file(published: Published, weights: Weights) -> Path:
    """Return the file of published weights, once its content is that which the recipe names.

    Raises:
        UsageError: it is another.
    """
    if (found := _source(published)) != weights.source:
        raise UsageError(
            f"{published.file} holds {found}, but the run is of {weights.source}; delete it to fetch it anew"
        )
    return published.file


def _source(published: Published) -> str:
    return f"{published.name} {_digest(published.file, published.file.stat().st_mtime_ns)}"


@cache
def _digest(path: Path, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def fetched(name: str, url: str) -> Path:
    """Return the file behind an address, in torch's cache of checkpoints; fetch it if need be.

    Args:
        name: of the weights in messages.
        url: whose file name ends with the first digits of the file's SHA-256: `NAME-12ab34cd.pth`.

    Raises:
        UsageError: it cannot be fetched.
    """
    from torch import hub

    path = Path(hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    if not path.is_file():
        tell(name, url)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            digits = hub.HASH_REGEX.search(path.name)
            hub.download_url_to_file(url, str(path), digits and digits.group(1), progress=False)
        except Exception as error:
            raise not_fetched(name, url, error) from None
    return path


def tell(name: str, place: str) -> None:
    """Say that weights are being fetched, which may take minutes."""
    warnings.warn(f"fetches the weights {name} from {place}", Note, stacklevel=2)


def not_fetched(name: str, place: str, error: Exception) -> UsageError:
    """Return the error for weights that cannot be fetched."""
    return UsageError(
        f"recipe.pretrained=library: the weights {name} are not here, and cannot be fetched from {place}: "
        f"{one_line(error)}"
    )

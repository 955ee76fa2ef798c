"""Data in a page: JSON that no text in it can end, large blocks compressed until a view opens."""

import base64
import gzip
import json
import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

# What could end a script element or a line of one; JSON has other spellings of the same text.
ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def plain(name: str, content: object) -> Markup:
    """Return a script element that holds JSON as text, to be parsed when the page opens."""
    return Markup('<script type="application/json" id="{}">{}</script>').format(name, Markup(encoded(content)))


def packed(name: str, content: object) -> Markup:
    """Return a script element that holds compressed JSON, to be unpacked when a view needs it."""
    squeezed = gzip.compress(encoded(content).encode(), compresslevel=6, mtime=0)
    text = base64.b64encode(squeezed).decode()
    return Markup('<script type="application/gzip" id="{}">{}</script>').format(name, text)


def encoded(content: object) -> str:
    r"""Return content as JSON that is harmless in a script element; what is not finite is null.

    >>> encoded(["</script>", float("nan")])
    '["\\u003c/script\\u003e",null]'
    """
    said = json.dumps(_finite(content), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return said.translate(ESCAPED)


def short(number: float | int | None, digits: int = 6) -> float | None:
    """Return a number with so many significant digits; None for one that is not finite.

    >>> short(0.123456789), short(float("nan"))
    (0.123457, None)
    """
    if number is None or not math.isfinite(number):
        return None
    return float(f"{number:.{digits}g}")


def _finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Mapping):
        return {str(key): _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return content

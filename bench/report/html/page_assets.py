"""The page's own style and scripts, and the plotting library, as texts to put into a page."""

import base64
import contextlib
import hashlib
import re
from functools import cache
from importlib.metadata import version
from importlib.resources import files

from bench.files.atomic import write_text
from bench.files.cache_place import cache_folder

STYLES = ("tokens", "page", "pickers", "tables", "plots", "images", "print")
# Each module stands after those that it uses: in the page they are one script.
SCRIPTS = (
    "elements", "payload", "choice", "numbers", "theme", "tooltip", "plot", "legend", "copying", "table",
    "pickers", "runs_dialog", "answer", "metric", "rejection", "reliability", "histograms", "image_grid",
    "training", "confusion", "ranks", "further_tables", "sections", "main",
)  # fmt: skip
# Pages from disk cannot load one module from another, so that imports become reads of an object.
IMPORT = re.compile(r'^import (\{.*\}) from "\./(\w+)\.js";$', re.MULTILINE)
GLOBALS = "window.vegaEmbed = vegaEmbed;"
EXPORT = re.compile(r"^export ((?:async )?(?:function|const) (\w+))", re.MULTILINE)


@cache
def style() -> str:
    """Return the style sheet."""
    return "\n".join(_read(f"style/{name}.css") for name in STYLES)


@cache
def script() -> str:
    """Return all modules as one script, each in a scope of its own."""
    return "\n".join(["const modules = {};", *map(_module, SCRIPTS)])


def _module(name: str) -> str:
    source = _read(f"script/{name}.js")
    exported = ", ".join(match.group(2) for match in EXPORT.finditer(source))
    body = EXPORT.sub(r"\1", IMPORT.sub(r"const \1 = modules.\2;", source))
    return f"modules.{name} = (() => {{\n{body}return {{ {exported} }};\n}})();"


@cache
def plotting_library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script, which sets `window.vegaEmbed`.

    It takes a second to make, so that it is kept in the cache, where that can be written.
    """
    kept = cache_folder() / f"vega-{version('vl-convert-python')}.js"
    try:
        return kept.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        made = _bundle()
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_text(kept, made)
    return made


def _bundle() -> str:
    import vl_convert  # which no other command needs

    bundle: str = vl_convert.javascript_bundle(GLOBALS)
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def template() -> str:
    """Return the page's template."""
    return _read("page.html.jinja")


def source_hash(text: str) -> str:
    """Return the hash by which a content security policy allows an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")

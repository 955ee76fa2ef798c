"""`bench new`: write a plugin that works, with its test, to start from."""

import keyword
import re
import shlex
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from bench.errors import UsageError, unknown
from bench.escaping import printable
from bench.files.atomic import write_text
from bench.nets.backbone_names import BUILT_IN
from bench.options import path_of
from bench.plugins.registry import RESERVED_SCORES, SINGULAR, Kind, Registry, builtin_folder, plugin_name

TEMPLATES = Path(__file__).parent / "templates"
KINDS: dict[str, Kind] = {
    "method": "methods",
    "dataset": "datasets",
    "backbone": "backbones",
    "score": "scores",
}
OF_THE_CLONE = ("method", "dataset")


def new(
    kind: Annotated[str, typer.Argument(help="method, dataset, backbone or score.")],
    name: Annotated[str, typer.Argument(help="Name of the plugin, such as my_idea.")],
    plugins: Annotated[
        Path | None,
        typer.Option(help="The folder that gets the files; without it the clone, for a method or a data set."),
    ] = None,
) -> None:
    """Write a commented, working plugin together with its test.

    \b
    Examples:
      bench new method my_idea
      bench new dataset my_data --plugins ~/ideas
      bench new backbone my_net --plugins ~/ideas
      bench new score my_score --plugins ~/ideas
    """
    plugins = None if plugins is None else path_of(plugins, "--plugins")
    for path in write_plugin(kind, name, plugins):
        print(printable(path))
    print(printable(f"Next: {next_step(name, plugins)}"))


def write_plugin(kind: str, name: str, folder: Path | None) -> list[Path]:
    """Write a plugin and its test, and return the files.

    Args:
        kind: `method`, `dataset`, `backbone` or `score`.
        name: the plugin's name, such as `my_idea` or `my-idea`.
        folder: gets the files in `methods/`, `datasets/`, `backbones/` or `scores/`, and in
            `tests/`; None is the clone, which has folders for methods and data sets only.

    Raises:
        UsageError: an unknown kind, an unfit or taken name, a file in the way, or no clone.
    """
    if kind not in KINDS:
        raise unknown("kind of plugin", kind, KINDS)
    stem = _stem(name)
    if kind not in OF_THE_CLONE and folder is None:
        raise UsageError(f"a {kind} of your own lies in a folder of your own: pass --plugins DIR")
    root = _clone() if folder is None else folder
    _refuse_taken(KINDS[kind], stem)
    files = _contents(root, KINDS[kind], stem)
    for path in files:
        if path.exists():
            raise UsageError(f"{path} is there already: choose another name, or delete it")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return list(files)


def next_step(name: str, folder: Path | None) -> str:
    """Return the command that checks what was written."""
    return shlex.join(
        [
            "python",
            "-m",
            "bench",
            "check",
            plugin_name(name),
            *(() if folder is None else ("--plugins", str(folder))),
        ]
    )


def _stem(name: str) -> str:
    stem = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", stem) or keyword.iskeyword(stem):
        raise UsageError(f"{name!r} is no name of a plugin: use lower-case letters, digits and _, such as my_idea")
    return stem


def _clone() -> Path:
    root = builtin_folder()
    if not (root / "pyproject.toml").is_file():
        raise UsageError("the package is installed, not a clone: pass --plugins DIR, where the files are to go")
    return root


def _refuse_taken(kind: Kind, stem: str) -> None:
    name = plugin_name(stem)
    reserved = {"backbones": BUILT_IN, "scores": RESERVED_SCORES}
    taken = {*Registry().all(kind), *reserved.get(kind, ())}
    if name in taken:
        raise UsageError(f"there is a {SINGULAR[kind]} {name} already: choose another name")


def _contents(root: Path, kind: Kind, stem: str) -> dict[Path, str]:
    """Return what to write, by file."""
    words = {
        "stem": stem,
        "name": plugin_name(stem),
        "title": stem.replace("_", " ").strip().capitalize(),
        "class_name": "".join(part.capitalize() for part in stem.split("_")),
    }
    templates = {
        root / kind / f"{stem}.py": f"{kind}.txt",
        root / "tests" / kind / f"test_{stem}.py": f"test_{kind}.txt",
    }
    if kind == "datasets":
        templates[root / kind / f"{stem}.toml"] = "recipe.txt"
    return {
        path: Template((TEMPLATES / name).read_text(encoding="utf-8")).substitute(words)
        for path, name in templates.items()
    }

"""Source of a run's plugins as text, for people to read; nothing here or elsewhere executes it.

`sources.json` of a run holds each file by a path such as `methods/my_idea.py`, with the hash of its
bytes and its lines. The harness's own plugins are left out: their version names them.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field, RootModel, ValidationError, field_validator

from bench.files.reading import parse_json
from bench.plugins.registry import Plugin, builtin_folder
from bench.plugins.source import source_files
from bench.store.file_sources import SOURCES, RunFiles, json_bytes, read_checked
from bench.store.record_models import HASH, Stored

MOST_FILES, MOST_TEXT = 200, 2**20  # of a run; files beyond so many bytes are named without their text
PLACE = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*")  # below a folder, none of its parts hidden
LONGEST = 200  # characters of a place


class SourceFile(Stored):
    """A file of a plugin."""

    sha256: Annotated[str, Field(pattern=HASH)]  # of its bytes
    lines: list[str] | None  # None: left out, as it is too large


class Sources(RootModel[dict[str, SourceFile]]):
    """The files of a run's plugins by their places."""

    @field_validator("root")
    @classmethod
    def _has_few_safe_names(cls, files: dict[str, SourceFile]) -> dict[str, SourceFile]:
        if len(files) > MOST_FILES:
            raise ValueError(f"it names {len(files)} files, more than {MOST_FILES}")
        for name in files:
            if len(name) > LONGEST or not PLACE.fullmatch(name):
                raise ValueError(f"{name!r:.80} is no place of a source file")
        return files


def sources_of(plugins: Iterable[Plugin]) -> dict[str, bytes]:
    """Return the files of plugins that are not the harness's own, by places such as `methods/a.py`.

    These are the plugin's file, those that it imports from its folder or package, and the TOML file
    beside a data set. What cannot be read or parsed by now is left out.
    """
    found: dict[str, bytes] = {}
    for plugin in plugins:
        try:
            found |= {} if _is_own(plugin) else _files_of(plugin)
        except (OSError, SyntaxError, ValueError):  # it was changed after it was imported
            continue
    return found


def _is_own(plugin: Plugin) -> bool:
    return plugin.module is None and plugin.path.parent == builtin_folder() / plugin.kind


def _files_of(plugin: Plugin) -> dict[str, bytes]:
    top = plugin.kind if plugin.module is None else plugin.module.partition(".")[0]
    paths = {f"{top}/{name}": path for name, path in source_files(plugin.path, plugin.module).items()}
    if plugin.kind == "datasets" and (recipe := plugin.recipe):
        paths[f"{top}/{recipe.name}"] = recipe
    return {name: path.read_bytes() for name, path in paths.items()}


def written(files: Mapping[str, bytes]) -> bytes:
    """Return the content of `sources.json` for files by their places."""
    kept, size = dict[str, dict[str, object]](), 0
    for name, content in sorted(files.items()):
        if len(kept) == MOST_FILES or len(name) > LONGEST or not PLACE.fullmatch(name):
            continue
        size += len(content)
        text = content.decode("utf-8", errors="replace") if size <= MOST_TEXT else None
        digest = hashlib.sha256(content).hexdigest()
        kept[name] = {"sha256": digest, "lines": None if text is None else text.split("\n")}
    return json_bytes(kept)


def read_sources(files: RunFiles) -> dict[str, str]:
    """Return the texts that a run holds of its plugins by place; empty if it holds none.

    Raises:
        ValueError: its file is not as it was written.
    """
    if SOURCES not in files.names():
        return {}
    try:
        found = Sources.model_validate(parse_json(read_checked(files, (SOURCES,))[SOURCES])).root
    except ValidationError as error:
        raise ValueError(f"{SOURCES} is not as runs write it: {error.errors()[0]['msg']}") from None
    except RecursionError:
        raise ValueError(f"{SOURCES} is nested too deeply") from None
    left_out = "# This file is too large to travel with its run."
    return {name: left_out if each.lines is None else "\n".join(each.lines) for name, each in found.items()}

"""Test bed of a data set: it is read from its own files."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.checks.outcomes import CheckSkipped
from bench.data.dataset import DataSet, Source
from bench.errors import DataError
from bench.plugins.hyperparameters import required, resolve
from bench.plugins.registry import Plugin


class DataSetBed:
    """A data set on its own files; checks that need missing files are skipped.

    Args:
        plugin: of the data set.
        settings: its options; defaults for the others.
        root: the folder of the data sets.
    """

    def __init__(self, plugin: Plugin, settings: Mapping[str, Any], root: Path) -> None:
        self.plugin, self.settings, self.root = plugin, dict(settings), root
        self.broken = ""  # title of the basic check that failed; the others are then skipped

    def check_settings(self) -> None:
        """Check the given options.

        Raises:
            UsageError: one is unknown or invalid.
        """
        if self.settings:
            resolve(self.plugin.name, self.plugin.load(), self.settings)

    @cached_property
    def source(self) -> Source:
        """The data set's loader.

        Raises:
            CheckSkipped: a required option was not given.
        """
        cls = self.plugin.load()
        missing = [name for name in required(cls) if name not in self.settings]
        if missing:
            name = self.plugin.name
            raise CheckSkipped(f"it needs {missing[0]}: pass --set {name}.{missing[0]}=VALUE")
        source: Source = cls(**resolve(self.plugin.name, cls, self.settings))
        return source

    @cached_property
    def data(self) -> DataSet:
        """The data set, read once."""
        return self.read()

    def read(self) -> DataSet:
        """Read the data set again.

        Raises:
            CheckSkipped: its files are missing.
        """
        try:
            return self.source.load(self.root, False)
        except DataError as error:
            raise CheckSkipped(str(error)) from None

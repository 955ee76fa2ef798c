"""Imports matplotlib whatever backend its environment names: figures are drawn without one."""

import os
import warnings

try:
    import matplotlib
except ValueError as error:
    # It is read at the import alone, so that processes begun later must not find it either.
    asked = os.environ.pop("MPLBACKEND", None)
    if asked is None:
        raise
    import matplotlib  # noqa: F401

    said = str(error).partition(";")[0]
    warnings.warn(f"MPLBACKEND={asked} is left aside, figures need no backend: {said}", stacklevel=1)

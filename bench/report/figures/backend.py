"""Imports matplotlib whatever backend its environment names: figures are drawn without one."""

import os
import sys
import warnings


def import_matplotlib() -> None:
    """Import matplotlib; warn of a MPLBACKEND that it would refuse to be imported with.

    Such a variable is removed, so that processes begun later do not find it either.
    """
    if "matplotlib" in sys.modules:
        return
    asked = os.environ.pop("MPLBACKEND", "")
    import matplotlib

    if not asked:
        return
    try:
        matplotlib.rcParams["backend"] = asked
        os.environ["MPLBACKEND"] = asked
    except ValueError as error:
        said = str(error).partition(";")[0]
        warnings.warn(f"MPLBACKEND={asked} is left aside, figures need no backend: {said}", stacklevel=2)


import_matplotlib()

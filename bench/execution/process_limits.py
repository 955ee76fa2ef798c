"""Limits of this machine that would end worker processes without telling why."""

import multiprocessing.util
import os
import sys

from bench.errors import UsageError

SOCKET_PATH = 107 if sys.platform == "linux" else 103  # bytes of a socket's path
SOCKET = "/listener-12345678"  # that Python makes in a folder for temporary files
THREADS = 64  # that may be asked for on any machine; with some 10,000 libraries abort
FILES, FILES_OF_WORKER = 12, 4  # that a program keeps open, and for each worker process


def check_threads(threads: int) -> None:
    """Check that a run can have so many CPU threads.

    Raises:
        UsageError: there are more than this machine could use.
    """
    cores = os.cpu_count() or 1
    if threads > max(cores, THREADS):
        raise UsageError(f"--threads {threads}: must be {max(cores, THREADS)} at most here, with {cores} cores")


def check_processes(jobs: int) -> None:
    """Check that so many worker processes can be started.

    Raises:
        UsageError: too few files may be open, or the path of temporary files is too long.
        OSError: there is no folder for temporary files.
    """
    _check_socket(multiprocessing.util.get_temp_dir())
    needed, limit = FILES + FILES_OF_WORKER * jobs, _open_files()
    if limit is not None and needed > limit:
        raise UsageError(
            f"--jobs {jobs}: needs some {needed} open files, a program may have {limit} here; "
            f"raise that by `ulimit -n {needed}`, or pass fewer --jobs"
        )


def _check_socket(folder: str) -> None:
    length = len(os.fsencode(folder + SOCKET))
    if length > SOCKET_PATH:
        raise UsageError(
            f"TMPDIR {os.path.dirname(folder)}: worker processes need sockets there, whose paths would have "  # noqa: PTH120
            f"{length} bytes, {SOCKET_PATH} at most; set a shorter TMPDIR, or pass --jobs 0"
        )


def _open_files() -> int | None:
    """Return how many files a program may have open, None if there is no limit that it knows of."""
    try:
        import resource
    except ModuleNotFoundError:  # on Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if limit == resource.RLIM_INFINITY else limit

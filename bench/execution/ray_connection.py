"""Joins a Ray cluster, or starts Ray on this machine so that no other machine or user reaches it.

Whoever reaches a Ray port can run code as the user who started Ray. So Ray on one machine listens
on the loopback interface alone, and asks for a token that only its own processes know.
"""

import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants
from ray.exceptions import AuthenticationError, RayError

from bench.errors import UsageError, one_line

raylet: Any = import_module("ray._raylet")  # compiled, without types for what is used here
LOOPBACK = "127.0.0.1"
TOKEN = (
    "if it asks for a token, set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the token "
    "that it was started with"
)
CALM: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}


def connect(address: str | None) -> None:
    """Join a cluster, whose machines get this package, or start one on this machine alone.

    Raises:
        UsageError: nothing answers at the address, the cluster refuses, or Ray does not start.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    package = {"py_modules": [str(Path(__file__).parents[1])]}
    try:
        if address is None:
            _start_alone(package)
        else:
            _look_for(address)
            ray.init(address=address, runtime_env=package, **CALM)
    except (ConnectionError, AuthenticationError) as error:  # Ray says either where a token is wrong
        raise UsageError(f"--address {address}: no Ray cluster lets us in: {_reason(error)}; {TOKEN}") from None
    except (OSError, ValueError, RuntimeError, RayError) as error:
        asked = f"--address {address}: there is no Ray cluster" if address else "Ray does not start here"
        raise UsageError(f"{asked}: {one_line(error)}") from None


def _reason(error: Exception) -> str:
    """Return why Ray does not connect; its own words on tokens tell how to make a new one."""
    return "the token is missing or wrong" if isinstance(error, AuthenticationError) else one_line(error)


def disconnect() -> None:
    """Leave the cluster, or end Ray on this machine; a token made for it is forgotten."""
    ray.shutdown()
    uses_token = raylet.get_authentication_mode() == raylet.AuthenticationMode.TOKEN
    if uses_token and os.environ.get("RAY_AUTH_MODE") != "token":
        _read_environment()


def _look_for(address: str) -> None:
    """Check that something listens at HOST:PORT; Ray itself tries for minutes.

    Raises:
        UsageError: nothing does.
    """
    if parts := re.fullmatch(r"([^/]+):(\d+)", address):
        try:
            socket.create_connection((parts[1], int(parts[2])), timeout=10).close()
        except (OSError, ValueError, OverflowError) as error:
            raise UsageError(f"--address {address}: there is no Ray cluster: {one_line(error)}") from None


def _start_alone(package: dict[str, Any]) -> None:
    """Start Ray on the loopback interface.

    Raises:
        UsageError: it took another interface, as a version of Ray that we do not know may do.
    """
    with _private():
        ray.init(address="local", runtime_env=package, _node_ip_address=LOOPBACK, **CALM)
    if (taken := ray.util.get_node_ip_address()) != LOOPBACK:
        disconnect()
        raise UsageError(
            f"Ray {ray.__version__} listens on {taken}, where other machines reach it; start a cluster "
            f"yourself and pass --address"
        )


@contextmanager
def _private() -> Iterator[None]:
    """Set what Ray reads as it starts: to keep the loopback address, and a new token.

    Ray replaces the loopback address by another one wherever it allows clusters.
    """
    given = {
        ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }
    before = {name: os.environ.get(name) for name in given}
    allowed = ray_constants.ENABLE_RAY_CLUSTER
    os.environ.update(given)
    ray_constants.ENABLE_RAY_CLUSTER = False
    _read_environment()
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = allowed
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _read_environment() -> None:
    """Have Ray read its settings and its token from the environment anew."""
    raylet.Config.initialize("")
    raylet.AuthenticationTokenLoader.instance().reset_cache()

"""Ray on one machine: what it listens on, and who may use it. Each Ray has a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.xdist_group("ray"),
    pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads the sockets of processes from /proc"),
]

# Tells what the processes that it started listen on, and waits until its input ends.
ALONE = """
import json, os, sys
from pathlib import Path

from bench.execution.ray_connection import connect, disconnect
if {import_ray_first}:
    import ray

def listening():
    found = []
    for name in ("tcp", "tcp6"):
        for line in Path("/proc/net", name).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                found.append((fields[1].rpartition(":")[0], int(fields[9])))
    return found

def inodes(pid):
    try:
        links = [os.readlink(path) for path in Path("/proc", pid, "fd").iterdir()]
    except OSError:
        return []
    return [int(link[8:-1]) for link in links if link.startswith("socket:")]

def family(pid):
    for path in Path("/proc", pid, "task").glob("*/children"):
        for child in path.read_text().split():
            yield child
            yield from family(child)

before = dict(os.environ)
connect(None)
import ray
token, mode = ray.get(ray.remote(lambda: (os.environ["RAY_AUTH_TOKEN"], os.environ["RAY_AUTH_MODE"])).remote())
ours = {{inode for pid in [str(os.getpid()), *family(str(os.getpid()))] for inode in inodes(pid)}}
print(json.dumps({{
    "addresses": sorted({{address for address, inode in listening() if inode in ours}}),
    "gcs": ray.get_runtime_context().gcs_address,
    "node": ray.util.get_node_ip_address(),
    "token": token, "mode": mode,
    "changed": sorted({{name for name, _ in dict(os.environ).items() ^ before.items() if "AUTH" in name}}),
    "saved": Path.home().joinpath(".ray").exists(),
}}), flush=True)
sys.stdin.read()
disconnect()
connect(None)  # another one, with a token of its own
print(ray.get(ray.remote(lambda: os.environ["RAY_AUTH_TOKEN"]).remote()), flush=True)
disconnect()
"""
JOIN = """
from bench.errors import UsageError
from bench.execution.ray_connection import connect
try:
    connect("{address}")
    import ray
    print("joined", ray.get(ray.remote(lambda: 1).remote()))
except UsageError as error:
    print(error)
"""
ROOT = Path(__file__).parents[2]


def environment(home, **more):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return plain | {"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"} | more


@pytest.fixture(scope="module", params=[False, True], ids=["bench first", "ray first"])
def alone(request, tmp_path_factory):
    """What a Ray on one machine said of itself; then it still runs."""
    pytest.importorskip("ray")
    home = tmp_path_factory.mktemp("home")
    source = ALONE.format(import_ray_first=request.param)
    if request.param:
        source = f"import ray\n{source}"
    command, pipe = [sys.executable, "-c", source], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment(home)) as process:
        said = json.loads(process.stdout.readline())
        yield said | {"home": home}
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert len(out.strip()) == 64
    assert out.strip() != said["token"]


def test_it_listens_on_the_loopback_interface_only(alone):
    """As /proc writes it: 127.0.0.1, and the same in IPv6."""
    assert alone["addresses"]
    assert set(alone["addresses"]) <= {"0100007F", "0000000000000000FFFF00000100007F", "0" * 24 + "01000000"}
    assert alone["node"] == "127.0.0.1"
    assert alone["gcs"].startswith("127.0.0.1:")


def test_it_asks_for_a_token_that_only_its_processes_know(alone):
    assert alone["mode"] == "token"
    assert len(alone["token"]) == 64
    assert alone["changed"] == []
    assert not alone["saved"]


def joining(alone, **given):
    source = JOIN.format(address=alone["gcs"])
    # Else Ray replaces the loopback address by the machine's other one, and finds nothing there.
    theirs = environment(alone["home"], RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0", **given)
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", source], stdout=pipe, stderr=pipe, text=True, env=theirs)


def said_by(process):
    with process:
        out, err = process.communicate(timeout=100)
    assert "Traceback" not in err
    return out.strip()


def test_who_has_not_the_token_is_refused_in_one_line_with_what_to_set(alone):
    strangers = ({}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}, {"RAY_AUTH_MODE": "token"})
    for process in [joining(alone, **given) for given in strangers]:  # at once: Ray lets each wait
        said = said_by(process)
        assert said.startswith(f"--address {alone['gcs']}: ")
        assert "\n" not in said
        assert "RAY_AUTH_TOKEN" in said
        assert "--generate" not in said


def test_who_has_the_token_may_join(alone):
    assert said_by(joining(alone, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=alone["token"])) == "joined 1"


@pytest.mark.parametrize("raised", [RuntimeError("Version mismatch:\n a"), ValueError("b"), OSError("c")])
def test_what_else_ray_says_is_one_line(raised, monkeypatch):
    pytest.importorskip("ray")
    from bench.errors import UsageError
    from bench.execution import ray_connection

    def fail(**given):
        raise raised

    monkeypatch.setattr(ray_connection.ray, "init", fail)
    before = dict(os.environ)
    for address, said in (
        ("auto", "--address auto: there is no Ray cluster: "),
        (None, "Ray does not start here: "),
    ):
        with pytest.raises(UsageError, match=f"^{said}") as told:
            ray_connection.connect(address)
        assert "\n" not in str(told.value)
    assert {name: os.environ[name] for name in before} == before


def test_a_ray_that_takes_another_interface_is_ended_at_once(monkeypatch):
    pytest.importorskip("ray")
    from bench.errors import UsageError
    from bench.execution import ray_connection

    ended = []
    monkeypatch.setattr(ray_connection.ray, "init", lambda **given: None)
    monkeypatch.setattr(ray_connection.ray, "shutdown", lambda: ended.append(True))
    monkeypatch.setattr(ray_connection.ray.util, "get_node_ip_address", lambda: "192.0.2.2")
    with pytest.raises(UsageError, match=r"listens on 192\.0\.2\.2, where other machines reach it"):
        ray_connection.connect(None)
    assert ended

# SPDX-License-Identifier: Apache-2.0
"""Our TCP and the kernel's of this machine, over tests/netsim/tun.c; where there are such devices."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/netsim"))
from against_kernel import PATTERN, TUN, Space, go, options, stop  # noqa: E402 pylint: disable=all

SIZE = 3 << 20
CLEAN = {"rtt": 10, "rate": 100, "queue": 256}
PATHS = {"clean": CLEAN, "lossy": CLEAN | {"loss": 20000}, "late": CLEAN | {"reorder": 50000}}

READ_ALL = """
import socket, sys
size = int(sys.argv[1])
""" + PATTERN + """
whole = bytes(pattern) * (size // 65521 + 1)
listener = socket.create_server(("10.0.0.2", 80))
print("ready", flush=True)
connection, _ = listener.accept()
got = b"".join(iter(lambda: connection.recv(1 << 16), b""))
connection.close()
print(len(got), got == whole[:size])
"""
WRITE_ALL = """
import socket, sys
size = int(sys.argv[1])
""" + PATTERN + """
whole = bytes(pattern) * (size // 65521 + 1)
connection = socket.create_connection(("10.0.0.2", 80))
connection.sendall(whole[:size])
connection.shutdown(socket.SHUT_WR)
print(connection.recv(1))
"""

# The devices need a kernel that has them and a user who may make them; where not, nothing is claimed.
if os.path.exists("/dev/net/tun") and os.geteuid() == 0:

    @pytest.fixture
    def space():
        made = Space()
        yield made
        made.end()

    @pytest.fixture(params=sorted(PATHS))
    def path(request):
        return PATHS[request.param]

    def test_the_kernel_receives_what_our_tcp_sends_and_both_close(space, path):
        tun = space.start(TUN, *options(path), "send", SIZE, stderr=subprocess.PIPE)
        assert tun.stdout.readline() == "ready\n"
        space.address("tun0", "10.0.0.2")
        reader = space.start(sys.executable, "-c", READ_ALL, SIZE)
        assert reader.stdout.readline() == "ready\n"
        go(tun)
        out, errors = tun.communicate(timeout=60)
        assert (errors, tun.returncode) == ("", 0)
        assert re.match(rf"sent {SIZE} read 0 ", out)
        assert reader.communicate(timeout=60)[0] == f"{SIZE} True\n"

    def test_our_tcp_receives_what_the_kernel_sends_and_both_close(space, path):
        tun = space.start(TUN, *options(path), "receive", SIZE, stderr=subprocess.PIPE)
        assert tun.stdout.readline() == "ready\n"
        space.address("tun0", "10.0.0.1")
        go(tun)
        writer = space.start(sys.executable, "-c", WRITE_ALL, SIZE)
        out, errors = tun.communicate(timeout=60)
        assert (errors, tun.returncode) == ("", 0)
        assert re.match(rf"sent 0 read {SIZE} ", out)
        assert writer.communicate(timeout=60)[0] == "b''\n"

    def test_the_relay_joins_two_kernels(path):
        near, far = Space(), Space()
        tun = near.start(TUN, *options(path), "relay")
        assert tun.stdout.readline() == "ready\n"
        near.run("ip", "link", "set", "tun1", "netns", far.holder.pid)
        near.address("tun0", "10.0.0.1")
        far.address("tun1", "10.0.0.2")
        go(tun)
        reader = far.start(sys.executable, "-c", READ_ALL, SIZE)
        assert reader.stdout.readline() == "ready\n"
        writer = near.start(sys.executable, "-c", WRITE_ALL, SIZE)
        assert reader.communicate(timeout=60)[0] == f"{SIZE} True\n"
        stop(writer, tun)
        near.end()
        far.end()

# SPDX-License-Identifier: Apache-2.0
"""Two guests on one cable, which loses frames."""
import contextlib
import os
import random
import selectors
import socket
import subprocess
import threading
import time

import pytest

from conftest import ROOT

LINES = 200000  # of what is fetched: about 1.3 MB


class Cable:
    """Carries frames between two guests, but for a part of them; `words(i)` attaches guest i to it."""

    def __init__(self, folder, loss):
        self.loss = loss
        self.random = random.Random(1)
        self.carried = self.lost = 0
        self.theirs = [os.path.join(folder, f"guest{i}") for i in range(2)]
        self.ours = [os.path.join(folder, f"end{i}") for i in range(2)]
        self.sockets = []
        for path in self.ours:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.bind(path)
            s.setblocking(False)
            self.sockets.append(s)
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.carry)
        self.thread.start()

    def words(self, i):
        return ["--nic", f"dgram,local.type=unix,local.path={self.theirs[i]},"
                         f"remote.type=unix,remote.path={self.ours[i]}", f"mac=52:54:00:00:00:0{i + 1}"]

    def carry(self):
        with selectors.DefaultSelector() as selector:
            for i in range(2):
                selector.register(self.sockets[i], selectors.EVENT_READ, i)
            while not self.is_over.is_set():
                for key, _ in selector.select(0.1):
                    self.pass_on(key.data)

    def pass_on(self, i):
        frame = self.sockets[i].recv(1 << 17)
        if self.random.random() < self.loss:
            self.lost += 1
            return
        with contextlib.suppress(OSError):  # the other is not there yet, or slow
            self.sockets[1 - i].sendto(frame, self.theirs[1 - i])
            self.carried += 1

    def close(self):
        self.is_over.set()
        self.thread.join()
        for s in self.sockets:
            s.close()


@pytest.fixture
def cable(tmp_path_factory):
    opened = []

    def make(loss):
        # Paths of sockets are short: not below the folder of a long test's name.
        opened.append(Cable(str(tmp_path_factory.mktemp("cable")), loss))
        return opened[-1]
    yield make
    for one in opened:
        one.close()


@contextlib.contextmanager
def serving(words):
    """A guest at 10.1.0.1 that serves a file of numbers, until the test is over."""
    process = subprocess.Popen(
        [ROOT / "tools/guest", "--timeout", "120", *words, "--", "/bin/sh", "-c",
         f"net link eth0 up; net address add 10.1.0.1/24 eth0; mkdir /tmp/www;"
         f"seq {LINES} >/tmp/www/numbers; exec httpd -r /tmp/www"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("loss,smp", [(0, "1"), (0.05, "1"), (0.05, "4")])
def test_a_file_arrives_whole_however_bad_the_cable(guest, cable, loss, smp):
    c = cable(loss)
    with serving(["--smp", smp, *c.words(0)]):
        start = time.monotonic()
        result = guest(
            "--smp", smp, *c.words(1), "--", "/bin/sh", "-c",
            "net link eth0 up; net address add 10.1.0.2/24 eth0;"
            "until wget -O /tmp/got http://10.1.0.1:8080/numbers; do sleep 1; done;"
            f"seq {LINES} | cmp - /tmp/got && wc -l </tmp/got", timeout=100)
    assert (result.returncode, result.stdout.strip()) == (0, str(LINES)), \
        f"{result.stdout}{result.stderr} after {time.monotonic() - start:.0f} s"
    assert c.carried > 500 and (c.lost > 20) == (loss > 0)

# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import peer as link
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build"))


@pytest.fixture
def build():
    """The folder that everything was built into."""
    return BUILD


@pytest.fixture
def guest():
    """Runs tools/guest with these words; gives status, output and error as text."""
    def run(*words, timeout=60):
        return subprocess.run([ROOT / "tools/guest", "--timeout", str(timeout), *words],
                              capture_output=True, text=True, timeout=timeout + 30,
                              errors="replace")
    return run


class Terminal:
    """swift-os at a terminal of ours: what is written is typed, what it shows is read."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [ROOT / "tools/qemu.py", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.seen = b""

    @property
    def text(self):
        return self.seen.decode(errors="replace").replace("\r\n", "\n")

    def type(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def wait_for(self, enough, seconds=60):
        """Reads until enough(what was seen) is true."""
        deadline = time.monotonic() + seconds
        while not enough(self.seen):
            assert time.monotonic() < deadline, self.seen[-2000:].decode(errors="replace")
            assert self.process.poll() is None, self.seen.decode(errors="replace")
            self.seen += self.process.stdout.read() or b""
            time.sleep(0.01)

    def wait_for_text(self, pattern, times=1, seconds=60):
        """Reads until the pattern has been seen so often."""
        self.wait_for(lambda _: len(re.findall(pattern, self.text)) >= times, seconds)

    def close(self):
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def machine():
    """Starts machines at terminals, with these words for tools/qemu.py; they end with the test."""
    opened = []

    def start(*words):
        opened.append(Terminal(*words))
        return opened[-1]
    yield start
    for one in opened:
        one.close()


class Session:
    """A terminal with a login on it."""

    def __init__(self, terminal):
        self.terminal = terminal
        self.logins = 0

    def answer(self, name, password):
        """Types a name and a password at the next prompt for them."""
        self.logins += 1
        self.terminal.wait_for_text(r"swift-os login: ", self.logins)
        self.terminal.type(name.encode() + b"\n")
        self.terminal.wait_for_text(r"Password: ", self.logins)
        self.terminal.type(password.encode() + b"\n")

    def log_in(self, name, password):
        before = len(re.findall(rf"Welcome to swift-os, {name}", self.terminal.text))
        self.answer(name, password)
        self.terminal.wait_for_text(rf"Welcome to swift-os, {name}", before + 1)

    def run(self, command):
        """What a command prints, and its exit status."""
        mark = f"={len(self.terminal.seen)}="
        self.terminal.type(f"{command}; echo '{mark[:1]}''{mark[1:]}'$?\n".encode())
        self.terminal.wait_for_text(rf"{mark}\d+\r*\n")
        shown = self.terminal.text.replace("\r", "").rpartition("'$?\n")[2]
        text, _, status = shown.partition(mark)
        return text, int(status.split()[0])


@pytest.fixture
def session(build, machine):
    def start(*words):
        return Session(machine("--base", build / "base.img", *words))
    return start


@pytest.fixture
def peer(tmp_path_factory):
    """Makes machines on a guest's link (peer.py); `words` of one attaches the guest to it."""
    opened = []

    def make(**settings):
        # Paths of sockets are short: not below the folder of a long test's name.
        opened.append(link.Peer(str(tmp_path_factory.mktemp("link")), **settings))
        return opened[-1]
    yield make
    for one in opened:
        one.close()


@pytest.fixture
def monitor(tmp_path_factory):
    """QEMU's monitor; `words` opens it."""
    return link.Monitor(str(tmp_path_factory.mktemp("monitor")))

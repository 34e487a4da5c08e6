# SPDX-License-Identifier: Apache-2.0
"""The serial console, as an operator of `make run` has it."""
import os
import signal
import subprocess
import time

import pytest

from conftest import ROOT


class Terminal:
    """swift-os at a terminal of ours: what is written is typed, what it shows is read."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [ROOT / "tools/qemu.py", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.seen = b""

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

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def terminal(build):
    opened = []

    def start(*words):
        opened.append(Terminal("--base", build / "test/base.img", *words))
        return opened[-1]
    yield start
    for one in opened:
        one.close()


def test_boot_shows_a_handful_of_lines_and_where_the_time_went(terminal):
    system = terminal()
    system.wait_for(lambda seen: b"nothing to run yet" in seen)
    lines = system.seen.decode().splitlines()
    assert any("boot:" in line for line in lines)
    assert len(lines) < 40


def test_quiet_boot_shows_nothing_but_the_program(terminal):
    system = terminal("--append", "quiet")
    system.wait_for(lambda seen: b"nothing to run yet" in seen)
    assert len(system.seen.splitlines()) == 1


@pytest.mark.parametrize("smp,lines", [("1", 4000), ("4", 1000)])
def test_no_input_is_lost_at_any_speed(terminal, smp, lines):
    system = terminal("--smp", smp, "--append", "quiet", "--append", "init=/bin/echo")
    system.wait_for(lambda seen: b"ready\n" in seen.replace(b"\r\n", b"\n"))
    text = b"".join(b"line %05d of what is typed\n" % i for i in range(lines))
    before = len(system.seen)
    system.type(text)

    def shown():
        return system.seen[before:].replace(b"\r\n", b"\n")
    system.wait_for(lambda _: len(shown()) >= len(text))
    assert shown() == text

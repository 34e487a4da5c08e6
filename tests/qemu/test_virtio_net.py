# SPDX-License-Identifier: Apache-2.0
"""The network card's driver, from the other end of the cable.

The guest sends frames of one type back (autorun=card, kernel/test/card.h), so nothing of IP is needed.
"""
import contextlib
import os
import pathlib
import re
import subprocess
import threading
import time

import frames
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build")).resolve()
TYPE = 0x88B6
GROUP, OTHER_GROUP = "01:00:5e:01:02:03", "01:00:5e:01:02:04"
OTHER = "02:00:00:00:00:77"
MACHINES = {"mmio": ["--smp", "1"], "mmio4": ["--smp", "4"], "pci": ["--bus", "pci", "--smp", "4"],
            "pins": ["--bus", "pci", "--smp", "2", "--machine", "gic-version=3"]}


class Card:
    """A guest that sends frames back."""

    def __init__(self, tmp_path, link, *words):
        self.link = link
        self.log = tmp_path / "log"
        self.process = subprocess.Popen(
            [ROOT / "tools/guest", "--kernel", BUILD / "checked/kernel.img", "--timeout", "200",
             "--log", self.log, "--append", "autorun=card", *link.words, *words])
        link.connect()
        self.wait()

    def send(self, data, to=None):
        self.link.send(frames.ethernet(self.link.mac, to or self.link.guest_mac, TYPE, data))

    def back(self, seconds=10):
        """What the next frame of our type carries."""
        return self.link.wait_for(lambda f: f.kind == TYPE, seconds).frame[14:]

    def is_there(self, seconds=0.3):
        """Whether it answers just now; nothing of what came before is left."""
        mark = b"b" + os.urandom(40)
        self.send(mark)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            frame = self.link.receive(deadline - time.monotonic())
            if frame is not None and frame[14:] == mark:
                return True
        return False

    def wait(self, seconds=60):
        deadline = time.monotonic() + seconds
        while not self.is_there():
            assert time.monotonic() < deadline, self.log.read_text(errors="replace")
            assert self.process.poll() is None, self.log.read_text(errors="replace")

    def tell(self, command):
        self.send(command.encode() * 46)

    def end(self):
        """Ends it; gives its counters by name."""
        self.wait()  # by several frames: a card that just goes down and up loses what comes meanwhile
        deadline = time.monotonic() + 30
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.log.read_text(errors="replace")
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # it is about to end
                self.tell("l")
                self.process.wait(1)
        assert self.process.returncode == 0
        line = re.search(r"card: in (\d+), (\d+) errors, (\d+) dropped; out (\d+), (\d+) errors, "
                         r"(\d+) dropped", self.log.read_text(errors="replace"))
        names = ("in", "errors_in", "dropped_in", "out", "errors_out", "dropped_out")
        return dict(zip(names, map(int, line.groups())))


@pytest.fixture
def card(tmp_path, peer):
    opened = []

    def start(*words, **settings):
        opened.append(Card(tmp_path, peer(**settings), *words))
        return opened[-1]
    yield start
    for one in opened:
        one.process.terminate()
        one.process.wait()


@pytest.mark.parametrize("machine", MACHINES)
def test_frames_of_every_size_go_there_and_back(card, machine):
    one = card(*MACHINES[machine])
    for size in [*range(1, 300), *range(300, 1480, 37), *range(1480, 1520), 2000, 4000, 9000, 9216]:
        data = b"b" + os.urandom(size - 1)
        one.send(data)
        assert one.back()[:size] == data
    counters = one.end()
    assert counters["errors_in"] == counters["dropped_in"] == counters["errors_out"] == 0


@pytest.mark.parametrize("lacks", ["mrg_rxbuf", "event_idx", "ctrl_vq", "status", "csum"])
def test_a_card_that_lacks_something_works(card, lacks):
    one = card("--smp", "2", card=f"{lacks}=off")
    for size in [1, 2, 46, 240, 241, 242, 500, 1499, 1500]:
        for _ in range(5):
            data = b"b" + os.urandom(size - 1)
            one.send(data)
            assert one.back()[:size] == data
    one.end()


def test_what_is_no_frame_is_not_received(card):
    one = card()
    for size in range(1, 14):  # (an empty datagram would close the link)
        one.link.send(b"\xff" * size)
    for size in (20000, 65000):  # more than any MTU
        one.link.send(frames.ethernet(one.link.mac, one.link.guest_mac, TYPE, b"s" * size))
    assert one.is_there(10)
    one.end()


@pytest.mark.parametrize("machine", MACHINES)
def test_a_flood_arrives_whole_and_in_order(card, machine):
    one = card(*MACHINES[machine])
    count = 100_000
    for number in range(count):
        one.send(b"s" + number.to_bytes(4, "big") + b"x" * 41)
    counters = one.end()
    # QEMU keeps what the card has no room for, and the socket what QEMU has none for.
    assert counters["in"] >= count
    assert counters["errors_in"] == counters["dropped_in"] == 0


@pytest.mark.parametrize("machine", ["mmio", "pci"])
def test_frames_come_back_in_order(card, machine):
    one = card(*MACHINES[machine])
    count, got = 20_000, []

    def send():
        for number in range(count):
            one.send(b"b" + number.to_bytes(4, "big") + b"x" * 41)
    sender = threading.Thread(target=send)
    sender.start()
    while len(got) < count:
        frame = one.link.receive(3)
        if frame is None:
            break
        if frame[12:14] == TYPE.to_bytes(2, "big") and len(frame) == 60 and frame[19:] == b"x" * 41:
            got.append(int.from_bytes(frame[15:19], "big"))
    sender.join()
    assert got == sorted(got)
    # Each came back but those for which the interface's queue had no room.
    assert len(got) + one.end()["dropped_out"] == count


def test_the_card_goes_down_and_up(card):
    one = card("--smp", "2")
    for _ in range(20):
        one.tell("d")
        one.wait()
    one.end()


def test_the_card_goes_down_and_up_while_frames_come(card):
    one = card("--smp", "4")
    is_over = threading.Event()

    def send():
        while not is_over.is_set():
            one.send(b"b" * 1400)
    sender = threading.Thread(target=send)
    sender.start()
    for _ in range(20):
        one.tell("d")
        for _ in range(50):
            one.link.receive(0.1)
    is_over.set()
    sender.join()
    one.wait()
    one.end()


@pytest.mark.parametrize("machine", ["mmio", "pci"])
def test_the_link_goes_and_comes(card, machine, monitor):
    one = card(*MACHINES[machine], *monitor.words)
    monitor.connect()
    for _ in range(3):
        monitor.command("set_link", name="net1", up=False)
        assert not one.is_there(0.5)
        monitor.command("set_link", name="net1", up=True)
        one.wait()
    one.end()


def test_the_card_lets_in_what_is_wanted(card):
    one = card()

    def comes_in(to):
        # Whether QEMU's card, which is told of the filter, counts it as received.
        before = one.is_there(5)
        one.send(b"b" + b"?" * 45, to=to)
        one.send(b"b" + b"!" * 45)
        first = one.back()
        answered = first[1:2] == b"?"
        if answered:
            one.back()
        return before and answered
    assert not comes_in(GROUP)
    one.tell("g")
    one.wait()
    assert comes_in(GROUP)
    assert not comes_in(OTHER_GROUP)
    one.tell("n")
    one.wait()
    assert not comes_in(GROUP)
    one.end()




def test_boot_does_not_wait_for_a_link(guest, peer):
    # Nobody ever opens the other end.
    result = guest(*peer().words, "--", "/bin/args", "x")
    assert (result.returncode, result.stdout) == (2, "/bin/args\nx\n"), result.stderr

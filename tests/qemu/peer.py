# SPDX-License-Identifier: Apache-2.0
"""The other end of a guest's network cable, which sends and receives raw frames; and QEMU's monitor."""
import contextlib
import json
import os
import socket
import time

import frames

GUEST_MAC = "52:54:00:12:34:56"


class Peer:
    """One machine on the guest's link.  `words` attaches the guest to it (tools/guest, tools/qemu.py).

    No frame is lost between the two: who is too fast waits.  While frames are waited for, questions of
    ARP and neighbour discovery for our addresses are answered, unless `answers` is False.
    """

    def __init__(self, folder, mac="02:00:00:00:00:01", ip4="10.0.0.1", ip6="fe80::1", card=""):
        ours, theirs = os.path.join(folder, "peer"), os.path.join(folder, "guest")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(ours)
        self.theirs = theirs
        self.mac, self.ip4, self.ip6 = mac, ip4, ip6
        self.guest_mac = GUEST_MAC
        self.answers = True
        self.words = ["--nic", f"dgram,local.type=unix,local.path={theirs},"
                               f"remote.type=unix,remote.path={ours}",
                      f"mac={GUEST_MAC}" + (f",{card}" if card else "")]

    def close(self):
        self.socket.close()

    def connect(self, seconds=30):
        """Waits until QEMU is there."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.socket.connect(self.theirs)
            except OSError:
                assert time.monotonic() < deadline, "QEMU does not open its end"
                time.sleep(0.02)

    def send(self, frame):
        self.socket.settimeout(10)
        self.socket.send(frame)

    def send_ip(self, packet, to=None):
        """A packet of IPv4 or IPv6 in a frame for the guest."""
        kind = frames.IP6 if packet[0] >> 4 == 6 else frames.IP4
        self.send(frames.ethernet(self.mac, to or self.guest_mac, kind, packet))

    def receive(self, seconds=5):
        """The next frame, or None when none comes."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            frame = self.socket.recv(1 << 17)
        except (TimeoutError, BlockingIOError):
            return None
        if self.answers:
            self.answer(frame)
        return frame

    def drain(self):
        """Throws away what has come so far."""
        while self.receive(0.01) is not None:
            pass

    def wait_for(self, wanted, seconds=20):
        """The first frame, taken apart, for which wanted(frame) is true; others are thrown away."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            frame = self.receive(deadline - time.monotonic())
            if frame is not None:
                parsed = frames.parse(frame)
                with contextlib.suppress(AttributeError):  # it is not of that kind
                    if wanted(parsed):
                        return parsed
        raise AssertionError("the frame that was waited for did not come")

    def answer(self, frame):
        """Says where we are, if the frame asks for that."""
        f = frames.parse(frame)
        if f.kind == frames.ARP and getattr(f, "operation", 0) == 1 and f.target == self.ip4:
            self.send(frames.ethernet(self.mac, f.by, frames.ARP, frames.arp(
                2, self.mac, self.ip4, f.sender_mac, f.sender)))
        elif f.protocol == frames.ICMP6 and getattr(f, "type", 0) == 135:
            target = f.data[:16]
            if target == frames.ip_bytes(self.ip6) and f.source != "::":
                option = b"\2\1" + frames.mac_bytes(self.mac)
                self.send_ip(frames.ip6(self.ip6, f.source, frames.ICMP6, frames.icmp6(
                    self.ip6, f.source, 136, 0, 0x60000000, target + option), hops=255), f.by)

    def find(self, address, seconds=20):
        """Asks where that IPv4 address is until somebody says so."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.send(frames.ethernet(self.mac, frames.BROADCAST, frames.ARP, frames.arp(
                1, self.mac, self.ip4, "00:00:00:00:00:00", address)))
            with contextlib.suppress(AssertionError):
                return self.wait_for(lambda f: f.kind == frames.ARP and f.operation == 2 and
                                     f.sender == address, 0.5).sender_mac
        raise AssertionError(f"{address} does not answer")

    def ping(self, address, data=b"", ident=1, sequence=1, seconds=5):
        """The answer to an echo request (IPv4)."""
        self.send_ip(frames.ip4(self.ip4, address, frames.ICMP, frames.icmp(
            8, 0, ident << 16 | sequence, data)))
        return self.wait_for(lambda f: f.kind == frames.IP4 and f.protocol == frames.ICMP and
                             f.type == 0 and f.rest == ident << 16 | sequence, seconds)


class Monitor:
    """QEMU's control socket: Monitor(folder).words for the tool, then command(name, **arguments)."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "monitor")
        self.words = [f"--qemu=-qmp unix:{self.path},server=on,wait=off"]
        self.lines = None

    def connect(self, seconds=30):
        deadline = time.monotonic() + seconds
        link = socket.socket(socket.AF_UNIX)
        while True:
            try:
                link.connect(self.path)
                break
            except OSError:
                assert time.monotonic() < deadline, "QEMU does not open its monitor"
                time.sleep(0.02)
        self.lines = link.makefile("rw")
        self.lines.readline()  # its greeting
        self.command("qmp_capabilities")

    def command(self, name, /, **arguments):
        self.lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.lines.flush()
        while True:
            answer = json.loads(self.lines.readline())
            if "return" in answer:
                return answer["return"]
            assert "error" not in answer, answer

# SPDX-License-Identifier: Apache-2.0
"""IP as a machine on the guest's link sees it: tests/qemu/peer.py against /bin/posix_net_host in the guest."""
import os
import pathlib
import struct
import subprocess
import time

import frames
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build")).resolve()
ADDRESS, PEER4 = "10.0.0.2", "10.0.0.1"
LOCAL6, PEER6 = "fe80::5054:ff:fe12:3456", "fe80::1"
FORMED = "2001:db8:1:0:5054:ff:fe12:3456"
ALL_NODES = ("ff02::1", "33:33:00:00:00:01")


class Host:
    def __init__(self, tmp_path, link, *words):
        self.link = link
        self.log = tmp_path / "log"
        self.process = subprocess.Popen(
            [ROOT / "tools/guest", "--kernel", BUILD / "checked/kernel.img", "--timeout", "200",
             "--log", self.log, *link.words, *words, "--", "/bin/posix_net_host", "eth0", ADDRESS + "/24",
             PEER4, "150"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        link.connect()

    def end(self):
        self.process.terminate()
        self.process.wait()
        assert "panic" not in self.log.read_text(errors="replace")


@pytest.fixture
def host(tmp_path, peer):
    opened = []

    def start(*words, **settings):
        opened.append(Host(tmp_path, peer(**settings), *words))
        return opened[-1].link
    yield start
    for one in opened:
        one.end()


def is_icmp6(f, kind):
    return f.kind == frames.IP6 and f.protocol == frames.ICMP6 and f.type == kind


def ping6(link, source, destination, data=b"", seconds=5, sequence=1):
    link.send_ip(frames.ip6(source, destination, frames.ICMP6, frames.icmp6(
        source, destination, 128, 0, 7 << 16 | sequence, data)))
    return link.wait_for(lambda f: is_icmp6(f, 129) and f.rest == 7 << 16 | sequence, seconds)


def send_link(link, kind, rest, payload, to=ALL_NODES, source=PEER6):
    """An ICMPv6 message of neighbour discovery."""
    link.send_ip(frames.ip6(source, to[0], frames.ICMP6, frames.icmp6(
        source, to[0], kind, 0, rest, payload), hops=255), to[1])


def advertise(link, lifetime=1800, prefix="2001:db8:1::", valid=86400, mtu=0):
    options = b"\1\1" + frames.mac_bytes(link.mac)
    options += struct.pack("!BBBBIII", 3, 4, 64, 0xC0, valid, valid, 0) + frames.ip_bytes(prefix)
    if mtu:
        options += struct.pack("!BBHI", 5, 1, 0, mtu)
    send_link(link, 134, 64 << 24 | lifetime, bytes(8) + options)


def wait_until_up(link):
    """Until the link-local address is in use: then routers are asked for."""
    return link.wait_for(lambda f: is_icmp6(f, 133) and f.source == LOCAL6, 60)


@pytest.mark.parametrize("smp", ["1", "4"])
def test_a_host_that_comes_up_says_and_answers_what_it_should(host, smp):
    link = host("--smp", smp)
    probe = link.wait_for(lambda f: is_icmp6(f, 135), 60)
    assert (probe.source, probe.ttl) == ("::", 255)
    assert probe.data[:16] == frames.ip_bytes(LOCAL6)
    report = link.wait_for(lambda f: f.kind == frames.IP6 and f.protocol == 0 and
                           frames.ip_bytes("ff02::1234:5678") in f.payload)
    assert (report.destination, report.ttl, report.payload[8]) == ("ff02::16", 1, 143)
    wait_until_up(link)
    for size in (0, 1, 56, 1400, 4000):
        reply = link.ping(ADDRESS, b"x" * size, sequence=size) if size < 1472 else None
        assert reply is None or (reply.data == b"x" * size and reply.is_transport_intact)
    assert link.find(ADDRESS) == link.guest_mac
    reply = ping6(link, PEER6, LOCAL6, b"hello")
    assert (reply.source, reply.data, reply.is_transport_intact) == (LOCAL6, b"hello", True)


def test_a_router_gives_an_address_that_answers(host):
    link = host()
    wait_until_up(link)
    advertise(link, mtu=1400)
    link.wait_for(lambda f: is_icmp6(f, 135) and f.source == "::" and
                  f.data[:16] == frames.ip_bytes(FORMED), 10)
    link.wait_for(lambda f: is_icmp6(f, 136) and f.data[:16] == frames.ip_bytes(FORMED), 10)
    # From beyond the router, so that the answer needs the default route.
    reply = ping6(link, "2001:db8:99::1", FORMED, b"far away")
    assert (reply.source, reply.by, reply.to) == (FORMED, link.guest_mac, link.mac)
    # An answer that is larger than the link's MTU comes in pieces.
    data = os.urandom(3000)
    message = frames.icmp6("2001:db8:99::1", FORMED, 128, 0, 9 << 16 | 1, data)
    for at in range(0, len(message), 1000):
        last = at + 1000 >= len(message)
        head = struct.pack("!BBHI", frames.ICMP6, 0, at | (not last), 77)
        link.send_ip(frames.ip6("2001:db8:99::1", FORMED, 44, head + message[at:at + 1000]))
    pieces, whole = {}, 0
    while not whole or sum(map(len, pieces.values())) < whole:
        f = link.wait_for(lambda f: f.kind == frames.IP6 and f.protocol == 44)
        assert len(f.frame) <= 14 + 1400
        offset, = struct.unpack_from("!H", f.payload, 2)
        pieces[offset & ~7] = f.payload[8:]
        whole = whole or (0 if offset & 1 else (offset & ~7) + len(f.payload) - 8)
    answer = b"".join(pieces[at] for at in sorted(pieces))
    assert answer[0] == 129 and answer[8:] == data
    assert frames.checksum(frames.pseudo(FORMED, "2001:db8:99::1", frames.ICMP6, len(answer)) +
                           answer) == 0
    # Without the router there is no way back.
    advertise(link, lifetime=0)
    time.sleep(1)  # it is heard in a thread
    with pytest.raises(AssertionError):
        ping6(link, "2001:db8:99::1", FORMED, seconds=2, sequence=2)
    assert ping6(link, PEER6, LOCAL6, sequence=3)


def test_ports_and_protocols_that_nobody_listens_to_are_told(host):
    link = host()
    wait_until_up(link)
    packet = frames.ip4(PEER4, ADDRESS, frames.UDP, frames.udp(PEER4, ADDRESS, 7, 4321, b"hello"))
    link.send_ip(packet)
    told = link.wait_for(lambda f: f.kind == frames.IP4 and f.protocol == frames.ICMP)
    assert (told.type, told.code, told.data[:28]) == (3, 3, packet[:28])
    link.send_ip(frames.ip4(PEER4, ADDRESS, 250, b"whatever"))
    told = link.wait_for(lambda f: f.kind == frames.IP4 and f.protocol == frames.ICMP)
    assert (told.type, told.code) == (3, 2)
    link.send_ip(frames.ip6(PEER6, LOCAL6, 250, b"whatever"))
    told = link.wait_for(lambda f: is_icmp6(f, 4))
    assert (told.code, told.rest) == (1, 6)
    # Not to errors, nor to everybody.
    link.drain()
    link.send_ip(frames.ip4(PEER4, ADDRESS, frames.ICMP, frames.icmp(3, 3, 0, packet[:28])))
    link.send_ip(frames.ip4(PEER4, "10.0.0.255", frames.UDP, frames.udp(
        PEER4, "10.0.0.255", 7, 4321, b"hello")), frames.BROADCAST)
    link.send_ip(frames.ip4("10.0.0.255", ADDRESS, 250, b"whatever"))
    with pytest.raises(AssertionError):
        link.wait_for(lambda f: f.kind == frames.IP4 and f.protocol == frames.ICMP, 1)


def test_pieces_of_a_ping_are_put_together_and_its_answer_is_cut(host):
    link = host("--smp", "2")
    wait_until_up(link)
    data = os.urandom(5000)
    message = frames.icmp(8, 0, 5 << 16 | 1, data)
    pieces = [(at, message[at:at + 1480]) for at in range(0, len(message), 1480)]
    for at, piece in reversed(pieces):
        link.send_ip(frames.ip4(PEER4, ADDRESS, frames.ICMP, piece, ident=4242, offset=at // 8,
                                flags=int(at + 1480 < len(message))))
    got = {}
    while sum(map(len, got.values())) < len(message):
        f = link.wait_for(lambda f: f.kind == frames.IP4 and f.protocol == frames.ICMP)
        assert f.is_intact
        got[f.offset * 8] = f.payload
    answer = b"".join(got[at] for at in sorted(got))
    assert answer[0] == 0 and answer[8:] == data and frames.checksum(answer) == 0


def test_a_flood_of_nonsense_is_survived(host):
    link = host("--smp", "2")
    wait_until_up(link)
    for n in range(3000):
        other = f"10.0.{n // 250}.{n % 250 + 3}"
        link.send(frames.ethernet(link.mac, frames.BROADCAST, frames.ARP, frames.arp(
            1 + n % 2, link.mac, other, link.guest_mac, ADDRESS)))
        link.send_ip(frames.ip4(other, ADDRESS, frames.UDP, bytes(64), ident=n, flags=1))
        link.send_ip(os.urandom(1 + n % 100).replace(b"\0", b"\x45"))
        if n % 16 == 0:
            link.drain()
    link.drain()
    deadline = time.monotonic() + 20
    while True:
        try:
            assert link.ping(ADDRESS, b"still there", sequence=9, seconds=1).data == b"still there"
            break
        except AssertionError:
            assert time.monotonic() < deadline

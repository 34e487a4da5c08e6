# SPDX-License-Identifier: Apache-2.0
"""A guest whose cable carries more than it should: floods, garbage, a link that comes and goes."""
import os
import random
import threading
import time

import frames
import pytest

OURS, GUEST = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def online(session, peer):
    """A login on a machine on our link, with an address of its own there."""
    def start(*words):
        link = peer(ip4=OURS)
        s = session(*link.words, *words)
        link.connect()
        s.log_in("root", "swordfish")
        text, status = s.run(f"net link eth0 up; net address add {GUEST}/24 eth0")
        assert status == 0, text
        assert link.find(GUEST) == link.guest_mac
        return s, link
    return start


def is_alive(s, link):
    """It answers at its terminal and on the link."""
    link.drain()
    assert link.find(GUEST) == link.guest_mac
    assert link.ping(GUEST, os.urandom(56)).is_transport_intact
    assert s.run("echo alive") == ("alive\n", 0)


@pytest.mark.parametrize("size", [0, 1, 17, 56, 227, 1000, 1472, 4000, 65507])
def test_pings_of_every_size_are_answered(online, size):
    s, link = online()
    data = os.urandom(size)
    packet = frames.icmp(8, 0, 7 << 16 | 9, data)
    for at in range(0, len(packet), 1480):
        more = at + 1480 < len(packet)
        link.send_ip(frames.ip4(OURS, GUEST, frames.ICMP, packet[at:at + 1480], ident=size & 0xffff,
                                flags=int(more), offset=at // 8))
    got = {}
    while True:
        f = link.wait_for(lambda f: f.kind == frames.IP4 and f.protocol == frames.ICMP)
        assert f.is_intact
        got[f.offset * 8] = f.payload
        if not f.ip_flags & 1 and sum(map(len, got.values())) == len(packet):
            break
    whole = b"".join(got[at] for at in sorted(got))
    assert whole[0] == 0 and whole[4:] == packet[4:] and frames.checksum(whole) == 0
    is_alive(s, link)


@pytest.mark.parametrize("smp", ["1", "4"])
@pytest.mark.parametrize("kind", ["echo", "arp", "udp", "other"])
def test_the_shell_lives_through_a_flood(online, smp, kind):
    s, link = online("--smp", smp)
    if kind == "echo":
        packet = frames.ip4(OURS, GUEST, frames.ICMP, frames.icmp(8, 0, 1, b"x" * 18))
        frame = frames.ethernet(link.mac, link.guest_mac, frames.IP4, packet)
    elif kind == "arp":
        frame = frames.ethernet(link.mac, frames.BROADCAST, frames.ARP, frames.arp(
            1, link.mac, OURS, "00:00:00:00:00:00", GUEST))
    elif kind == "udp":
        packet = frames.ip4(OURS, GUEST, frames.UDP, frames.udp(OURS, GUEST, 9, 9, b"x" * 18))
        frame = frames.ethernet(link.mac, link.guest_mac, frames.IP4, packet)
    else:
        frame = frames.ethernet(link.mac, link.guest_mac, 0x88B5, b"x" * 46)
    is_over = threading.Event()
    sent = [0]

    def send():
        while not is_over.is_set():
            link.socket.send(frame)
            sent[0] += 1

    def receive():
        while not is_over.is_set():
            link.receive(0.1)
    link.answers = False
    threads = [threading.Thread(target=send), threading.Thread(target=receive)]
    for one in threads:
        one.start()
    try:
        slowest = 0
        rounds = 0
        while sent[0] < 100_000:
            start = time.monotonic()
            assert s.run("echo alive") == ("alive\n", 0)
            slowest = max(slowest, time.monotonic() - start)
            rounds += 1
    finally:
        is_over.set()
        for one in threads:
            one.join()
    assert slowest < 5 and rounds > 3
    link.answers = True
    is_alive(s, link)


def test_garbage_of_every_length_hurts_nobody(online):
    s, link = online("--smp", "2")
    dice = random.Random(1)
    valid = [
        frames.ethernet(link.mac, link.guest_mac, frames.IP4, frames.ip4(
            OURS, GUEST, frames.TCP, frames.tcp(OURS, GUEST, 1, 80, b"x" * 700, flags=frames.SYN))),
        frames.ethernet(link.mac, link.guest_mac, frames.IP6, frames.ip6(
            "fe80::1", "fe80::5054:ff:fe12:3456", frames.ICMP6, b"\x80" + b"x" * 700)),
        frames.ethernet(link.mac, frames.BROADCAST, frames.ARP, frames.arp(
            1, link.mac, OURS, link.mac, GUEST)),
    ]
    for size in range(1, 1515):
        link.send(dice.randbytes(size))
        whole = dice.choice(valid)
        link.send(whole[:size])  # cut short
        spoiled = bytearray((whole + bytes(size))[:max(size, 60)])
        for _ in range(3):
            spoiled[dice.randrange(14, len(spoiled))] = dice.randrange(256)
        link.send(bytes(spoiled))
        if size % 100 == 0:
            link.drain()
    for size in (1515, 2000, 4096, 9000, 20000, 65000):
        link.send(valid[0][:34] + bytes(size))
    is_alive(s, link)


def test_the_link_goes_and_comes_under_a_shell(online, monitor):
    s, link = online(*monitor.words)
    monitor.connect()
    for _ in range(2):
        monitor.command("set_link", name="net1", up=False)
        for _ in range(50):
            if "no-link" in s.run("net link")[0]:
                break
        assert "eth0 up no-link" in s.run("net link")[0]
        monitor.command("set_link", name="net1", up=True)
        for _ in range(50):
            if "no-link" not in s.run("net link")[0]:
                break
        assert "no-link" not in s.run("net link")[0]
        is_alive(s, link)

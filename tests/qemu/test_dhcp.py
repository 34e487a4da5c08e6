# SPDX-License-Identifier: Apache-2.0
"""Leases as a server on the guest's link gives, moves, denies and forgets them; swos-netd follows."""
import ipaddress
import struct
import threading

import frames
import pytest

DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
COOKIE = bytes([0x63, 0x82, 0x53, 0x63])


class Server:
    """A DHCP server on the link, which a test changes while it runs."""

    def __init__(self, link, address="10.0.0.9", prefix=24, router="10.0.0.1", seconds=3600):
        self.link, self.address, self.prefix, self.router = link, address, prefix, router
        self.seconds, self.is_silent, self.renewals = seconds, False, 0
        self.others = b""  # options that are sent too
        self.is_ended = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.link.connect()
        self.thread.start()

    def stop(self):
        self.is_ended = True
        self.thread.join()

    def run(self):
        while not self.is_ended:
            frame = self.link.receive(0.2)
            f = frames.parse(frame) if frame else None
            if f and f.kind == frames.IP4 and f.protocol == frames.ICMP and f.type == 8:
                self.link.send_ip(frames.ip4(f.destination, f.source, frames.ICMP,
                                             frames.icmp(0, 0, f.rest, f.data)))
            elif f and f.kind == frames.IP4 and f.protocol == frames.UDP and f.destination_port == 67:
                self.take(f.data)

    def take(self, message):
        options = {}
        at = 240
        while message[at] != 255:
            options[message[at]] = message[at + 2:at + 2 + message[at + 1]]
            at += 2 + message[at + 1]
        has = ipaddress.ip_address(message[12:16])
        wanted = ipaddress.ip_address(options.get(50, message[12:16]))
        if self.is_silent:
            return
        if options[53][0] == DISCOVER:
            self.say(message, OFFER)
        elif options[53][0] == REQUEST:
            self.renewals += int(has) != 0
            self.say(message, ACK if str(wanted) == self.address else NAK)

    def say(self, message, kind):
        server = frames.ip_bytes("10.0.0.1")
        mask = (0xffffffff << 32 - self.prefix) & 0xffffffff
        options = bytes([53, 1, kind, 54, 4]) + server
        if kind != NAK:
            options += (bytes([51, 4]) + struct.pack(">I", self.seconds) + bytes([1, 4]) +
                        struct.pack(">I", mask) + bytes([3, 4]) + frames.ip_bytes(self.router) +
                        bytes([6, 4]) + server + self.others)
        yours = bytes(4) if kind == NAK else frames.ip_bytes(self.address)
        reply = (bytes([2, 1, 6, 0]) + message[4:8] + bytes(4) + message[12:16] + yours + bytes(8) +
                 message[28:44] + bytes(192) + COOKIE + options + b"\xff")
        self.link.send_ip(frames.ip4("10.0.0.1", "255.255.255.255", frames.UDP, frames.udp(
            "10.0.0.1", "255.255.255.255", 67, 68, reply)), frames.BROADCAST)


@pytest.fixture
def served(session, peer):
    """A login on a machine with this server on its link."""
    servers = []

    def start(**settings):
        link = peer(ip4=settings.get("router", "10.0.0.1"))
        servers.append(Server(link, **settings))
        s = session(*link.words)
        servers[-1].start()
        s.log_in("root", "swordfish")
        return s, servers[-1]
    yield start
    for server in servers:
        server.stop()


def addresses(session):
    text, status = session.run("net address; net route")
    assert status == 0
    return text


def test_a_router_that_is_not_on_the_link(served):
    """What clouds give: an address of a network of one, and a router elsewhere."""
    s, _ = served(prefix=32, router="172.31.1.1")
    s.terminal.wait_for_text(r"net-dhcp OK: lease 10\.0\.0\.9 gateway 172\.31\.1\.1 dns 10\.0\.0\.1")
    text = addresses(s)
    assert "eth0 10.0.0.9/32 dhcp" in text and "default via 172.31.1.1 dev eth0" in text
    text, status = s.run("netinfo --check; ping -c 2 -i 0.2 172.31.1.1; ping -c 1 192.0.2.77")
    assert status == 0 and "netinfo: check ok" in text, text


def test_a_lease_is_renewed(served):
    s, server = served(seconds=6)
    s.terminal.wait_for_text(r"net-dhcp OK: lease 10\.0\.0\.9")
    s.run("sleep 12")
    assert server.renewals >= 3
    assert "eth0 10.0.0.9/24 dhcp" in addresses(s)
    assert s.terminal.text.count("net-dhcp OK") == 1  # no news


def test_a_lease_moves(served):
    """The server does not know the address any more and has another one."""
    s, server = served(seconds=6)
    s.terminal.wait_for_text(r"net-dhcp OK: lease 10\.0\.0\.9")
    server.address = "10.0.0.77"
    s.terminal.wait_for_text(r"net-dhcp: eth0: the lease of 10\.0\.0\.9 has ended")
    s.terminal.wait_for_text(r"net-dhcp OK: lease 10\.0\.0\.77 gateway 10\.0\.0\.1")
    text = addresses(s)
    assert "10.0.0.77/24 dhcp" in text and "10.0.0.9/" not in text
    assert "default via 10.0.0.1 dev eth0 source 10.0.0.77" in text


def test_a_lease_ends_when_nobody_answers(served):
    s, server = served(seconds=8)
    s.terminal.wait_for_text(r"net-dhcp OK: lease 10\.0\.0\.9")
    server.is_silent = True
    s.terminal.wait_for_text(r"net-dhcp: eth0: the lease of 10\.0\.0\.9 has ended")
    text = addresses(s)
    assert "10.0.0.9" not in text and "default" not in text
    assert "nameserver" not in s.run("cat /etc/resolv.conf")[0]
    server.is_silent = False
    s.terminal.wait_for_text(r"net-dhcp OK: lease 10\.0\.0\.9", times=2)


def test_nonsense_of_a_server_is_passed_over(served):
    """A name with a line of its own in it, resolvers cut short, an MTU that nobody has."""
    s, server = served()
    name = b"a.example\nnameserver 6.6.6.6"
    server.others = bytes([15, len(name)]) + name + bytes([6, 3, 1, 2, 3, 26, 2, 0, 1])
    s.terminal.wait_for_text(r"net-dhcp OK: lease 10\.0\.0\.9")
    assert "6.6.6.6" not in s.run("cat /etc/resolv.conf")[0]
    assert "eth0 up mtu 1500" in s.run("net link")[0]


def test_an_address_that_nobody_can_have_is_not_taken(served):
    s, server = served(address="127.0.0.5")
    s.terminal.wait_for_text(r"net-dhcp: no server answers on eth0: fallback 10\.0\.2\.15")
    assert "127.0.0.5" not in addresses(s)
    server.address = "10.0.0.9"
    s.terminal.wait_for_text(r"net-dhcp OK: lease 10\.0\.0\.9")
    text = addresses(s)
    assert "10.0.2.15" not in text and "10.0.0.9/24 dhcp" in text

# SPDX-License-Identifier: Apache-2.0
"""TCP sockets under those who mean harm: SYNs without end, half-open connections, old segments."""
import random
import re

import frames
import pytest
import test_tcp
from test_tcp import ACK, FIN, GUEST, OUR_PORT, OURS, RST, SYN, Connection

PORT = 8080
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def served(session, peer, monkeypatch):
    """A login whose machine serves HTTP at PORT, and our end of the link."""
    monkeypatch.setattr(test_tcp, "PORT", PORT)
    link = peer(ip4=OURS)
    s = session(*link.words)
    link.connect()
    s.log_in("root", "swordfish")
    text, status = s.run(f"net link eth0 up; net address add {GUEST}/24 eth0; httpd & sleep 0.5")
    assert status == 0, text
    assert link.find(GUEST) == link.guest_mac
    return s, link


def free_kib(s):
    text, status = s.run("free -k")
    assert status == 0, text
    return int(re.search(r"Mem:\s+\d+\s+\d+\s+(\d+)", text).group(1))


def is_served(c):
    c.send(REQUEST)
    c.next += len(REQUEST)
    f = c.receive(lambda f: f.data)
    c.got += len(f.data)
    c.send(b"")
    assert f.data.startswith(b"HTTP/1.1 ")


def segment(link, data=b"", source=OURS, port=OUR_PORT, to=PORT, **fields):
    link.send_ip(frames.ip4(source, GUEST, frames.TCP,
                            frames.tcp(source, GUEST, port, to, data, **fields)))


def test_a_flood_of_syns_costs_little_and_hurts_nobody(served):
    s, link = served
    c = Connection(link)
    is_served(c)
    before = free_kib(s)
    dice = random.Random(7)
    for i in range(10000):
        segment(link, port=dice.randrange(1024, 39000), seq=dice.randrange(1 << 32), flags=SYN)
        if i % 200 == 0:
            link.drain()
    link.drain()
    is_served(c)
    # A new one comes through, by a cookie: nothing was kept of its SYN.
    segment(link, port=OUR_PORT + 1, seq=12345, flags=SYN)
    answer = link.wait_for(lambda f: f.protocol == frames.TCP and
                           f.destination_port == OUR_PORT + 1 and f.flags & SYN, 10)
    assert answer.ack == 12346
    segment(link, REQUEST, port=OUR_PORT + 1, seq=12346, ack=answer.seq + 1, flags=ACK)
    link.wait_for(lambda f: f.protocol == frames.TCP and f.destination_port == OUR_PORT + 1 and
                  f.data.startswith(b"HTTP/1.1 "), 10)
    assert before - free_kib(s) < 2048


def test_closed_ports_answer_by_resets(served):
    _, link = served

    def answer():
        return link.wait_for(lambda f: f.protocol == frames.TCP and f.flags & RST, 10)

    segment(link, to=1, seq=100, flags=SYN)
    f = answer()
    assert (f.seq, f.ack, f.flags & ACK) == (0, 101, ACK)
    segment(link, b"abc", to=1, seq=100, ack=7777, flags=ACK)
    f = answer()
    assert (f.seq, f.flags & ACK) == (7777, 0)
    segment(link, to=PORT, seq=100, ack=5, flags=ACK)  # to who listens, of no connection
    assert answer().seq == 5


def test_time_wait_answers_and_can_be_had_by_a_newer_connection(served):
    _, link = served
    c = Connection(link)
    is_served(c)
    c.send(b"", flags=FIN | ACK)
    c.next += 1
    fin = c.receive(lambda f: f.flags & FIN)
    c.got = fin.relative + 1
    c.send(b"")
    # We closed first, so the guest has forgotten it: its ports are free at once.
    again = Connection(link, isn=0x10000)
    is_served(again)


def test_who_vanishes_half_open_is_forgotten_and_asked_again(served):
    _, link = served
    segment(link, port=OUR_PORT + 9, seq=1, flags=SYN)
    seen = 0
    for _ in range(3):  # at once, after 1 s and after 2 s more
        link.wait_for(lambda f: f.protocol == frames.TCP and f.destination_port == OUR_PORT + 9 and
                      f.flags & (SYN | ACK) == SYN | ACK, 10)
        seen += 1
    assert seen == 3
    segment(link, port=OUR_PORT + 9, seq=2, flags=RST)
    c = Connection(link)
    is_served(c)

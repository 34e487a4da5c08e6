# SPDX-License-Identifier: Apache-2.0
"""TCP of a guest, spoken to segment by segment from the other end of its cable."""
import frames
import pytest

OURS, GUEST, OUR_PORT, PORT = "10.0.0.1", "10.0.0.2", 40000, 5555
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Connection:
    """Our end of one connection; numbers count from 0 at each side's SYN."""

    def __init__(self, link, isn=0xFFFFF000):
        self.link, self.isn, self.next, self.theirs, self.got = link, isn, 1, 0, 0
        self.send(b"", seq=0, flags=SYN, options=b"\2\4\5\xb4\4\2\3\3\7")
        answer = self.receive(lambda f: f.flags & SYN)
        self.theirs = answer.seq
        self.got = 1
        self.send(b"")

    def send(self, data, seq=None, flags=ACK, options=b""):
        seq = self.next if seq is None else seq
        self.link.send_ip(frames.ip4(OURS, GUEST, frames.TCP, frames.tcp(
            OURS, GUEST, OUR_PORT, PORT, data, seq=self.isn + seq, flags=flags,
            ack=self.theirs + self.got if flags & ACK else 0, options=options)))

    def receive(self, wanted=lambda f: True, seconds=10):
        f = self.link.wait_for(lambda f: f.protocol == frames.TCP and f.destination_port == OUR_PORT
                               and wanted(f), seconds)
        f.relative = (f.seq - self.theirs) & 0xFFFFFFFF
        f.acked = (f.ack - self.isn) & 0xFFFFFFFF
        return f


@pytest.fixture
def echo(session, peer):
    """A login whose machine echoes at PORT, and our end of the link."""
    link = peer(ip4=OURS)
    s = session(*link.words)
    link.connect()
    s.log_in("root", "swordfish")
    text, status = s.run(f"net link eth0 up; net address add {GUEST}/24 eth0")
    assert status == 0, text
    assert link.find(GUEST) == link.guest_mac
    s.terminal.type(b"tcpecho -a\n")
    s.terminal.wait_for_text(r"tcpecho: listening on 5555")
    return s, link


def test_hundreds_of_holes_in_what_comes_are_kept_track_of(echo):
    s, link = echo
    c = Connection(link)
    pieces = [bytes([i & 0xFF]) * 100 for i in range(400)]
    for i in range(1, len(pieces), 2):
        c.send(pieces[i], seq=1 + i * 100)
    link.drain()
    # Each hole that is filled takes the piece behind it along: nothing is asked for again.
    for i in range(0, len(pieces), 2):
        c.send(pieces[i], seq=1 + i * 100)
    c.next = 1 + len(pieces) * 100
    received = {}
    while sum(map(len, received.values())) < len(pieces) * 100:
        f = c.receive()
        if f.data:
            received[f.relative] = f.data
            c.got = max(c.got, f.relative + len(f.data))
            c.send(b"")
    assert b"".join(received[at] for at in sorted(received)) == b"".join(pieces)
    c.send(b"", flags=FIN | ACK)
    s.terminal.wait_for_text(rf"tcpecho: got {len(pieces) * 100} bytes")

# SPDX-License-Identifier: Apache-2.0
"""Ethernet frames and what is in them, built and taken apart, right or deliberately wrong.

Builders give bytes; each takes the payload last.  Checksums are right unless one is given.  Addresses
are text.  parse() gives what it can of a frame and never fails.
"""
import ipaddress
import struct
from types import SimpleNamespace

IP4, ARP, IP6 = 0x0800, 0x0806, 0x86DD
ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << n for n in range(8))
BROADCAST = "ff:ff:ff:ff:ff:ff"


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def mac_text(data):
    return data.hex(":")


def ip_bytes(text):
    return ipaddress.ip_address(text).packed


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ethernet(source, destination, kind, payload=b""):
    return mac_bytes(destination) + mac_bytes(source) + struct.pack("!H", kind) + payload


def arp(operation, sender_mac, sender, target_mac, target):
    """The packet behind Ethernet's header: operation 1 asks, 2 answers."""
    return (struct.pack("!HHBBH", 1, IP4, 6, 4, operation) + mac_bytes(sender_mac) +
            ip_bytes(sender) + mac_bytes(target_mac) + ip_bytes(target))


def ip4(source, destination, protocol, payload=b"", *, ttl=64, ident=0, flags=0, offset=0,
        tos=0, options=b"", total=None, check=None, version=4, words=None):
    """`flags`: 1 more fragments, 2 do not fragment; `offset` in units of eight bytes."""
    options += b"\0" * (-len(options) % 4)
    words = 5 + len(options) // 4 if words is None else words
    total = 20 + len(options) + len(payload) if total is None else total
    head = bytearray(struct.pack("!BBHHHBBH", version << 4 | words, tos, total, ident,
                                 flags << 13 | offset, ttl, protocol, 0) +
                     ip_bytes(source) + ip_bytes(destination) + options)
    struct.pack_into("!H", head, 10, checksum(bytes(head)) if check is None else check)
    return bytes(head) + payload


def ip6(source, destination, following, payload=b"", *, hops=64, traffic_class=0, flow=0,
        size=None):
    size = len(payload) if size is None else size
    return (struct.pack("!IHBB", 6 << 28 | traffic_class << 20 | flow, size, following, hops) +
            ip_bytes(source) + ip_bytes(destination) + payload)


def pseudo(source, destination, protocol, size):
    source, destination = ip_bytes(source), ip_bytes(destination)
    if len(source) == 4:
        return source + destination + struct.pack("!BBH", 0, protocol, size)
    return source + destination + struct.pack("!IHBB", size, 0, 0, protocol)


def with_checksum(data, place, before=b"", check=None):
    """`data` with its field at `place` filled in."""
    data = bytearray(data)
    struct.pack_into("!H", data, place, 0)
    value = checksum(before + bytes(data)) if check is None else check
    struct.pack_into("!H", data, place, value)
    return bytes(data)


def icmp(kind, code, rest, payload=b"", *, check=None):
    """`rest`: the second word of the header, as a number."""
    return with_checksum(struct.pack("!BBHI", kind, code, 0, rest) + payload, 2, check=check)


def icmp6(source, destination, kind, code, rest, payload=b"", *, check=None):
    data = struct.pack("!BBHI", kind, code, 0, rest) + payload
    return with_checksum(data, 2, pseudo(source, destination, ICMP6, len(data)), check)


def udp(source, destination, source_port, destination_port, payload=b"", *, size=None, check=None):
    size = 8 + len(payload) if size is None else size
    data = struct.pack("!HHHH", source_port, destination_port, size, 0) + payload
    return with_checksum(data, 6, pseudo(source, destination, UDP, len(data)), check)


def tcp(source, destination, source_port, destination_port, payload=b"", *, seq=0, ack=0, flags=0,
        window=65535, urgent=0, options=b"", words=None, check=None):
    options += b"\1" * (-len(options) % 4)
    words = 5 + len(options) // 4 if words is None else words
    data = struct.pack("!HHIIBBHHH", source_port, destination_port, seq & 0xFFFFFFFF,
                       ack & 0xFFFFFFFF, words << 4, flags, window, 0, urgent) + options + payload
    return with_checksum(data, 16, pseudo(source, destination, TCP, len(data)), check)


def parse_arp(frame, out):
    if len(frame) >= 42:
        out.operation, = struct.unpack_from("!H", frame, 20)
        out.sender_mac, out.target_mac = mac_text(frame[22:28]), mac_text(frame[32:38])
        out.sender = str(ipaddress.ip_address(frame[28:32]))
        out.target = str(ipaddress.ip_address(frame[38:42]))


def parse_transport(out):
    data = out.payload
    if out.protocol == UDP and len(data) >= 8:
        out.source_port, out.destination_port, out.size, out.check = struct.unpack_from("!4H", data)
        out.data = data[8:]
    elif out.protocol == TCP and len(data) >= 20:
        (out.source_port, out.destination_port, out.seq, out.ack, words, out.flags, out.window,
         out.check, out.urgent) = struct.unpack_from("!HHIIBBHHH", data)
        out.options, out.data = data[20:(words >> 4) * 4], data[(words >> 4) * 4:]
    elif out.protocol in (ICMP, ICMP6) and len(data) >= 8:
        out.type, out.code, out.check, out.rest = struct.unpack_from("!BBHI", data)
        out.data = data[8:]


def parse_ip4(frame, out):
    if len(frame) < 34:
        return
    words, out.tos, out.total, out.ident, fragment, out.ttl, out.protocol, _ = struct.unpack_from(
        "!BBHHHBBH", frame, 14)
    out.ip_flags, out.offset = fragment >> 13, fragment & 0x1FFF
    out.source = str(ipaddress.ip_address(frame[26:30]))
    out.destination = str(ipaddress.ip_address(frame[30:34]))
    size = (words & 15) * 4
    out.is_intact = checksum(frame[14:14 + size]) == 0
    out.payload = frame[14 + size:14 + out.total]


def parse_ip6(frame, out):
    if len(frame) < 54:
        return
    out.size, out.protocol, out.ttl = struct.unpack_from("!HBB", frame, 18)
    out.source = str(ipaddress.ip_address(frame[22:38]))
    out.destination = str(ipaddress.ip_address(frame[38:54]))
    out.is_intact = True
    out.payload = frame[54:54 + out.size]


def is_transport_intact(out):
    """Whether the checksum of what is no fragment is right; None: it has none, or cannot be known."""
    if not hasattr(out, "data") or getattr(out, "offset", 0) or getattr(out, "ip_flags", 0) & 1:
        return None
    if out.protocol == UDP and out.check == 0:
        return None
    before = b"" if out.protocol == ICMP else pseudo(out.source, out.destination, out.protocol,
                                                     len(out.payload))
    return checksum(before + out.payload) == 0


def parse(frame):
    """What is in a frame, as attributes; those that it does not have are not there.

    kind, to, by (link addresses); operation, sender, target ... of ARP; source, destination, protocol,
    payload, is_intact of IP; source_port, destination_port, flags, seq, ack, type, code, rest, data of
    what is in that, and is_transport_intact.
    """
    out = SimpleNamespace(frame=frame, kind=None, protocol=None)
    if len(frame) < 14:
        return out
    out.to, out.by = mac_text(frame[:6]), mac_text(frame[6:12])
    out.kind, = struct.unpack_from("!H", frame, 12)
    {ARP: parse_arp, IP4: parse_ip4, IP6: parse_ip6}.get(out.kind, lambda *_: None)(frame, out)
    if out.protocol is not None and getattr(out, "offset", 0) == 0:
        parse_transport(out)
        out.is_transport_intact = is_transport_intact(out)
    return out

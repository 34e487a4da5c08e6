# SPDX-License-Identifier: Apache-2.0
"""The network's tools, built for the host under sanitizers, against this host's stack and small servers."""
import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

BIN = pathlib.Path(os.environ.get("SWOS_BUILD", "build")).resolve() / "host/bin"


def run(*words, timeout=20):
    return subprocess.run([BIN / words[0], *map(str, words[1:])], capture_output=True, text=True,
                          timeout=timeout)


def output(result):
    assert (result.stderr, result.returncode) == ("", 0)
    return result.stdout


def refused(result, *texts):
    assert result.returncode != 0
    assert all(text in result.stderr for text in texts), result.stderr


@pytest.fixture
def start():
    """Starts a tool that waits, after its first line; gives the process."""
    started = []

    def begin(*words, first):
        process = subprocess.Popen([BIN / words[0], *map(str, words[1:])], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == first, process.stderr.read()
        return process
    yield begin
    for process in started:
        process.kill()
        process.communicate()


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.mark.parametrize("host,words", [("127.0.0.1", []), ("::1", []), ("::1", ["-6"]), ("127.0.0.1", ["-4"])])
def test_tcpecho(start, host, words):
    port = free_port()
    server = start("tcpecho", *words, "-p", port, first=f"tcpecho: listening on {port}\n")
    with socket.create_connection((host, port), timeout=10) as s:
        s.sendall(b"swos tcp\n")
        assert s.recv(100) == b"swos tcp\n" and s.recv(100) == b""
    assert server.communicate(timeout=10) == ("tcpecho: got 9 bytes\n", "")
    assert server.returncode == 0


def test_tcpecho_of_all_that_comes(start):
    port = free_port()
    server = start("tcpecho", "-a", "-p", port, first=f"tcpecho: listening on {port}\n")
    data = os.urandom(1 << 20)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR))).start()
        got = b""
        while more := s.recv(65536):
            got += more
    assert got == data
    assert server.communicate(timeout=10)[0] == f"tcpecho: got {len(data)} bytes\n"


@pytest.mark.parametrize("host,shown", [("127.0.0.1", r"127\.0\.0\.1"), ("::1", r"\[::1\]")])
def test_udpecho(start, host, shown):
    port = free_port(socket.SOCK_DGRAM)
    server = start("udpecho", "-p", port, first=f"udpecho: listening on {port}\n")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.sendto(b"swos udp", (host, port))
        assert s.recv(100) == b"swos udp"
        mine = s.getsockname()[1]
    assert re.fullmatch(rf"udpecho: got 8 bytes from {shown}:{mine}\n", server.communicate(timeout=10)[0])


def test_echo_tools_name_what_is_wrong():
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
        s.bind(("::", 0))
        s.listen()
        refused(run("tcpecho", "-p", s.getsockname()[1]), "tcpecho: bind failed", "Address already in use")
    for words in (("-p", "0"), ("-p", "x"), ("x",)):
        refused(run("tcpecho", *words), "usage: tcpecho")
        refused(run("udpecho", *words), "usage: udpecho")


def test_tcpget():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        said = []

        def serve():
            connection, _ = listener.accept()
            said.append(connection.recv(100))
            connection.sendall(b"srv-reply\n")
            connection.close()
        thread = threading.Thread(target=serve)
        thread.start()
        text = output(run("tcpget", "127.0.0.1", port))
        thread.join()
    assert said == [b"GET swos\n"]
    assert text == f"tcpget: connected to 127.0.0.1:{port}\nsrv-reply\ntcpget: got 10 bytes\n"
    refused(run("tcpget", "127.0.0.1", port), "tcpget: connect failed", "Connection refused")
    refused(run("tcpget", "no.such.name.invalid", port), "tcpget: no.such.name.invalid")


def test_tcpget_does_not_wait_for_ever():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        refused(run("tcpget", "-w", 1, "127.0.0.1", listener.getsockname()[1]), "tcpget: recv")


class NameServer(threading.Thread):
    """Answers queries over UDP and TCP by a function of name and type."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.answer = answer
        self.tcp, self.udp, self.port = self.bind()
        self.tcp.listen()
        self.start()
        threading.Thread(target=self.run_tcp, daemon=True).start()

    @staticmethod
    def bind():
        """A port that both protocols have free."""
        while True:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind(("127.0.0.1", 0))
            tcp = socket.socket()
            with contextlib.suppress(OSError):  # somebody has it for TCP
                tcp.bind(udp.getsockname())
                return tcp, udp, udp.getsockname()[1]
            tcp.close()
            udp.close()

    @staticmethod
    def question(query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        return ".".join(labels), struct.unpack(">H", query[at + 1:at + 3])[0], query[12:at + 5]

    def reply(self, query, over_tcp):
        name, kind, question = self.question(query)
        code, records, truncated = self.answer(name, kind, over_tcp)
        flags = 0x8180 | code | (0x200 if truncated else 0)
        body = b"".join(struct.pack(">HHHIH", 0xc00c, k, 1, 60, len(d)) + d for k, d in records)
        return struct.pack(">2sHHHHH", query[:2], flags, 1, len(records), 0, 0) + question + body

    def run(self):
        while True:
            query, who = self.udp.recvfrom(4096)
            # What comes from others, or answers something else, must not be taken.
            reply = self.reply(query, False)
            self.udp.sendto(bytes([reply[0] ^ 1]) + reply[1:], who)
            self.udp.sendto(reply, who)

    def run_tcp(self):
        while True:
            connection, _ = self.tcp.accept()
            with connection:
                size = connection.recv(2)
                if len(size) == 2:
                    reply = self.reply(connection.recv(struct.unpack(">H", size)[0]), True)
                    connection.sendall(struct.pack(">H", len(reply)) + reply)


def some_names(name, kind, over_tcp):
    if name == "many.swos":
        return 0, [(1, bytes([10, 0, 0, i])) for i in range(200)] if over_tcp else [], not over_tcp
    if name == "test.swos" and kind == 1:
        return 0, [(1, bytes([10, 1, 2, 3]))], False
    if name == "test.swos" and kind == 28:
        return 0, [(28, socket.inet_pton(socket.AF_INET6, "2001:db8::1"))], False
    if name == "test.swos" and kind == 15:
        return 0, [(15, struct.pack(">H", 10) + b"\x04mail\x04test\x00")], False
    if name == "3.2.1.10.in-addr.arpa" and kind == 12:
        return 0, [(12, b"\x04test\x04swos\x00")], False
    return (0, [], False) if name == "test.swos" else (3, [], False)


def test_nslookup():
    port = NameServer(some_names).port
    assert output(run("nslookup", "test.swos", "127.0.0.1", port)) == (
        f"Server: 127.0.0.1:{port}\n\nName: test.swos\nAddress: 10.1.2.3\n")
    assert "Address: 2001:db8::1\n" in output(run("nslookup", "test.swos", "127.0.0.1", port, "AAAA"))
    assert "test.swos MX 10 mail.test" in output(run("nslookup", "test.swos", "127.0.0.1", port, "MX"))
    assert "PTR test.swos" in output(run("nslookup", "10.1.2.3", "127.0.0.1", port))
    assert output(run("nslookup", "many.swos", "127.0.0.1", port)).count("Address: ") == 200
    refused(run("nslookup", "no.swos", "127.0.0.1", port), "nslookup: no.swos: no such name")
    refused(run("nslookup", "test.swos", "127.0.0.1", port, "TXT"), "no record of that type")
    refused(run("nslookup", "a..b", "127.0.0.1", port), "a..b: not a name")
    refused(run("nslookup", "test.swos", "127.0.0.1", free_port(socket.SOCK_DGRAM)), "Connection refused")
    refused(run("nslookup"), "usage: nslookup")


class Clock(threading.Thread):
    """A time server that answers as `change` of an honest answer says."""

    def __init__(self, change=lambda answer: answer, ahead=0.0):
        super().__init__(daemon=True)
        self.change, self.ahead = change, ahead
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            question, who = self.socket.recvfrom(1024)
            now = time.time() + self.ahead + 2208988800
            stamp = struct.pack(">II", int(now) & 0xffffffff, int(now % 1 * 2**32))
            answer = struct.pack(">BBbbII4s8s8s8s8s", 0x24, 2, 6, -20, 100, 100, b"TEST", stamp,
                                 question[40:48], stamp, stamp)
            self.socket.sendto(self.change(answer), who)


def test_ntp_measures():
    text = output(run("ntp", "-q", "-p", Clock(ahead=5).port, "127.0.0.1"))
    assert re.match(r"ntp: 127\.0\.0\.1 stratum 2 offset \+(4\.9|5\.0)\d+ s delay 0\.0\d+ s\n", text)


@pytest.mark.parametrize("change,why", [
    (lambda a: a[:24] + bytes(8) + a[32:], "no answer"), (lambda a: a[:40], "no answer"),
    (lambda a: a[:1] + b"\0" + a[2:], "left alone"), (lambda a: b"\xe4" + a[1:], "does not know the time"),
    (lambda a: a[:1] + b"\x10" + a[2:], "does not know the time"), (lambda a: b"\x23" + a[1:], "no answer"),
    (lambda a: a[:8] + b"\0\x10\0\0" + a[12:], "too far"), (lambda a: a[:40] + bytes(8), "cannot be")],
    ids=range(8))
def test_ntp_believes_not_everybody(change, why):
    refused(run("ntp", "-q", "-p", Clock(change).port, "127.0.0.1", timeout=30), "ntp: 127.0.0.1: ", why)


def test_ntp_of_nobody():
    refused(run("ntp", "-q", "-p", free_port(socket.SOCK_DGRAM), "127.0.0.1"), "Connection refused")
    refused(run("ntp"), "usage: ntp")


def free_pair():
    """A port of UDP and TCP that no connection gets by chance."""
    while True:
        port = random.randrange(20000, 30000)
        with contextlib.suppress(OSError), socket.socket() as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port


class Resolver:
    """swos-resolver with this server behind it."""

    def __init__(self, folder, server_port, *servers):
        self.file = folder / "resolvers"
        self.file.write_text("".join(f"nameserver {a}\n" for a in servers or ("127.0.0.1",)))
        self.port = free_pair()
        self.process = subprocess.Popen([BIN / "swos-resolver", "-p", str(self.port), "-P", str(server_port),
                                         "-f", self.file], stderr=subprocess.PIPE, text=True)
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.05)

    def ask(self, *words):
        return run("nslookup", words[0], "127.0.0.1", self.port, *words[1:])


@pytest.fixture
def resolve(tmp_path):
    started = []

    def start(answer, *servers):
        asked = []

        def note(name, kind, over_tcp):
            asked.append((name.lower(), kind))
            return answer(name, kind, over_tcp)
        started.append(Resolver(tmp_path, NameServer(note).port, *servers))
        return started[-1], asked
    yield start
    for one in started:
        one.process.terminate()
        assert one.process.communicate()[1] == "" and one.process.returncode == -signal.SIGTERM


def test_answers_are_kept(resolve):
    resolver, asked = resolve(some_names)
    for name in ("test.swos", "TEST.swos", "test.swos"):
        assert "Address: 10.1.2.3\n" in output(resolver.ask(name))
    assert asked == [("test.swos", 1)]
    assert "Address: 2001:db8::1\n" in output(resolver.ask("test.swos", "AAAA"))
    assert len(asked) == 2
    assert output(resolver.ask("many.swos")).count("Address: ") == 200  # over TCP, and not kept
    refused(resolver.ask("no.swos"), "no such name")


def test_answers_are_kept_for_their_time_only(resolve):
    resolver, asked = resolve(some_names)
    query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\4test\4swos\0\0\1\0\1"
    times = []
    for _ in range(2):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(query, ("127.0.0.1", resolver.port))
            reply = s.recv(512)
        assert reply[:2] == b"\0\7"
        times += struct.unpack(">I", reply[len(query) + 6:len(query) + 10])
        time.sleep(1.5)
    assert len(asked) == 1 and times[0] == 60 and times[1] in (57, 58, 59)


def test_servers_that_are_silent_are_passed_over_and_changed_ones_found(resolve, tmp_path):
    resolver, asked = resolve(some_names, "127.0.0.2", "127.0.0.1")  # nobody listens at the first
    assert "Address: 10.1.2.3\n" in output(resolver.ask("test.swos"))
    resolver.file.write_text("nameserver 127.0.0.3\n")
    result = resolver.ask("test.swos", "AAAA")
    refused(result, "server failure" if "server failure" in result.stderr else "nslookup: ")
    resolver.file.write_text("nameserver 127.0.0.1\n")
    assert "2001:db8::1" in output(resolver.ask("test.swos", "AAAA"))


def test_many_who_ask_the_same_are_answered_by_one_question(resolve):
    def slow(name, kind, over_tcp):
        time.sleep(0.5)
        return some_names(name, kind, over_tcp)
    resolver, asked = resolve(slow)
    query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\4test\4swos\0\0\1\0\1"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(20)]
        for c in clients:
            c.settimeout(5)
            c.sendto(query, ("127.0.0.1", resolver.port))
        assert all(c.recv(512)[-4:] == b"\x0a\1\2\3" for c in clients)
    assert len(asked) == 1


def test_nonsense_does_not_hurt_the_resolver(resolve):
    resolver, _ = resolve(some_names)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for size in range(0, 600, 7):
            s.sendto(os.urandom(size), ("127.0.0.1", resolver.port))
    with socket.create_connection(("127.0.0.1", resolver.port)) as s:
        s.sendall(b"\xff\xff")
    assert "Address: 10.1.2.3\n" in output(resolver.ask("test.swos"))


# ---- In a network of its own, where the machine lets everybody have one ----

def has_namespaces():
    return subprocess.run(["unshare", "-rn", "ip", "link", "set", "lo", "up"],
                          capture_output=True).returncode == 0


def inside(script, timeout=60):
    """Runs a shell script in a network of its own, with the tools as its commands.  What it leaves ends."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        shell = subprocess.Popen(["unshare", "-rn", "sh", "-euc", script], stdout=out, stderr=errors,
                                 start_new_session=True,
                                 env={"PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
                                      "ASAN_OPTIONS": "detect_leaks=0"})
        try:
            status = shell.wait(timeout)
        finally:
            with contextlib.suppress(ProcessLookupError):  # nothing was left
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
        out.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(script, status, out.read(), errors.read())


if has_namespaces():
    def test_ping():
        text = output(inside("ip link set lo up; echo 0 0 >/proc/sys/net/ipv4/ping_group_range\n"
                             "ping -c 3 -i 0.01 -s 100 127.0.0.1; ping -6 -q -c 2 -i 0.01 ::1"))
        assert len(re.findall(r"108 bytes from 127\.0\.0\.1: seq=\d ttl=64 time=[\d.]+ ms", text)) == 3
        assert "3 packets transmitted, 3 received, 0% packet loss" in text
        assert "PING ::1 (::1)" in text and "2 packets transmitted, 2 received" in text

    def test_ping_without_an_answer_fails():
        result = inside("ip link add x type veth peer name y; ip link set y up; ip addr add 10.9.9.1/24 dev x; ip link set x up\n"
                        "echo 0 0 >/proc/sys/net/ipv4/ping_group_range; ping -c 1 -W 0.2 10.9.9.2")
        assert result.returncode == 1 and "100% packet loss" in result.stdout
        refused(run("ping"), "usage: ping")

    def test_net_shows_and_changes():
        text = output(inside(
            "ip link add eth7 type veth peer name y; ip link set y up; net link eth7 up; net link eth7 mtu 1400\n"
            "net address add 192.0.2.5/24 eth7; net address add 2001:db8::5/64 eth7\n"
            "net route add default via 192.0.2.1; net route add 198.51.100.0/24 via 192.0.2.9 metric 7\n"
            "net neighbour add 192.0.2.1 02:00:00:00:00:01 eth7; net; net neigh; net counters; echo ---\n"
            "net address remove 2001:db8::5/64 eth7; net route del 198.51.100.0/24 via 192.0.2.9\n"
            "net neighbour remove 192.0.2.1 eth7; net; net neigh"))
        before, after = text.split("---")
        assert re.search(r"^eth7 up mtu 1400 ..:..:..:..:..:..$", before, re.M)
        for line in ("eth7 192.0.2.5/24 static", "eth7 2001:db8::5/64 static",
                     "default via 192.0.2.1 dev eth7 metric 0 static",
                     "198.51.100.0/24 via 192.0.2.9 dev eth7 metric 7 static",
                     "192.0.2.1 dev eth7 02:00:00:00:00:01 permanent"):
            assert line in before
        assert " packets " in before
        for gone in ("2001:db8::5", "198.51.100.0", "02:00:00:00:00:01"):
            assert gone not in after
        for words, why in (("address add 1.2.3/24 eth7", "1.2.3: not an address"),
                           ("address add 1.2.3.4/33 eth7", "not a network"),
                           ("link none up", "none: No such device"), ("frob", "usage: net"),
                           ("route add 10.0.0.0/8 via", "usage: net")):
            refused(inside(f"ip link add eth7 type veth peer name y; net {words}"), why)

    DHCP = r"""
ip link set lo up; ip link add eth0 type veth peer name srv0
unshare -n sleep 60 & other=$!
sleep 0.2; ip link set srv0 netns $other
in="nsenter -t $other -n"
$in ip addr add 10.0.2.2/24 dev srv0; $in ip link set srv0 up
d=$(mktemp -d)
netd() { swos-netd -c $d/net -6 $d/net6 -r $d/resolv -R $d/servers -s $d/state -l - 2>&1 & netd=$!; }
"""

    def test_netd_takes_a_lease_and_gives_it_back():
        text = output(inside(DHCP + r"""
$in dnsmasq -d -C /dev/null --port=0 --user=root --interface=srv0 --bind-interfaces \
    --dhcp-range=10.0.2.15,10.0.2.15,2m --dhcp-option=3,10.0.2.2 --dhcp-option=6,10.0.2.3,10.0.2.4 \
    --dhcp-option=15,example.org --dhcp-leasefile=$d/leases 2>$d/dnsmasq & server=$!
sleep 0.3; netd; sleep 5
ip -o addr show dev eth0; ip route; cat $d/resolv $d/state; net route
kill $netd; wait $netd; ip -4 -o addr show dev eth0 | sed 's/^/after /'; sleep 0.3
grep -o DHCPRELEASE $d/dnsmasq; kill $server $other"""))
        assert "net-dhcp OK: lease 10.0.2.15 gateway 10.0.2.2 dns 10.0.2.3" in text
        assert re.search(r"inet 10\.0\.2\.15/24 .*dynamic", text)
        assert "default via 10.0.2.2 dev eth0 proto dhcp" in text
        assert "nameserver 10.0.2.3\nnameserver 10.0.2.4\nsearch example.org\neth0 dhcp\n" in text
        assert "after" not in text and "DHCPRELEASE" in text

    def test_netd_falls_back_when_nobody_answers():
        text = output(inside(DHCP + r"""
printf 'eth0.dhcp=on\nnonsense\n' >$d/net
netd; sleep 14; ip -4 -o addr show dev eth0; ip route; cat $d/resolv $d/state; kill $netd $other"""))
        assert "net-dhcp: no server answers on eth0: fallback 10.0.2.15" in text
        assert "net:2: not a setting" in text
        assert "inet 10.0.2.15/24" in text and "default via 10.0.2.2" in text
        assert "nameserver 10.0.2.3\neth0 fallback\n" in text

    def test_netd_does_what_the_administrator_says():
        text = output(inside(DHCP + r"""
printf '# ours\ndhcp = off\neth0.address=192.0.2.7/24\ngateway=192.0.2.1\neth9.address=192.0.3.1/24\n' >$d/net
printf 'nameserver=192.0.2.53\nsearch=swos.test\n' >>$d/net
printf 'address=2001:db8:0:3df1::1/64\ngateway=fe80::1\n' >$d/net6
netd; sleep 1; net; cat $d/resolv $d/state; kill $netd $other"""))
        assert "net-hc23 OK: static IPv6 2001:db8:0:3df1::1/64 gateway fe80::1" in text
        for line in ("eth0 192.0.2.7/24 static", "default via 192.0.2.1 dev eth0",
                     "eth0 2001:db8:0:3df1::1/64 static", "default6 via fe80::1 dev eth0",
                     "nameserver 192.0.2.53\nsearch swos.test\neth0 static\n"):
            assert line in text
        assert "192.0.3.1" not in text and "lease" not in text

    def test_netd_follows_a_changed_policy():
        text = output(inside(DHCP + r"""
printf 'dhcp=off\naddress=192.0.2.7/24\naddress=192.0.3.7/24\ngateway=192.0.2.1\n' >$d/net
printf 'address=2001:db8::1/64\ngateway=fe80::1\n' >$d/net6
netd; sleep 1; net; echo ---
printf 'dhcp=off\naddress=192.0.2.7/24\naddress=192.0.4.7/24\ngateway=192.0.2.2\n' >$d/net; rm $d/net6
kill -HUP $netd; sleep 1; net; kill $netd; wait $netd"""))
        before, after = text.split("---")
        assert "192.0.3.7/24" in before and "via 192.0.2.1" in before and "2001:db8::1/64" in before
        for line in ("192.0.2.7/24", "192.0.4.7/24", "default via 192.0.2.2"):
            assert line in after
        for gone in ("192.0.3.7", "via 192.0.2.1 ", "2001:db8::", "default6"):
            assert gone not in after

    @pytest.mark.parametrize("lines,why", [
        ("address=2001:db8::1/65\ngateway=fe80::1", "is not an IPv6 address with /64"),
        ("address=10.0.0.1/64\ngateway=fe80::1", "is not an IPv6 address with /64"),
        ("address=2001:db8::1/64\ngateway=2001:db8::2", "is not a link-local IPv6 address"),
        ("address=2001:db8::1/64", "there is no gateway"), ("address", "a line that is no setting")])
    def test_a_wrong_static_ipv6_is_passed_over(lines, why):
        text = output(inside(DHCP + rf"""
printf '{lines}\n' >$d/net6; printf 'dhcp=off\n' >$d/net
netd; sleep 0.6; net; kill $netd $other""".replace("\n}", "}")))
        assert "net: warning: " in text and why in text and "hc23" not in text and "2001:db8" not in text


def test_netinfo_refuses_what_it_does_not_know():
    refused(run("netinfo", "--frob"), "usage: netinfo")


if has_namespaces():
    def test_ss_lists_sockets():
        text = output(inside("ip link set lo up; tcpecho -p 7001 >/dev/null & udpecho -p 7002 >/dev/null & sleep 1\n"
                             "ss -l; echo ---; ss -lt"))
        both, tcp = text.split("---")
        assert re.search(r"^tcp +LISTEN +\d+ +\d+ \*:7001 +\*:\*$", both, re.M)
        assert re.search(r"^udp +UNCONN +\d+ +\d+ \*:7002 +\*:\*$", both, re.M)
        assert "7001" in tcp and "7002" not in tcp

    # Three machines in a row: here, srv0 at the other end, and an address behind it.
    ROW = r"""
ip link set lo up; ip link add eth0 type veth peer name srv0
unshare -n sleep 60 & other=$!
sleep 0.2; ip link set srv0 netns $other
in="nsenter -t $other -n"
ip addr add 10.0.2.1/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.2
$in ip link set lo up; $in ip addr add 10.0.2.2/24 dev srv0; $in ip link set srv0 up
"""

    def test_traceroute():
        text = output(inside(ROW + r"""
unshare -n sleep 60 & last=$!
sleep 0.2; $in ip link add e1 type veth peer name e2; $in ip link set e2 netns $last
$in ip addr add 10.0.3.1/24 dev e1; $in ip link set e1 up; $in sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
end="nsenter -t $last -n"
$end ip addr add 10.0.3.2/24 dev e2; $end ip link set e2 up; $end ip route add default via 10.0.3.1
traceroute -q 2 10.0.3.2; kill $other $last"""))
        assert re.search(r"^ 1  10\.0\.2\.2 [\d.]+ ms [\d.]+ ms$", text, re.M)
        assert re.search(r"^ 2  10\.0\.3\.2 [\d.]+ ms [\d.]+ ms$", text, re.M)

    def test_capture_writes_what_others_read(tmp_path):
        text = output(inside(ROW + rf"""
capture -i eth0 -c 8 -w {tmp_path}/pcap & first=$!
capture -i eth0 -s 60 -c 8 & second=$!
sleep 0.7; echo 0 0 >/proc/sys/net/ipv4/ping_group_range; ping -c 4 -i 0.05 10.0.2.2 >/dev/null
wait $first; wait $second"""))
        assert re.search(r"^\d\d:\d\d:\d\d\.\d{6} 10\.0\.2\.1 > 10\.0\.2\.2 icmp type 8 code 0 \(98 bytes\)$",
                         text, re.M)
        data = (tmp_path / "pcap").read_bytes()
        assert struct.unpack("<IHHIIII", data[:24])[::6] == (0xa1b23c4d, 1)
        packets, at = [], 24
        while at < len(data):
            seconds, _, kept, size = struct.unpack("<IIII", data[at:at + 16])
            assert abs(seconds - time.time()) < 60 and kept == size
            packets.append(data[at + 16:at + 16 + kept])
            at += 16 + kept
        echoes = [p for p in packets if p[12:14] == b"\x08\0" and p[23] == 1]
        assert len(packets) == 8 and echoes[0][26:34] == b"\x0a\0\x02\x01\x0a\0\x02\x02"


def test_capture_names_what_is_wrong():
    refused(run("capture", "-w", "x"), "usage: capture")
    refused(run("capture", "-i", "none0"), "capture: ")

# SPDX-License-Identifier: Apache-2.0
"""The runbooks of the network, end to end: a guest with a card on QEMU's own network."""
import re
import resource
import socket
import subprocess
import threading

import pytest

from conftest import ROOT, Session


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def connected(session):
    """A login on a machine with a network that is set up."""
    def start(*forwards, words=()):
        s = session("--smp", "2", "--net", *forwards, *words)
        s.log_in("root", "swordfish")
        s.terminal.wait_for_text(r"net-dhcp OK: lease 10\.0\.2\.15 gateway 10\.0\.2\.2 dns 10\.0\.2\.3")
        return s
    return start


def output(session, command):
    text, status = session.run(command)
    assert status == 0, text
    return text


def test_the_network_is_set_up_by_itself(connected):
    s = connected()
    text = output(s, "netinfo --check")
    for line in ("ready yes", "ipv4 10.0.2.15/24 source dhcp", "gateway4 10.0.2.2", "dns4 10.0.2.3",
                 "HC27 OK", "check ok"):
        assert f"netinfo: {line}\n" in text
    text, status = s.run("netinfo --check --require-static6")
    assert status != 0 and "no static IPv6 address" in text
    text = output(s, "net")
    assert "lo 127.0.0.1/8" in text and "eth0 10.0.2.15/24 dhcp valid " in text
    assert "default via 10.0.2.2 dev eth0" in text
    assert output(s, "cat /etc/resolv.conf").endswith("nameserver 10.0.2.3\n")


def serve_names(server, asked):
    """Answers every question for an address with 10.1.2.3, until the socket is closed."""
    def serve():
        while True:
            try:
                query, who = server.recvfrom(2048)
            except OSError:
                return
            asked.append(query)
            end = query.index(b"\0", 12) + 5
            server.sendto(query[:2] + bytes([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]) + query[12:end] +
                          b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x01\x02\x03", who)
    threading.Thread(target=serve, daemon=True).start()


@pytest.fixture
def image(build, tmp_path):
    """Makes the base image with this file, in the place of one that is there."""
    def make(name, text):
        lines = (ROOT / "user/base.list").read_text().splitlines()
        lines = [line for line in lines if line.split()[1:2] != [name]]
        (tmp_path / "file").write_text(text)
        (tmp_path / "list").write_text("\n".join([*lines, f"file {name} {tmp_path}/file\n"]))
        out = tmp_path / "base.img"
        subprocess.run([ROOT / "tools/basepack", "--build", build, out, tmp_path / "list",
                        ROOT / "user/tools.list"], check=True, cwd=ROOT)
        return out
    return make


def test_static_ipv6_of_the_image(image, machine):
    base = image("/etc/swos/net-ipv6", "address=2001:db8:0:3df1::1/64\ngateway=fe80::1\n")
    s = Session(machine("--base", base, "--net"))
    s.log_in("root", "swordfish")
    s.terminal.wait_for_text(r"net-hc23 OK: static IPv6 2001:db8:0:3df1::1/64 gateway fe80::1")
    s.terminal.wait_for_text(r"net-dhcp OK: lease")
    # The address is looked for on the link before it is used.
    text = output(s, "sleep 2; netinfo --check --require-static6")
    assert "netinfo: ipv6 2001:0db8:0000:3df1:0000:0000:0000:0001 prefix 64 source static\n" in text
    assert "netinfo: gateway6 fe80::1\n" in text and "netinfo: check ok\n" in text


def test_answers_are_kept_where_that_is_wanted(image, machine):
    asked = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        # The guest's resolver asks port 53 of its servers; ours is reached through its own options.
        serve_names(server, asked)
        s = Session(machine("--base", image("/etc/swos/net", "cache=on\n"), "--net"))
        s.log_in("root", "swordfish")
        s.terminal.wait_for_text(r"net-dhcp OK: lease")
        assert "nameserver 127.0.0.1\n" in output(s, "cat /etc/resolv.conf")
        assert output(s, "cat /run/resolvers") == "nameserver 10.0.2.3\n"
        assert "netinfo: dns4 10.0.2.3\n" in output(s, "netinfo --check")
        assert "swos-resolver" in output(s, "ps -A")
        output(s, "echo nameserver 10.0.2.2 >/tmp/servers")
        port = server.getsockname()[1]
        s.terminal.type(f"swos-resolver -p 5300 -P {port} -f /tmp/servers &\n".encode())
        for _ in range(3):
            assert "Address: 10.1.2.3\n" in output(s, "sleep 0.3; nslookup test.swos 127.0.0.1 5300")
    assert len(asked) == 1


def test_wrong_static_ipv6_of_the_image_is_passed_over(image, machine):
    base = image("/etc/swos/net-ipv6", "address=2001:db8::1/48\ngateway=fe80::1\n")
    s = Session(machine("--base", base, "--net"))
    s.log_in("root", "swordfish")
    s.terminal.wait_for_text(r"net: warning: /etc/swos/net-ipv6 ignored: ")
    s.terminal.wait_for_text(r"net-dhcp OK: lease")
    assert "2001:db8" not in output(s, "net") and "hc23" not in s.terminal.text


def test_addresses_and_routes_are_changed(connected):
    s = connected()
    output(s, "net address add 192.0.2.9/24 eth0; net route add 198.51.100.0/24 via 192.0.2.1")
    text = output(s, "net")
    assert "eth0 192.0.2.9/24 static" in text and "198.51.100.0/24 via 192.0.2.1 dev eth0" in text
    output(s, "net route remove 198.51.100.0/24 via 192.0.2.1; net address remove 192.0.2.9/24 eth0")
    text = output(s, "net")
    assert "192.0.2.9" not in text and "198.51.100.0" not in text
    text, status = s.run("net address add 192.0.2.9/24 eth9")
    assert status != 0 and "eth9: No such device" in text


def test_without_a_card_nothing_waits(session):
    s = session()
    s.log_in("root", "swordfish")
    assert "swos-netd" not in output(s, "ps")
    text, status = s.run("netinfo --check")
    assert status != 0 and "check failed: no link" in text


def test_without_a_server_the_old_addresses_are_taken(session):
    """A card on a link where nobody answers."""
    s = session("--nic", "hubport,hubid=0")
    s.log_in("root", "swordfish")
    s.terminal.wait_for_text(r"net-dhcp: no server answers on eth0: fallback 10\.0\.2\.15", seconds=60)
    assert "ipv4 10.0.2.15/24 source fallback" in output(s, "netinfo --check")


def test_udpecho(connected):
    port = free_port(socket.SOCK_DGRAM)
    s = connected(f"udp:127.0.0.1:{port}-:5555")
    s.terminal.type(b"udpecho\n")
    s.terminal.wait_for_text(r"udpecho: listening on 5555")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.settimeout(20)
        u.sendto(b"swos udp", ("127.0.0.1", port))
        assert u.recv(100) == b"swos udp"
    s.terminal.wait_for_text(r"udpecho: got 8 bytes from 10\.0\.2\.2:\d+")


def test_tcpecho(connected):
    port = free_port()
    s = connected(f"tcp:127.0.0.1:{port}-:5555")
    s.terminal.type(b"tcpecho\n")
    s.terminal.wait_for_text(r"tcpecho: listening on 5555")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as c:
        c.sendall(b"swos tcp\n")
        assert c.recv(100) == b"swos tcp\n" and c.recv(100) == b""
    s.terminal.wait_for_text(r"tcpecho: got 9 bytes")


def test_tcpget(connected):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        said = []

        def serve():
            connection, _ = listener.accept()
            said.append(connection.recv(100))
            connection.sendall(b"srv-reply\n")
            connection.close()
        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        s = connected()
        assert output(s, f"tcpget 10.0.2.2 {port}") == (
            f"tcpget: connected to 10.0.2.2:{port}\nsrv-reply\ntcpget: got 10 bytes\n")
    assert said == [b"GET swos\n"]
    text, status = s.run(f"tcpget 127.0.0.1 {port}")
    assert status != 0 and "Connection refused" in text


def test_ping_and_capture(connected):
    s = connected()
    text = output(s, "capture -i eth0 -c 4 & ping -c 3 -i 0.2 10.0.2.2; wait")
    assert "3 packets transmitted, 3 received, 0% packet loss" in text
    assert re.search(r"10\.0\.2\.15 > 10\.0\.2\.2 icmp type 8 code 0 \(98 bytes\)", text)
    for words in ("127.0.0.1", "-6 ::1"):
        assert "2 received" in output(s, f"ping -c 2 -i 0.1 {words}")


# ---- The web server ----

@pytest.fixture
def web(connected):
    """httpd in the guest; gives the login and the port of this host that leads there."""
    def start(command="httpd", words=()):
        port = free_port()
        s = connected(f"tcp:127.0.0.1:{port}-:8080", words=words)
        s.terminal.type(f"{command} &\n".encode())
        s.terminal.wait_for_text(r"httpd: listening on 8080")
        return s, port
    return start


def curl(port, path, *words):
    return subprocess.run(["curl", "-sS", "-m", "30", *words, f"http://127.0.0.1:{port}{path}"],
                          capture_output=True, text=True, check=True).stdout


def test_httpd(web):
    s, port = web()
    assert "<h1>swift-os</h1>" in curl(port, "/")
    assert curl(port, "/hello.txt") == "hello from swift-os\n"
    assert 'href="./page.txt"' in curl(port, "/sub/")
    assert curl(port, "/nope", "-i").startswith("HTTP/1.1 404 Not Found")
    assert curl(port, "/hello.txt", "-r", "0-4") == "hello"
    assert curl(port, "/..%2fetc/passwd", "-i", "--path-as-is").startswith("HTTP/1.1 400")
    assert curl(port, "/../etc/passwd", "-i", "--path-as-is").startswith("HTTP/1.1 403")
    assert "httpd_workers 2\n" in curl(port, "/metrics")
    text, status = s.run("kill %1; wait %1")
    assert status == 0, text


def test_httpd_sends_much_to_many(web):
    """Files larger than any buffer, to several at a time, with and without a connection that stays."""
    s, port = web("head -c 3000000 /dev/urandom >/tmp/big; httpd -r /tmp")
    sums = output(s, "sha256sum /tmp/big").split()[0]
    clients = [subprocess.Popen(["sh", "-c", f"curl -sS -m 60 http://127.0.0.1:{port}/big | sha256sum"],
                                stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert all(c.communicate()[0].split()[0] == sums for c in clients)
    urls = [f"http://127.0.0.1:{port}/big"] * 3
    joined = subprocess.run(["curl", "-sS", "-m", "60", "-r", "1000000-1999999", *urls],
                            capture_output=True, check=True).stdout
    assert len(joined) == 3000000 and joined[:1000000] == joined[2000000:]


def ask(connection, path="/hello.txt"):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data or not data.endswith(b"\n"):
        more = connection.recv(65536)
        assert more, data
        data += more
    return data


def memory_used(session):
    return int(re.search(r"Mem: +\d+ +(\d+)", output(session, "free"))[1])


def test_two_thousand_idle_connections(web):
    """They cost at most 4 KiB each, program and system together; then they are gone without a trace."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))  # for QEMU too
    s, port = web("httpd -t 900", words=("--smp", "1"))
    for _ in range(20):
        curl(port, "/hello.txt")
    before = memory_used(s)
    held = [socket.create_connection(("127.0.0.1", port), timeout=30)]
    for _ in range(1999):
        assert ask(held[-1]).endswith(b"hello from swift-os\n")
        held.append(socket.create_connection(("127.0.0.1", port), timeout=30))
    assert "httpd_connections 2001\n" in curl(port, "/metrics")
    assert memory_used(s) - before < 2000 * 4
    for connection in held[::50]:
        assert ask(connection).endswith(b"hello from swift-os\n")
    for connection in held:
        connection.close()
    for _ in range(50):
        if memory_used(s) - before < 1000:
            break
    assert memory_used(s) - before < 1000


def test_slow_readers_and_slow_writers_stop_nobody_else(web):
    s, port = web("head -c 4000000 /dev/zero >/tmp/big; echo fine >/tmp/small; httpd -T 5 -r /tmp")
    writers, readers = [], []
    for _ in range(8):
        writers.append(socket.create_connection(("127.0.0.1", port), timeout=30))
        writers[-1].sendall(b"GET / HTTP/1.1\r\nHos")  # and no more
    for _ in range(8):
        readers.append(socket.create_connection(("127.0.0.1", port), timeout=30))
        readers[-1].sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" * 4)  # and read nothing
    for _ in range(20):
        assert curl(port, "/small") == "fine\n"
    for c in writers:
        data = b""
        while more := c.recv(4096):
            data += more
        assert data.startswith(b"HTTP/1.1 408 ")
    timed_out = re.search(r"httpd_connections_timed_out_total (\d+)", curl(port, "/metrics"))[1]
    assert int(timed_out) >= 8
    for c in writers + readers:
        c.close()


def test_httpd_without_authority_still_serves(web):
    """After it listens it holds no grant: only its handles."""
    s, port = web()
    curl(port, "/hello.txt")
    output(s, "mkdir /tmp/x")
    assert curl(port, "/sub/page.txt") == "A file in a folder.\n"


def test_two_servers_do_not_share_a_port(web):
    s, _ = web()
    text, status = s.run("httpd")
    assert status != 0 and "httpd: port 8080: Address" in text and "in use" in text


def test_nslookup_of_a_server_on_the_host(connected):
    """test.swos, from a responder of ours, which slirp shows as 10.0.2.2."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]

        serve_names(server, [])
        assert "Name: test.swos\nAddress: 10.1.2.3\n" in output(
            connected(), f"nslookup test.swos 10.0.2.2 {port}")


def test_who_has_no_network_is_refused(session):
    s = session("--net")
    s.log_in("user", "swordfish")
    text, status = s.run("nslookup test.swos 10.0.2.3")
    assert status != 0 and "Operation not permitted" in text

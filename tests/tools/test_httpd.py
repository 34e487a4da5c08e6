# SPDX-License-Identifier: Apache-2.0
"""httpd, built for the host under sanitizers, as clients see it: whole answers, byte for byte."""
import concurrent.futures
import email.utils
import http.client
import itertools
import os
import pathlib
import random
import re
import resource
import select
import signal
import socket
import subprocess
import time

import pytest

HTTPD = pathlib.Path(os.environ.get("SWOS_BUILD", "build")).resolve() / "host/bin/httpd"
BIG = bytes(random.Random(1).randbytes(3 << 20))


class Server:
    def __init__(self, root, *words, preexec=None):
        self.process = subprocess.Popen([HTTPD, "-p", "0", "-r", root, *map(str, words)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=preexec)
        line = self.process.stdout.readline()
        assert line.startswith("httpd: listening on "), self.process.stderr.read()
        self.port = int(line.split()[-1])

    def connect(self, host="127.0.0.1"):
        return socket.create_connection((host, self.port), timeout=10)

    def raw(self, data, host="127.0.0.1"):
        """All that comes back for these bytes, until the server's end."""
        with self.connect(host) as s:
            s.sendall(data)
            return read_all(s)

    def get(self, path, method="GET", **fields):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        c.putrequest(method, path)
        for name, value in fields.items():
            c.putheader(name.replace("_", "-"), value)
        c.endheaders()
        answer = c.getresponse()
        answer.body = answer.read()
        c.close()
        return answer

    def metric(self, name):
        text = self.get("/metrics").body.decode()
        return sum(int(line.split()[-1]) for line in text.splitlines()
                   if re.match(rf"{name}(\{{.*\}})? ", line))

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors


def read_all(s):
    out = b""
    try:
        while data := s.recv(1 << 16):
            out += data
    except ConnectionResetError:
        out += b"<reset>"
    return out


def read_answer(s):
    """One answer of a connection that stays: status and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(1)
        assert more, data
        data += more
    length = int(re.search(rb"Content-Length: (\d+)", data)[1])
    body = b""
    while len(body) < length:
        body += s.recv(length - len(body))
    return int(data.split()[1]), body


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "www"
    (folder / "sub/deep").mkdir(parents=True)
    (folder / "with").mkdir()
    (folder / "index.html").write_text("<h1>home</h1>\n")
    (folder / "with/index.html").write_text("inner\n")
    (folder / "hello.txt").write_text("hello\n")
    (folder / "empty").write_text("")
    (folder / "digits").write_text("0123456789")
    (folder / "sub/a <b>&.txt").write_text("odd")
    (folder / "sub/.hidden").write_text("x")
    (folder / "big.bin").write_bytes(BIG)
    (folder / "1k").write_bytes(BIG[:1024])
    (tmp_path / "secret").write_text("secret")
    return folder


@pytest.fixture
def start(root):
    started = []

    def run(*words, preexec=None):
        started.append(Server(root, *words, preexec=preexec))
        return started[-1]
    yield run
    for server in started:
        status, errors = server.stop()
        assert (status, errors) == (0, "")


@pytest.fixture
def server(start):
    return start("-w", 2)


def test_the_runbook(server):
    assert server.get("/").body == b"<h1>home</h1>\n"
    answer = server.get("/hello.txt")
    assert (answer.status, answer.body) == (200, b"hello\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Length"] == "6"
    assert abs(email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()) < 5
    listing = server.get("/sub/").body.decode()
    assert "a &lt;b&gt;&amp;.txt" in listing and 'href="./a%20%3Cb%3E%26.txt"' in listing
    assert ".hidden" not in listing and 'href="./deep/"' in listing
    assert server.get("/nope").status == 404


def test_curl_agrees(server, root, tmp_path):
    url = f"http://127.0.0.1:{server.port}/big.bin"
    subprocess.run(["curl", "-fsS", "-o", tmp_path / "out", url], check=True)
    assert (tmp_path / "out").read_bytes() == BIG
    (tmp_path / "out").write_bytes(BIG[:12345])
    subprocess.run(["curl", "-fsS", "-C", "-", "-o", tmp_path / "out", url], check=True)
    assert (tmp_path / "out").read_bytes() == BIG


def test_folders_have_an_index_a_slash_or_a_list(server):
    moved = server.get("/with")
    assert (moved.status, moved.headers["Location"]) == (301, "/with/")
    assert server.get("/with/").body == b"inner\n"
    assert server.get("//with//./").body == b"inner\n"
    assert server.get("/hello.txt/").status == 404


def test_types_go_by_suffix(server, root):
    for name, kind in (("a.HTML", "text/html; charset=utf-8"), ("b.png", "image/png"),
                       ("c.tar.gz", "application/gzip"), ("d", "application/octet-stream"),
                       ("e.wasm", "application/wasm"), ("f.unknown", "application/octet-stream")):
        (root / name).write_text("x")
        assert server.get("/" + name).headers["Content-Type"] == kind


def test_head_says_the_same_without_a_body(server):
    head = server.get("/hello.txt", "HEAD")
    get = server.get("/hello.txt")
    assert head.body == b""
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified"):
        assert head.headers[name] == get.headers[name]
    assert server.get("/nope", "HEAD").body == b""


def test_methods_that_files_do_not_have(server):
    answer = server.get("/", "DELETE")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert server.get("/", "BREW").status == 501


@pytest.mark.parametrize("target", ["/../secret", "/%2e%2e/secret", "/sub/../../secret",
                                    "/sub/%2E%2E/%2e%2e/secret", "/..", "/sub/deep/../../../secret"])
def test_nothing_above_the_root(server, target):
    assert server.get(target).status == 403


@pytest.mark.parametrize("target", ["/%00", "/a%2fb", "/%", "/%zz", "*"])
def test_targets_that_are_none(server, target):
    assert server.get(target).status == 400


def test_escapes_are_decoded(server):
    assert server.get("/sub/a%20%3cb%3E%26.txt").body == b"odd"
    assert server.get("/hello.txt?x=/../..").body == b"hello\n"
    assert server.raw(b"GET http://x/hello.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                      ).endswith(b"\r\n\r\nhello\n")


def test_links_are_followed_inside_only(server, root):
    (root / "in").symlink_to("hello.txt")
    (root / "sub/up").symlink_to("../with")
    (root / "sub/deep/twice").symlink_to("../up/index.html")
    (root / "out").symlink_to("../secret")
    (root / "absolute").symlink_to("/etc/passwd")
    (root / "sub/far").symlink_to("../../../..")
    (root / "loop").symlink_to("loop")
    (root / "gone").symlink_to("nothing")
    assert server.get("/in").body == b"hello\n"
    assert server.get("/sub/up/").body == b"inner\n"
    assert server.get("/sub/up/index.html").body == b"inner\n"
    assert server.get("/sub/deep/twice").body == b"inner\n"
    for path in ("/out", "/absolute", "/sub/far", "/sub/far/etc/passwd", "/loop"):
        assert server.get(path).status == 403, path
    assert server.get("/gone").status == 404


def test_what_is_no_file_is_refused(server, root):
    os.mkfifo(root / "fifo")
    assert server.get("/fifo").status == 403
    assert server.get("/fifo/x").status == 404


def test_conditions(server):
    first = server.get("/hello.txt")
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    for fields, status in (({"If_None_Match": tag}, 304), ({"If_None_Match": f'"x", W/{tag}'}, 304),
                           ({"If_None_Match": '"x"'}, 200), ({"If_Modified_Since": date}, 304),
                           ({"If_Modified_Since": "Sun, 06 Nov 1994 08:49:37 GMT"}, 200),
                           ({"If_Match": '"x"'}, 412), ({"If_Match": tag}, 200),
                           ({"If_Unmodified_Since": "Sunday, 06-Nov-94 08:49:37 GMT"}, 412)):
        answer = server.get("/hello.txt", **fields)
        assert answer.status == status, fields
        assert answer.body == (b"hello\n" if status == 200 else answer.body)
        if status == 304:
            assert answer.body == b"" and answer.headers["ETag"] == tag


def test_one_range(server):
    for spec, part in (("0-0", b"0"), ("3-5", b"345"), ("-2", b"89"), ("7-", b"789"), ("8-99", b"89")):
        answer = server.get("/digits", Range=f"bytes={spec}")
        assert (answer.status, answer.body) == (206, part)
        assert re.fullmatch(r"bytes \d-\d/10", answer.headers["Content-Range"])
    answer = server.get("/digits", Range="bytes=10-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */10")
    assert server.get("/digits", Range="bytes=5-1").status == 200
    assert server.get("/digits", Range="lines=1").status == 200
    assert server.get("/empty", Range="bytes=0-").status == 416
    assert server.get("/big.bin", Range="bytes=1000000-1999999").body == BIG[1000000:2000000]


@pytest.mark.parametrize("name", ["/digits", "/big.bin"])
def test_several_ranges(server, name):
    content = BIG if name == "/big.bin" else b"0123456789"
    answer = server.get(name, Range="bytes=1-2, 5-5,-1")
    assert answer.status == 206
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", answer.headers["Content-Type"])[1]
    parts = answer.body.split(b"--" + boundary.encode())
    assert parts[0] == b"" and parts[-1] == b"--\r\n" and len(parts) == 5
    bodies = [part.split(b"\r\n\r\n", 1)[1][:-2] for part in parts[1:-1]]
    assert bodies == [content[1:3], content[5:6], content[-1:]]
    assert f"bytes 5-5/{len(content)}".encode() in parts[2]
    many = ",".join(f"{2 * i}-{2 * i}" for i in range(100))
    assert server.get(name, Range="bytes=" + many).status == 200


def test_if_range(server):
    tag = server.get("/digits").headers["ETag"]
    assert server.get("/digits", Range="bytes=0-0", If_Range=tag).status == 206
    assert server.get("/digits", Range="bytes=0-0", If_Range='"other"').status == 200


def test_a_connection_serves_many_requests(server):
    with server.connect() as s:
        for _ in range(50):
            s.sendall(b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            assert read_answer(s) == (200, b"hello\n")
    assert server.metric("httpd_connections_accepted_total") <= 3


def test_old_clients_get_one_answer(server):
    assert server.raw(b"GET /hello.txt HTTP/1.0\r\n\r\n").endswith(b"Connection: close\r\n\r\nhello\n")
    with server.connect() as s:
        for _ in range(2):
            s.sendall(b"GET /hello.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
            assert read_answer(s)[1] == b"hello\n"


def test_pipelined_requests_are_answered_in_order(server):
    names = ["/hello.txt", "/digits", "/nope", "/1k", "/empty", "/big.bin"] * 30
    data = b"".join(f"GET {n} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for n in names)
    with server.connect() as s:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            sender = pool.submit(s.sendall, data)
            for name in names:
                status, body = read_answer(s)
                assert status == (404 if name == "/nope" else 200)
                assert name != "/big.bin" or body == BIG
                assert name != "/digits" or body == b"0123456789"
            sender.result()


def test_requests_may_come_a_byte_at_a_time(server):
    with server.connect() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /digits HTTP/1.1\r\nHost: x\r\n\r\n":
            s.sendall(bytes([byte]))
        assert read_answer(s)[1] == b"hello\n"
        assert read_answer(s)[1] == b"0123456789"


def test_bodies_of_requests_are_passed_over(server):
    data = (b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n" + b"GET / HTTP/1.1\r\n" * 1875 +
            b"GET /digits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = server.raw(data)
    assert answer.startswith(b"HTTP/1.1 405") and answer.endswith(b"0123456789")
    assert answer.count(b"HTTP/1.1 ") == 2
    # Where the next request begins is not worth finding out: the answer is seen, and then the end.
    for framing in (b"Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n",
                    b"Content-Length: 10000000\r\n\r\n" + b"x" * 500000):
        answer = server.raw(b"POST /x HTTP/1.1\r\nHost: x\r\n" + framing)
        assert answer.startswith(b"HTTP/1.1 405") and answer.endswith(b"</h1>\n")
        assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET /\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA\0: y\r\n\r\n"],
    ids=itertools.count())
def test_heads_that_are_none_are_refused(server, head):
    answer = server.raw(head + b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in answer


def test_heads_are_bounded(server):
    assert server.raw(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 9000).startswith(b"HTTP/1.1 431 ")
    assert server.raw(b"GET /" + b"x" * 9000).startswith(b"HTTP/1.1 414 ")
    assert server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 101 + b"\r\n"
                      ).startswith(b"HTTP/1.1 400 ")
    fits = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nA: " + b"x" * 8000 + b"\r\n\r\n"
    assert server.raw(fits).startswith(b"HTTP/1.1 200 ")


def test_a_file_that_changes_is_seen(server, root):
    assert server.get("/hello.txt").body == b"hello\n"
    tag = server.get("/hello.txt").headers["ETag"]
    (root / "hello.txt").write_text("other\n")
    time.sleep(1.2)
    answer = server.get("/hello.txt", If_None_Match=tag)
    assert (answer.status, answer.body) == (200, b"other\n")
    (root / "hello.txt").unlink()
    time.sleep(1.2)
    assert server.get("/hello.txt").status == 404


def test_a_file_that_shrinks_ends_the_connection(server, root):
    (root / "shrinks").write_bytes(BIG * 4)
    with server.connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.sendall(b"GET /shrinks HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(1000)
        os.truncate(root / "shrinks", 10)
        assert len(read_all(s)) < 4 * len(BIG)
    assert server.get("/digits").status == 200


def eventually(holds, seconds=5):
    """Whether it comes to hold: the server notices by its own time what we did."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def test_slow_clients_are_ended(start):
    server = start("-w", 1, "-T", 1, "-t", 1)
    with server.connect() as silent, server.connect() as slow, server.connect() as idle, \
            server.connect() as reader:
        idle.sendall(b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(idle)[0] == 200
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        reader.sendall(b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
        slow.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(4):  # each byte gives no more time
            time.sleep(0.4)
            try:
                slow.sendall(b"A")
            except OSError:
                pass
        assert read_all(slow).startswith(b"HTTP/1.1 408 ")
        assert read_all(silent) == b"" and read_all(idle) == b""
        time.sleep(1)
        assert len(read_all(reader)) < 5 * len(BIG)
    assert server.metric("httpd_connections_timed_out_total") == 3
    assert eventually(lambda: server.metric("httpd_connections") == 1)


def test_too_many_connections_are_refused_with_a_word(start):
    server = start("-w", 1, "-c", 4)
    held = [server.connect() for _ in range(4)]
    for s in held:
        s.sendall(b"GET / HTTP/1.1\r\nHo")  # under way, so that nobody may be sent away for another
    time.sleep(0.2)
    answer = server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After" in answer
    for s in held:
        s.sendall(b"st: x\r\n\r\n")
        assert read_answer(s)[0] == 200
    # Now they are idle: the one that is so for longest makes room.
    assert server.get("/digits").status == 200
    assert held[0].recv(1) == b""
    for s in held:
        s.close()


def test_without_handles_it_goes_on(start):
    server = start("-w", 1, preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)))
    held = [server.connect() for _ in range(40)]
    for s in held:
        s.sendall(b"GET / HTTP/1.1\r\nHo")
    answers = [s.recv(100) for s in held if select.select([s], [], [], 0.2)[0]]
    assert answers and all(a.startswith(b"HTTP/1.1 503 ") for a in answers)
    for s in held:
        s.close()
    time.sleep(0.2)
    assert server.get("/big.bin").body == BIG


def test_many_idle_connections(start):
    server = start("-w", 2)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    try:
        held = [server.connect() for _ in range(2000)]
        for s in held:
            s.sendall(b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        assert all(read_answer(s)[1] == b"hello\n" for s in held)
        assert server.metric("httpd_connections") == 2001
        for s in held:
            s.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_log_has_every_request(start, tmp_path):
    server = start("-w", 1, "-l", tmp_path / "log")
    server.get("/hello.txt", User_Agent='a"b\\\xe9', Referer="http://r/")
    server.get("/nope")
    server.raw(b"nonsense\r\n\r\n")
    time.sleep(1.3)
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 3
    assert re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] '
                        r'"GET /hello\.txt HTTP/1\.1" 200 6 "http://r/" "a\\x22b\\x5C\\xE9"', lines[0])
    assert ' "GET /nope HTTP/1.1" 404 ' in lines[1] and ' "-" 400 ' in lines[2]
    (tmp_path / "log").rename(tmp_path / "old")
    server.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    server.get("/digits")
    assert server.stop() == (0, "")
    assert "/digits" in (tmp_path / "log").read_text()


def test_metrics(server):
    server.get("/hello.txt")
    server.get("/nope")
    text = server.get("/metrics").body.decode()
    assert 'httpd_responses_total{class="4xx"} 1' in text
    for name in re.findall(r"^([a-z_]+)", text, re.M):
        assert f"# TYPE {name} " in text
    assert server.metric("httpd_sent_bytes_total") > 500


def is_refused(server):
    try:
        server.connect().close()
    except OSError:
        return True
    return False


def test_a_stop_lets_answers_end(start):
    server = start("-w", 2)
    with server.connect() as idle, server.connect() as busy:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        read_answer(idle)
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        busy.sendall(b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        got = busy.recv(4096)
        server.process.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""
        assert eventually(lambda: is_refused(server))  # each worker stops by itself
        assert (got + read_all(busy)).count(BIG) == 2
    assert server.process.wait(5) == 0


def test_both_versions_and_addresses(start, root):
    server = start()
    for host in ("127.0.0.1", "::1"):
        assert server.raw(b"GET /digits HTTP/1.0\r\n\r\n", host).endswith(b"0123456789")
    only = start("-6")
    assert only.raw(b"GET /digits HTTP/1.0\r\n\r\n", "::1").endswith(b"0123456789")
    with pytest.raises(OSError):
        only.connect("127.0.0.1")
    for workers in ("1", "2"):
        result = subprocess.run([HTTPD, "-p", str(server.port), "-r", root, "-w", workers],
                                capture_output=True, text=True, timeout=10)
        assert result.returncode != 0 and "Address already in use" in result.stderr


@pytest.mark.parametrize("words,why", [
    (["-r", "/nowhere"], "/nowhere: No such file"), (["-r", "/etc/passwd"], "Not a directory"),
    (["-p", "65536"], "usage"), (["-w", "0"], "usage"), (["-a", "nonsense"], "no such address"),
    (["-4", "-6"], "usage"), (["x"], "usage"), (["-l", "/nowhere/log"], "/nowhere/log: No such file")])
def test_wrong_options_are_named(root, words, why):
    words = words if "-r" in words else ["-r", str(root), *words]
    result = subprocess.run([HTTPD, *words], capture_output=True, text=True)
    assert result.returncode != 0 and result.stderr.startswith(("httpd: ", "usage: ")) and why in result.stderr


def test_a_root_may_be_a_handle(root):
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    process = subprocess.Popen([HTTPD, "-p", "0", "-r", f"@{folder}"], stdout=subprocess.PIPE, text=True,
                               pass_fds=[folder], cwd="/")
    port = int(process.stdout.readline().split()[-1])
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"GET /digits HTTP/1.0\r\n\r\n")
        assert read_all(s).endswith(b"0123456789")
    process.terminate()
    assert process.wait(10) == 0


def test_nonsense_does_not_hurt(server):
    """Requests with bytes changed, cut and joined: the server answers what comes behind."""
    chance = random.Random(7)
    seeds = [b"GET /hello.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1,3-\r\nIf-None-Match: \"a\", *\r\n\r\n",
             b"HEAD /sub/../%61 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
             b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
             b"GET http://a/big.bin HTTP/1.1\r\nHost: x\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"]
    for _ in range(300):
        data = bytearray(b"".join(chance.choices(seeds, k=chance.randint(1, 6))))
        for _ in range(chance.randint(0, 12)):
            data[chance.randrange(len(data))] = chance.choice(b"\0\r\n :/%.,-=\"09aZ\xff")
        with server.connect() as s:
            s.sendall(data[:chance.randint(1, len(data))])
            s.shutdown(socket.SHUT_WR)
            if chance.random() < 0.7:
                read_all(s)
    assert server.get("/digits").body == b"0123456789"
    assert server.metric("httpd_connections") == 1

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Our TCP and the kernel's of this machine on the same links (tests/netsim/tun.c), as root.

    against_kernel.py [OPTION]...

For each loss it prints how much a receiver in the kernel got, from a sender of ours and from the
kernel's own, one after the other; with --receive, how much a receiver of ours and the kernel's got from
a sender in the kernel.  It is the middle one of several runs of each.  Everything is in network
namespaces of its own, and no link of this machine is used.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TUN = pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build")).resolve() / "host" / "tun"

# Reads for so many seconds from the first byte on, and says how many bytes came.
SINK = """
import socket, sys, time
listener = socket.create_server(("10.0.0.2", 80))
print("ready", flush=True)
connection, _ = listener.accept()
connection.settimeout(30)
count, end = len(connection.recv(1)), time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    count += len(connection.recv(1 << 20))
print(count, flush=True)
"""

# The pattern of tests/netsim/end.c.
PATTERN = """
state, pattern = 9293, bytearray()
for _ in range(65521):
    state ^= state >> 12
    state ^= state << 25 & (1 << 64) - 1
    state ^= state >> 27
    pattern.append((state * 0x2545f4914f6cdd1d & (1 << 64) - 1) >> 56)
"""

SOURCE = """
import socket, sys
""" + PATTERN + """
pattern = bytes(pattern)
print("ready", flush=True)
sys.stdin.readline()
connection = socket.socket()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
connection.connect(("10.0.0.2", 80))
try:
    while True:
        connection.sendall(pattern)
except OSError:
    pass
"""


class Space:
    """A network namespace."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdout.readline()

    def enter(self, *words):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *map(str, words)]

    def run(self, *words):
        subprocess.run(self.enter(*words), check=True)

    def start(self, *words, **kind):
        return subprocess.Popen(self.enter(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True, **kind)

    def address(self, device, address):
        self.run("ip", "address", "add", f"{address}/24", "dev", device)
        self.run("ip", "link", "set", device, "up")

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()


def stop(*processes):
    for process in processes:
        process.kill()
        process.communicate()


def options(path):
    return [word for name, value in path.items() for word in (f"--{name}", str(value))]


def go(process):
    process.stdin.write("\n")
    process.stdin.flush()


def ours(path, seconds):
    space = Space()
    tun = space.start(TUN, *options(path), "send", 1 << 30, stderr=subprocess.DEVNULL)
    tun.stdout.readline()
    space.address("tun0", "10.0.0.2")
    sink = space.start(sys.executable, "-c", SINK, seconds)
    sink.stdout.readline()
    go(tun)
    count = int(sink.stdout.readline())
    stop(tun, sink)
    space.end()
    return count


def to_ours(path, seconds):
    space = Space()
    tun = space.start(TUN, *options(path | {"time": round(seconds * 1000)}), "receive", 1 << 30)
    tun.stdout.readline()
    space.address("tun0", "10.0.0.1")
    source = space.start(sys.executable, "-c", SOURCE)
    source.stdout.readline()
    go(tun)
    go(source)
    count = int(tun.communicate()[0].split()[3])
    stop(source)
    space.end()
    return count


def kernels(path, seconds):
    near, far = Space(), Space()
    tun = near.start(TUN, *options(path), "relay")
    tun.stdout.readline()
    near.run("ip", "link", "set", "tun1", "netns", far.holder.pid)
    near.address("tun0", "10.0.0.1")
    far.address("tun1", "10.0.0.2")
    go(tun)
    sink = far.start(sys.executable, "-c", SINK, seconds)
    sink.stdout.readline()
    source = near.start(sys.executable, "-c", SOURCE)
    source.stdout.readline()
    go(source)
    count = int(sink.stdout.readline())
    stop(source, tun, sink)
    near.end()
    far.end()
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rtt", type=int, default=20, help="ms")
    parser.add_argument("--rate", type=int, default=50, help="Mbit/s")
    parser.add_argument("--queue", type=int, default=256, help="KiB")
    parser.add_argument("--reorder", type=int, default=0, help="of a million")
    parser.add_argument("--loss", type=int, nargs="*",
                        default=[0, 1000, 10000, 20000, 50000, 100000], help="of a million")
    parser.add_argument("--receive", action="store_true", help="compare receivers")
    args = parser.parse_args()
    our_end = to_ours if args.receive else ours
    print("# loss %   ours kbit/s   kernel kbit/s   ratio   all runs", flush=True)
    for loss in args.loss:
        got = {our_end: [], kernels: []}
        for run in range(args.runs):
            path = {"loss": loss, "rtt": args.rtt, "rate": args.rate, "queue": args.queue,
                    "reorder": args.reorder, "seed": run + 1}
            for who, results in got.items():
                results.append(round(who(path, args.seconds) * 8 / 1000 / args.seconds))
        a, b = (statistics.median(results) for results in got.values())
        print(f"{loss / 10000:8.1f}{a:14.0f}{b:16.0f}{a / b:8.2f}   {got[our_end]} {got[kernels]}",
              flush=True)


if __name__ == "__main__":
    main()

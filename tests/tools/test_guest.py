# SPDX-License-Identifier: Apache-2.0
"""tools/guest, against a guest of a few instructions (probe.S) instead of the kernel."""
import base64
import os
import pathlib
import shlex
import signal
import subprocess
import time

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def probe(tmp_path):
    """Builds the guest that behaves as its argument says."""
    def build(behaviour):
        target = ["--target=aarch64-none-elf"]
        stem = tmp_path / behaviour
        subprocess.run(["clang-19", *target, f"-D{behaviour}", "-c", HERE / "probe.S", "-o",
                        f"{stem}.o"], check=True)
        subprocess.run(["ld.lld-19", "-Ttext", "0", "--image-base=0", f"{stem}.o", "-o",
                        f"{stem}.elf"], check=True)
        subprocess.run(["llvm-objcopy-19", "-O", "binary", f"{stem}.elf", f"{stem}.img"],
                       check=True)
        return f"{stem}.img"
    return build


@pytest.fixture
def guest(tools):
    def run(*arguments):
        return subprocess.run([tools / "guest", "--timeout", "30", *arguments],
                              capture_output=True, text=True, timeout=60)
    return run


def is_running(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_exit_status_is_that_of_the_command(guest, probe, status):
    result = guest("--kernel", probe(f"EXIT={status}"))
    assert (result.returncode, result.stdout, result.stderr) == (status, "out\n", "err\n")


def test_status_125_of_a_command_shows_the_log_too(guest, probe):
    result = guest("--kernel", probe("EXIT=125"))
    assert result.returncode == 125
    assert "log\n" in result.stderr


@pytest.mark.parametrize("behaviour,reason", [("RESET", "guest-reset"),
                                              ("POWER_OFF", "guest-shutdown")])
def test_a_guest_that_ends_without_status_is_125_with_its_log(guest, probe, behaviour, reason):
    result = guest("--kernel", probe(behaviour))
    assert result.returncode == 125
    assert result.stdout == "out\n"
    assert "log\n" in result.stderr and reason in result.stderr


def test_a_guest_that_hangs_is_124(guest, probe):
    result = guest("--kernel", probe("HANG"), "--timeout", "1")
    assert result.returncode == 124
    assert "log\n" in result.stderr


def test_a_guest_that_hangs_tells_where_its_cpus_are(guest, probe):
    result = guest("--kernel", probe("HANG"), "--timeout", "1", "--smp", "2")
    assert "CPU 0:\n    0x0000000040" in result.stderr
    assert "CPU 1:" in result.stderr


def test_the_log_can_be_kept(guest, probe, tmp_path):
    assert guest("--kernel", probe("EXIT=0"), "--log", tmp_path / "a,log").returncode == 0
    assert (tmp_path / "a,log").read_text() == "log\n"


def test_instructions_can_be_counted(guest, probe):
    assert guest("--kernel", probe("EXIT=0"), "--icount").returncode == 0


@pytest.mark.parametrize("arguments", [["--kernel", "/nowhere/kernel.img"],
                                       ["--kernel", "/dev/null", "--machine", "nonsense=1"]])
def test_what_cannot_start_is_125(guest, arguments):
    result = guest(*arguments)
    assert result.returncode == 125
    assert result.stderr


def at_a_terminal():
    """A suite that runs in the background has interrupts ignored, and so would the tool."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_qemu_ends_with_the_tool(tools, probe, number):
    tool = subprocess.Popen([tools / "guest", "--kernel", probe("HANG")], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, preexec_fn=at_a_terminal)
    assert tool.stdout.readline() == b"out\n"
    children = pathlib.Path(f"/proc/{tool.pid}/task/{tool.pid}/children").read_text().split()
    assert len(children) == 1
    os.kill(tool.pid, number)
    tool.wait(10)
    deadline = time.monotonic() + 10
    while is_running(children[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(children[0])


def words_of(result):
    assert result.returncode == 0, result.stderr
    return shlex.split(result.stdout.splitlines()[-1])


def command_in(words):
    line = words[words.index("-append") + 1]
    run = next(word for word in line.split() if word.startswith("run="))
    return base64.b64decode(run[4:]).decode()


def test_the_dry_run_prints_one_command_and_starts_nothing(guest):
    words = words_of(guest("-n", "--kernel", "/nowhere/kernel.img", "--smp", "4", "--mem", "1G"))
    assert words[0] == "qemu-system-aarch64"
    assert words[words.index("-smp") + 1] == "4"
    assert words[words.index("-m") + 1] == "1G"
    assert "-cpu" in words


def test_one_word_is_a_line_for_the_shell(guest):
    assert command_in(words_of(guest("-n", "--", "ls | wc"))) == "ls | wc"


def test_several_words_keep_their_borders(guest):
    assert command_in(words_of(guest("-n", "--", "echo", "a b", "--smp"))) == "echo 'a b' --smp"


def test_ports_are_forwarded(guest):
    words = words_of(guest("-n", "--net", "tcp::8080-:80", "udp::53-:53"))
    assert "user,id=net0,hostfwd=tcp::8080-:80,hostfwd=udp::53-:53" in words


def test_cards_have_back_ends_and_options(guest):
    words = words_of(guest("-n", "--nic", "socket,udp=:1", "mac=02:00:00:00:00:07", "mq=on",
                           "--nic", "hubport,hubid=0"))
    assert {"socket,udp=:1,id=net1", "hubport,hubid=0,id=net2", "virtio-net-device,netdev=net2",
            "virtio-net-device,netdev=net1,mac=02:00:00:00:00:07,mq=on"} <= set(words)


def test_uefi_prints_how_the_boot_volume_is_made(guest):
    result = guest("-n", "--uefi", "--append", "quiet")
    volume = shlex.split(result.stdout.splitlines()[0])
    assert volume[0].endswith("tools/mkdisk")
    assert volume[volume.index("--cmdline") + 1].startswith("quiet ")
    assert any(volume[-1] in word for word in words_of(result))

# SPDX-License-Identifier: Apache-2.0
"""The serial console, as an operator of `make run` has it."""
import base64

import pytest


@pytest.fixture
def terminal(build, machine):
    return lambda *words: machine("--base", build / "test/base.img", *words)


def test_boot_shows_a_handful_of_lines_and_where_the_time_went(terminal):
    system = terminal()
    system.wait_for(lambda seen: b"swift-os login: " in seen)
    lines = system.seen.decode().splitlines()
    assert any("boot:" in line for line in lines)
    assert len(lines) < 40


def test_quiet_boot_shows_nothing_but_the_program(terminal):
    system = terminal("--append", "quiet")
    system.wait_for(lambda seen: b"swift-os login: " in seen)
    assert system.text == "swift-os login: "


@pytest.mark.parametrize("smp,lines", [("1", 4000), ("4", 1000)])
def test_no_input_is_lost_at_any_speed(terminal, smp, lines):
    system = terminal("--smp", smp, "--append", "quiet", "--append", "init=/bin/console_echo")
    system.wait_for(lambda seen: b"ready\n" in seen.replace(b"\r\n", b"\n"))
    text = b"".join(b"line %05d of what is typed\n" % i for i in range(lines))
    before = len(system.seen)
    system.type(text)

    def shown():
        return system.seen[before:].replace(b"\r\n", b"\n")
    system.wait_for(lambda _: len(shown()) >= len(text))
    assert shown() == text


def test_what_was_typed_before_the_kernel_ran_is_kept(terminal):
    system = terminal("--append", "quiet", "--append", "init=/bin/console_echo")
    text = b"typed while nobody was there to read it"
    system.type(text)

    def shown():
        return system.seen.partition(b"ready")[2].strip()
    system.wait_for(lambda _: len(shown()) >= len(text))
    assert shown() == text


@pytest.fixture
def command(terminal):
    def start(line):
        return terminal("--append", "quiet", "--append",
                        "run=" + base64.b64encode(line.encode()).decode())
    return start


def read_to_the_end(system):
    system.process.wait(60)
    system.seen += system.process.stdout.read() or b""
    return system.text


def test_a_line_can_be_edited_until_it_ends(command):
    system = command("/bin/posix_terminal lines")
    system.wait_for_text("ready")
    system.type(b"hel\x7f\x7fello\r")
    system.wait_for_text("got <hello>")
    assert b"hel\b \b\b \bello\r\ngot" in system.seen
    system.type("gone\x15one two\x17\u20ac\x7fthree\r".encode())
    system.wait_for_text("got <one three>")
    system.type(b"\x04")
    assert read_to_the_end(system).endswith("end\n")


def test_an_interrupt_ends_the_session_and_hangs_the_console_up(command):
    system = command("/bin/posix_terminal session")
    system.wait_for_text("running")
    system.type(b"unread\x03")
    assert read_to_the_end(system).endswith("^Csignal 2, read 0\n")

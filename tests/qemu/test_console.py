# SPDX-License-Identifier: Apache-2.0
"""The serial console, as an operator of `make run` has it."""
import pytest


@pytest.fixture
def terminal(build, machine):
    return lambda *words: machine("--base", build / "test/base.img", *words)


def test_boot_shows_a_handful_of_lines_and_where_the_time_went(terminal):
    system = terminal()
    system.wait_for(lambda seen: b"nothing to run yet" in seen)
    lines = system.seen.decode().splitlines()
    assert any("boot:" in line for line in lines)
    assert len(lines) < 40


def test_quiet_boot_shows_nothing_but_the_program(terminal):
    system = terminal("--append", "quiet")
    system.wait_for(lambda seen: b"nothing to run yet" in seen)
    assert len(system.seen.splitlines()) == 1


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

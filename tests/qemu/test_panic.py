# SPDX-License-Identifier: Apache-2.0
"""What is left of a panic: its record over the reset, and the end of a machine in a loop."""
import re
import time

import pytest


@pytest.fixture
def crashing(machine, build):
    """A machine that breaks at each boot, and is reset at once unless told otherwise."""
    def start(cause, *words, options="panic=0"):
        return machine("--kernel", build / "test/kernel.img", "--append",
                       f"autorun=crash:{cause} {options}", *words)
    return start


@pytest.mark.parametrize("words", [
    ["--mem", "16M"], ["--mem", "256M", "--smp", "4"], ["--mem", "5G"],
    ["--uefi", "--mem", "256M"], ["--uefi", "--mem", "5G"]], ids=" ".join)
def test_the_next_boot_reports_the_panic(crashing, words):
    system = crashing("panic", *words)
    system.wait_for_text(r"panic: error: previous boot ended with: panic: as it was asked to")
    system.wait_for_text(r"panic: error: previous boot:   0x[0-9a-f]{16} plain\+0x")
    # The log of the boot before is in the record, but not repeated in the log.
    assert not re.search("previous boot: .*MiB RAM", system.text)


def test_three_panics_in_a_row_halt_the_machine(crashing):
    system = crashing("panic")
    system.wait_for_text("The machine stays halted: 3 panics in a row")
    assert len(re.findall(r"^panic: as it was", system.text, re.M)) == 3
    assert system.text.count("Reset in 0 seconds") == 2
    before = system.text
    time.sleep(1)
    system.wait_for(lambda _: True)
    system.seen += system.process.stdout.read() or b""
    assert system.text == before


def test_a_healthy_boot_between_forgets_the_panics(crashing):
    system = crashing("healthy")
    system.wait_for_text("Reset in 0 seconds", times=5)
    assert "halted" not in system.text


def test_a_panic_inside_a_report_counts_as_one(crashing):
    system = crashing("twice")
    system.wait_for_text("panic: error: previous boot ended with: panic: the first one")
    system.wait_for_text("The machine stays halted: 3 panics in a row")


def test_the_reset_waits_as_long_as_it_was_told(crashing):
    system = crashing("panic", options="panic=2")
    system.wait_for_text("Reset in 2 seconds")
    begin = time.monotonic()
    system.wait_for_text("previous boot ended")
    assert time.monotonic() - begin > 1.5


def test_a_negative_delay_halts_at_the_first(crashing):
    system = crashing("panic", options="panic=-1")
    system.wait_for_text("The machine stays halted\n")
    assert "Reset" not in system.text

# SPDX-License-Identifier: Apache-2.0
"""A kernel that does what it must not is stopped, and says what it did and where."""
import re

import pytest

# What breaks it: what the panic says, and the function that its backtrace must name.
CAUSES = {
    "text": ("write to read-only memory", "write_text"),
    "constant": ("write to read-only memory", "write_constant"),
    "alias": ("write to read-only memory: address 0xffff0000", "write_code_alias"),
    "data": ("executing memory that is not executable", "init_first_process"),
    "jump": ("executing unmapped memory: address 0,", "init_first_process"),
    "stack": ("kernel stack overflow", "overflow_stack"),
    "null": ("kernel access to a user address: address 0x8,", "read_null"),
    "user": ("kernel access to a user address: address 0x400000,", "read_user"),
    "unmapped": ("read of unmapped memory: address 0xffff8fff00000000,", "read_unmapped"),
    "assert": (r"assertion failed: .*crash\.c:\d+", "fail_assertion"),
    "panic": ("as it was asked to", "plain"),
    "interrupt": ("in an interrupt handler", "time_interrupt"),
}
CHECKED_CAUSES = {
    "rank": ("lock order: the outer lock .* while holding the inner lock", "lock_order"),
    "sleep": ("sleeping at .* while holding the outer lock", "thread_sleep_until"),
    "undefined": ("undefined behaviour", "undefined"),
}
REGISTERS = {"text", "constant", "alias", "data", "jump", "stack", "null", "user", "unmapped",
             "undefined"}


@pytest.fixture
def crash(guest, build):
    """Breaks the kernel of a variant; gives the report of the panic."""
    def run(cause, *words, variant="test"):
        result = guest("--kernel", build / variant / "kernel.img", "--append",
                       f"autorun=crash:{cause}", *words)
        assert result.returncode == 125, result.stdout + result.stderr
        text = result.stderr.replace("\r\n", "\n")
        assert "panic: " in text, text
        return text[text.index("panic: "):]
    return run


def check(report, cause, what, function):
    assert re.match(f"panic: {what}", report), report
    assert re.search(rf"^  0x[0-9a-f]{{16}} {function}\+0x", report, re.M), report
    if cause in REGISTERS:
        assert re.search(r"^  pc [0-9a-f]{16} +sp [0-9a-f]{16}", report, re.M), report
        assert re.search(r"^  x0 +[0-9a-f]{16}", report, re.M), report


@pytest.mark.parametrize("cause", CAUSES)
def test_it_is_stopped_and_reported(crash, cause):
    check(crash(cause, "--smp", "2"), cause, *CAUSES[cause])


@pytest.mark.parametrize("cause", CHECKED_CAUSES)
def test_the_checked_build_finds_more(crash, cause):
    check(crash(cause, "--smp", "2", variant="checked"), cause, *CHECKED_CAUSES[cause])


@pytest.mark.parametrize("cause", ["text", "user", "stack"])
@pytest.mark.parametrize("machine", ["cortex-a53", "max"])
def test_it_is_stopped_on_other_cpus_too(crash, cause, machine):
    check(crash(cause, "--cpu", machine), cause, *CAUSES[cause])


def test_the_report_says_where_the_other_cpus_were(crash):
    report = crash("panic", "--smp", "4")
    assert len(re.findall(r'^CPU [0-3] was in thread "', report, re.M)) == 3, report
    assert re.search(r'^CPU [0-3], thread "boot"', report, re.M), report


def test_a_cpu_that_does_not_stop_is_named_and_not_waited_for(crash):
    report = crash("stuck", "--smp", "2")
    number = re.match(r"panic: CPU (\d) is stuck", report)[1]
    assert f"CPU {number} did not stop" in report, report


def test_the_report_ends_with_the_log(crash):
    report = crash("panic")
    assert re.search(r"^The end of the log:\n\[.*MiB RAM", report, re.M), report


def test_a_panic_in_the_report_keeps_the_first_reason_and_ends(crash):
    report = crash("twice")
    assert report.startswith("panic: the first one\n")
    assert "panic in the report: write to read-only memory" in report

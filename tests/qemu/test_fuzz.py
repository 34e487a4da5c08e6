# SPDX-License-Identifier: Apache-2.0
"""Random system calls for a short time; `make fuzz-syscalls` does it for long."""
import pytest


@pytest.mark.parametrize("smp", ["1", "4"])
def test_random_system_calls_neither_break_nor_hold_anything(guest, build, smp):
    result = guest("--smp", smp, "--kernel", build / "checked/kernel.img", "--",
                   "/bin/syscall_fuzz", "1", "4", timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " kinds succeeded" in result.stdout

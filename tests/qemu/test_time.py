# SPDX-License-Identifier: Apache-2.0
"""Timers, clocks, CPU time and who gets it, as programs see them.  The programs say nothing unless something is
wrong."""
import pytest


@pytest.mark.parametrize("variant", ["release", "checked"])
@pytest.mark.parametrize("smp", ["1", "4"])
@pytest.mark.parametrize("name", ["timer", "cpu_time", "sched"])
def test_timers_and_times_are_true(guest, build, variant, smp, name):
    result = guest("--smp", smp, "--kernel", build / variant / "kernel.img", "--",
                   f"/bin/posix_{name}")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")

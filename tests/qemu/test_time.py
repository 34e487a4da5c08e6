# SPDX-License-Identifier: Apache-2.0
"""Timers, clocks and CPU time, as programs see them.  The programs say nothing unless something is
wrong."""
import pytest


@pytest.mark.parametrize("variant", ["release", "checked"])
@pytest.mark.parametrize("smp", ["1", "4"])
def test_timers_signal_when_they_should(guest, build, variant, smp):
    result = guest("--smp", smp, "--kernel", build / variant / "kernel.img", "--",
                   "/bin/posix_timer")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")

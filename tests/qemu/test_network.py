# SPDX-License-Identifier: Apache-2.0
"""The network as programs see it, over loopback.  The tests of user/tests say nothing unless something
is wrong."""
import pytest


@pytest.mark.parametrize("smp", ["1", "4"])
def test_udp_does_what_posix_and_linux_say(guest, smp):
    result = guest("--smp", smp, "--", "/bin/posix_udp")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")

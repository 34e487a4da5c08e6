# SPDX-License-Identifier: Apache-2.0
"""The network as programs see it, over loopback.  The tests of user/tests say nothing unless something
is wrong."""
import pytest


@pytest.mark.parametrize("program", ["udp", "raw", "netlink", "grant"])
@pytest.mark.parametrize("smp", ["1", "4"])
def test_sockets_do_what_posix_and_linux_say(guest, program, smp):
    result = guest("--smp", smp, "--", f"/bin/posix_{program}")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("smp", ["1", "4"])
def test_tcp_does_what_posix_and_linux_say(guest, smp):
    result = guest("--smp", smp, "--timeout", "120", "--", "/bin/posix_tcp")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("smp", ["1", "4"])
def test_thousands_of_connections_cost_little_and_work(guest, smp):
    result = guest("--smp", smp, "--timeout", "120", "--", "/bin/posix_tcp_many")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")

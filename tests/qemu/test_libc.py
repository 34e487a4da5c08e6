# SPDX-License-Identifier: Apache-2.0
"""The C library and programs of others, in the guest.  The tests of user/tests/libc_*.c say nothing
unless something is wrong."""
import pytest


@pytest.mark.parametrize("name", ["jobs", "locale", "memory", "process", "signals", "stdio", "threads", "time"])
@pytest.mark.parametrize("smp", ["1", "4"])
def test_the_c_library_does_what_its_standard_says(guest, name, smp):
    result = guest("--smp", smp, "--", f"/bin/libc_{name}")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("smp", ["1", "4"])
def test_places_that_programs_expect_are_there(guest, smp):
    result = guest("--smp", smp, "--", "/bin/posix_places")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("smp", ["1", "4"])
def test_files_stop_at_the_limit_of_their_size(guest, smp):
    result = guest("--smp", smp, "--", "/bin/posix_limits")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("smp", ["1", "4"])
def test_terminals_behave_as_posix_says(guest, smp):
    result = guest("--smp", smp, "--", "/bin/posix_pty")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_shell_reads_and_writes_streams_by_path(guest):
    result = guest("--", "/bin/sh", "-c", "echo in | cat /dev/stdin >/dev/stdout;")
    assert (result.returncode, result.stdout) == (0, "in\n"), result.stderr


@pytest.mark.parametrize("cpus", ["1", "4"])
def test_local_sockets(guest, cpus):
    result = guest("--smp", cpus, "--", "/bin/posix_socket")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_lua_computes_and_reads_files(guest):
    script = 'local f = assert(io.open("/etc/motd")); print(#f:read("a") > 0, 7 // 2, math.type(2^53))'
    result = guest("--", "/bin/lua", "-e", script)
    assert (result.returncode, result.stdout) == (0, "true\t3\tfloat\n"), result.stderr


def test_the_shell_computes_branches_and_expands(guest):
    result = guest("--", "/bin/sh", "-c", "x=6; f() { echo $((x * $1)); }; f 7; cd /etc && echo mot*")
    assert (result.returncode, result.stdout) == (0, "42\nmotd\n"), result.stderr
    assert guest("--", "/bin/sh", "-c", "set -e; false; echo not here").returncode == 1


@pytest.mark.parametrize("words,output", [
    (["grep", "-c", "^root:", "/etc/passwd"], "1\n"),
    (["sed", "-n", "s/^\\(root\\):.*/\\1/p", "/etc/passwd"], "root\n"),
    (["seq", "-s", ",", "3"], "1,2,3\n"),
    (["find", "/etc", "-name", "mot*"], "/etc/motd\n"),
    (["basename", "/a/b.c", ".c"], "b\n")])
def test_commands_of_toybox(guest, words, output):
    result = guest("--", f"/bin/{words[0]}", *words[1:])
    assert (result.returncode, result.stdout) == (0, output), result.stderr


@pytest.mark.parametrize("hz", ["1000000", "24000000", "1000000000"])
def test_the_clock_page_and_the_kernel_agree_at_any_frequency(guest, hz):
    result = guest("--cpu", f"cortex-a72,cntfrq={hz}", "--", "/bin/libc_time")
    assert (result.returncode, result.stderr) == (0, "")

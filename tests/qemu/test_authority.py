# SPDX-License-Identifier: Apache-2.0
"""What each account may do, as who logs in at the console finds it: authority is what the mask of the
account names, and nothing asks who it is."""
import pytest

DENIED = "Permission denied"  # a right of a handle, a file, or the mask
FORBIDDEN = "Operation not permitted"  # a grant

BOTH = pytest.mark.parametrize("smp", ["1", "4"])


def refused(session, command, why):
    """The command prints why it failed, and fails."""
    text, status = session.run(f"({command}) 2>&1")
    assert why in text and status != 0, (command, text, status)


@BOTH
def test_root_has_every_grant_and_reads_the_log(session, smp):
    s = session("--smp", smp)
    s.log_in("root", "swordfish")
    assert s.run("id") == (
        "principal=1(root) session=1 caps=0x3f grants=namespace,network,process,power,update,mount,"
        "device,log,time,cell,identity\n", 0)
    text, status = s.run("dmesg")
    assert status == 0 and f"{smp} of {smp}" in text
    assert len(s.run("logtail 2")[0].splitlines()) == 2
    assert s.run("hostname tested; hostname") == ("tested\n", 0)
    assert s.run("mkdir /tmp/m; mount -t tmpfs none /tmp/m && echo x > /tmp/m/f; cat /tmp/m/f") == (
        "x\n", 0)
    assert s.run("umount /tmp/m; ls /tmp/m") == ("", 0)
    text, status = s.run("umount /tmp/m")
    assert status == 1 and "umount: /tmp/m: " in text
    assert s.run("ls -l /dev/null")[0].split()[2:4] == ["system", "system"]
    assert s.run("ps -e | grep -c swos-init") == ("1\n", 0)


@BOTH
def test_a_user_has_files_and_nothing_beyond_them(session, smp):
    s = session("--smp", smp)
    s.log_in("root", "swordfish")
    s.run("echo mine > /tmp/roots; chmod 644 /tmp/roots; sleep 1000 & echo $! > /tmp/pid")
    s.terminal.type(b"exit\n")
    s.log_in("user", "swordfish")
    s.terminal.wait_for_text("session: principal=2 session=2 caps=14")
    assert s.run("id") == ("principal=2(user) session=2 caps=0xe grants=namespace\n", 0)
    assert s.run("cat /etc/motd")[1] == 0
    assert s.run("echo x > /tmp/mine && cat /tmp/mine") == ("x\n", 0)
    refused(s, "dmesg", FORBIDDEN)
    refused(s, "logtail --stats", FORBIDDEN)
    refused(s, "reboot", FORBIDDEN)
    refused(s, "shutdown", FORBIDDEN)
    refused(s, "hostname theirs", FORBIDDEN)
    refused(s, "mount -t tmpfs none /tmp", FORBIDDEN)
    refused(s, "date -s 2030-01-01", FORBIDDEN)
    refused(s, "kill 1", FORBIDDEN)
    refused(s, "kill $(cat /tmp/pid)", FORBIDDEN)
    refused(s, "cat /etc/swos/passwd", DENIED)
    refused(s, "cat < /dev/console", DENIED)
    # The capability first, the file's mode second: others may read it, its owner writes it.
    assert s.run("cat /tmp/roots") == ("mine\n", 0)
    refused(s, "echo theirs > /tmp/roots", DENIED)
    refused(s, "chmod 666 /tmp/roots", FORBIDDEN)
    refused(s, "rm -f /tmp/roots", FORBIDDEN)
    assert "swos-init" not in s.run("ps -e")[0]


@BOTH
def test_a_guest_cannot_read_or_write_a_file(session, smp):
    s = session("--smp", smp)
    s.log_in("guest", "guest")
    s.terminal.wait_for_text("session: principal=3 session=3 caps=2")
    # It may not read the names, so there is a number only.
    assert s.run("id") == ("principal=3 session=3 caps=0x2 grants=namespace\n", 0)
    assert s.run("echo works") == ("works\n", 0)
    refused(s, "cat /etc/motd", DENIED)
    refused(s, "ls /", DENIED)
    refused(s, "echo x > /tmp/theirs", DENIED)
    refused(s, "mkdir /tmp/theirs", DENIED)
    refused(s, "cat /dev/console", DENIED)
    refused(s, "dmesg", FORBIDDEN)
    refused(s, "shutdown", FORBIDDEN)
    refused(s, "kill 1", FORBIDDEN)

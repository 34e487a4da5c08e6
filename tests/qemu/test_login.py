# SPDX-License-Identifier: Apache-2.0
"""The way from power-on to a shell, as an operator at the console has it."""
import pytest


@pytest.mark.parametrize("machine_words", [[], ["--smp", "4"], ["--bus", "pci"],
                                           ["--bus", "pci", "--uefi", "--smp", "4"]],
                         ids=" ".join)
def test_root_logs_in_works_and_leaves(session, machine_words):
    s = session(*machine_words)
    s.log_in("root", "swordfish")
    s.terminal.wait_for_text("session: principal=1 session=1 caps=63")
    text, status = s.run("id")
    assert status == 0 and text.startswith("principal=1(root) session=1 caps=0x3f grants=")
    assert s.run("echo $HOME $USER; pwd") == ("/root root\n/root\n", 0)
    assert s.run("ls /bin | wc -l; cat /etc/motd | head -n 1")[1] == 0
    s.terminal.type(b"exit\n")
    s.terminal.wait_for_text("swift-os login: ", s.logins + 1)


def test_a_wrong_password_is_refused_and_takes_longer_each_time(session):
    s = session()
    s.answer("root", "wrong")
    s.terminal.wait_for_text("Login incorrect", 1)
    s.answer("nobody", "swordfish")
    s.terminal.wait_for_text("Login incorrect", 2)
    assert "Welcome" not in s.terminal.text
    s.log_in("user", "swordfish")
    assert "swordfish" not in s.terminal.text


def test_the_shell_has_pipes_redirection_and_job_control(session):
    s = session()
    s.log_in("root", "swordfish")
    assert s.run("echo one two | tr a-z A-Z > /tmp/f; cat < /tmp/f")[0] == "ONE TWO\n"
    s.terminal.type(b"sh -c 'echo st''arted; exec sleep 1000'\n")
    s.terminal.wait_for_text("started")
    s.terminal.type(b"\x1a")
    s.terminal.wait_for_text("Stopped|Suspended")
    assert "sleep 1000" in s.run("jobs")[0]
    s.run("bg; kill %1; wait")
    assert "sleep" not in s.run("ps -e")[0]
    s.terminal.type(b"sh -c 'echo be''gun; exec sleep 1000'\n")
    s.terminal.wait_for_text("begun")
    s.terminal.type(b"\x03")
    assert s.run("true")[1] == 0
    assert "sleep" not in s.run("ps -e")[0]


def test_a_pager_shows_pages_searches_and_leaves_the_terminal_as_it_was(session):
    s = session()
    s.log_in("root", "swordfish")
    s.run("stty rows 24 cols 80")
    s.terminal.type(b"seq 1000 | less\n")
    s.terminal.wait_for_text(r"\n23\r*\n")
    assert "\n24\r" not in s.terminal.text
    s.terminal.type(b" ")
    s.terminal.wait_for_text(r"46\r*\n")
    s.terminal.type(b"/^7.7$\n")
    s.terminal.wait_for_text("707")
    s.terminal.type(b"q")
    assert s.run("echo back; stty | grep -c raw")[0] == "back\n0\n"


@pytest.mark.parametrize("smp", ["1", "4"])
def test_the_shell_outlives_shortages_of_memory_files_and_handles(session, smp):
    s = session("--smp", smp, "--mem", "64M")
    s.log_in("root", "swordfish")
    assert s.run("tail -c 1000000000 /dev/zero")[1] != 0  # wants it all, and is refused or killed
    assert s.run("echo lives; ls / >/dev/null") == ("lives\n", 0)
    s.run("mkdir /tmp/small; mount -t tmpfs -o size=256k none /tmp/small")
    text, status = s.run("head -c 1000000 /dev/zero >/tmp/small/full")
    assert status != 0 and "space" in text, text
    assert s.run("rm /tmp/small/full; echo fits >/tmp/small/f; cat /tmp/small/f") == ("fits\n", 0)
    text, status = s.run("(ulimit -n 6; exec 3</etc/motd 4<&3 5<&3; exec 6<&3; cat /etc/motd)")
    assert status != 0, text
    assert s.run("cat /etc/motd >/dev/null; echo $?") == ("0\n", 0)

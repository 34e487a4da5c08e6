# SPDX-License-Identifier: Apache-2.0
"""The way from power-on to a shell, as an operator at the console has it."""
import re

import pytest


class Session:
    """A terminal with a login on it."""

    def __init__(self, terminal):
        self.terminal = terminal
        self.logins = 0

    def answer(self, name, password):
        """Types a name and a password at the next prompt for them."""
        self.logins += 1
        self.terminal.wait_for_text(r"swift-os login: ", self.logins)
        self.terminal.type(name.encode() + b"\n")
        self.terminal.wait_for_text(r"Password: ", self.logins)
        self.terminal.type(password.encode() + b"\n")

    def log_in(self, name, password):
        before = len(re.findall(rf"Welcome to swift-os, {name}", self.terminal.text))
        self.answer(name, password)
        self.terminal.wait_for_text(rf"Welcome to swift-os, {name}", before + 1)

    def run(self, command):
        """What a command prints, and its exit status."""
        mark = f"={len(self.terminal.seen)}="
        self.terminal.type(f"{command}; echo '{mark[:1]}''{mark[1:]}'$?\n".encode())
        self.terminal.wait_for_text(rf"{mark}\d+\r*\n")
        shown = self.terminal.text.replace("\r", "").rpartition("'$?\n")[2]
        text, _, status = shown.partition(mark)
        return text, int(status.split()[0])


@pytest.fixture
def session(build, machine):
    def start(*words):
        return Session(machine("--base", build / "base.img", *words))
    return start


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


def test_an_account_has_the_authority_of_its_mask_and_no_more(session):
    s = session()
    s.log_in("user", "swordfish")
    assert s.run("id")[0].startswith("principal=2(user) session=2 caps=0xe grants=")
    assert "network" not in s.run("id")[0]
    assert s.run("cat /etc/motd")[1] == 0
    assert s.run("echo x > /tmp/mine && cat /tmp/mine") == ("x\n", 0)
    assert s.run("reboot")[1] != 0
    assert s.run("cat /etc/swos/passwd")[1] != 0
    s.terminal.type(b"exit\n")
    s.log_in("guest", "guest")
    assert s.run("id")[0].startswith("principal=3 session=3 caps=0x2 grants=")
    assert s.run("cat /etc/motd")[1] != 0
    assert s.run("echo x > /tmp/theirs")[1] != 0


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

# SPDX-License-Identifier: Apache-2.0
"""The native tools, built for the host under sanitizers: what POSIX and daily use expect of them."""
import os
import pathlib
import signal
import subprocess

import pytest

BIN = pathlib.Path(os.environ.get("SWOS_BUILD", "build")).resolve() / "host/bin"


@pytest.fixture
def run(tmp_path):
    def start(*words, stdin="", env=None):
        environment = {"PATH": f"{BIN}:/usr/bin:/bin", "TZ": "UTC0", "LANG": "C.UTF-8"} | (env or {})
        return subprocess.run([BIN / words[0], *map(str, words[1:])], input=stdin, text=True,
                              capture_output=True, cwd=tmp_path, env=environment)
    return start


def output(result):
    assert (result.stderr, result.returncode) == ("", 0)
    return result.stdout


def refused(result, *texts):
    assert result.returncode != 0
    assert all(text in result.stderr for text in texts), result.stderr
    return result.stdout


@pytest.mark.parametrize("name", sorted(p.name for p in BIN.glob("*") if not p.suffix and p.name not in
                                        ("true", "false", "test")))
def test_every_tool_explains_itself(run, name):
    assert output(run(name, "--help")).startswith(f"usage: {name} ")


@pytest.mark.parametrize("name", ["cat", "head", "tail", "wc"])
def test_a_missing_file_is_named_and_others_are_shown(run, tmp_path, name):
    (tmp_path / "there").write_text("text\n")
    shown = refused(run(name, "missing", "there"), f"{name}: missing: No such file")
    assert "text" in shown or "1" in shown


@pytest.mark.parametrize("words", [("echo", "x"), ("cat", "/etc/passwd"), ("ls", "/"), ("date",)])
def test_a_full_medium_is_an_error(words):
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run([BIN / words[0], *words[1:]], stdout=full, stderr=subprocess.PIPE,
                                text=True)
    assert result.returncode != 0 and "standard output" in result.stderr


def test_true_and_false(run):
    assert run("true").returncode == 0
    assert run("false").returncode == 1


def test_echo(run):
    assert output(run("echo", "a", "b\\n")) == "a b\\n\n"
    assert output(run("echo", "-n", "a")) == "a"


def test_cat_joins_and_numbers(run, tmp_path):
    (tmp_path / "a").write_text("1\n2")
    (tmp_path / "b").write_text("3\n")
    assert output(run("cat", "a", "-", "b", stdin="x")) == "1\n2x3\n"
    assert output(run("cat", "-n", "a", "b")) == "     1\t1\n     2\t23\n"


def test_head_and_tail(run, tmp_path):
    (tmp_path / "f").write_text("".join(f"{i}\n" for i in range(1, 21)))
    assert output(run("head", "f")).split() == [str(i) for i in range(1, 11)]
    assert output(run("head", "-n", "2", "f")) == "1\n2\n"
    assert output(run("head", "-2", "f")) == "1\n2\n"
    assert output(run("head", "-c", "3", "f")) == "1\n2"
    assert output(run("tail", "f")).split() == [str(i) for i in range(11, 21)]
    assert output(run("tail", "-n", "1", "f")) == "20\n"
    assert output(run("tail", "-n", "+19", "f")) == "19\n20\n"
    assert output(run("tail", "-c", "4", "f")) == "\n20\n"
    assert output(run("tail", "-n", "0", "f")) == ""
    assert output(run("tail", "-n", "2", stdin="a\nb\nc")) == "b\nc"
    assert output(run("head", "-n", "1", "f", "f")) == "==> f <==\n1\n\n==> f <==\n1\n"
    big = "".join(f"line {i}\n" for i in range(400000))
    assert output(run("tail", "-n", "3", stdin=big)) == "".join(
        f"line {i}\n" for i in range(399997, 400000))


def test_wc(run, tmp_path):
    (tmp_path / "f").write_text("ein Wört\nzwei\n", encoding="utf-8")
    assert output(run("wc", "f")).split() == ["2", "3", "15", "f"]
    assert output(run("wc", "-m", "f")).split() == ["14", "f"]
    assert output(run("wc", "-l", "f", "f")).split() == ["2", "f", "2", "f", "4", "total"]


def test_mkdir_and_rmdir(run, tmp_path):
    output(run("mkdir", "-p", "a/b/c"))
    output(run("mkdir", "-p", "a/b/c"))
    refused(run("mkdir", "a"), "mkdir: a: File exists")
    refused(run("rmdir", "a"), "rmdir: a: Directory not empty")
    output(run("mkdir", "-m", "u=rwx,go=", "d"))
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700
    output(run("rmdir", "-p", "a/b/c"))
    assert not (tmp_path / "a").exists()


def test_rm(run, tmp_path):
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d/e/f").write_text("")
    (tmp_path / "d/link").symlink_to("/etc")
    refused(run("rm", "d"), "rm: d: Is a directory")
    refused(run("rm", "missing"), "rm: missing: No such file")
    output(run("rm", "-f", "missing"))
    refused(run("rm", "-rf", "/"), "will not be removed")
    refused(run("rm", "-rf", "d/.."), "will not be removed")
    output(run("rm", "-r", "d"))
    assert not (tmp_path / "d").exists() and os.path.exists("/etc/passwd")


def test_cp(run, tmp_path):
    (tmp_path / "a").write_text("content")
    (tmp_path / "a").chmod(0o640)
    os.utime(tmp_path / "a", (1000, 2000))
    output(run("cp", "-p", "a", "b"))
    assert (tmp_path / "b").read_text() == "content"
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "b").stat().st_mtime == 2000
    refused(run("cp", "a", "a"), "are the same file")
    refused(run("cp", "missing", "b"), "cp: missing")
    refused(run("cp", "a", "b", "c"), "not a directory")
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/sub/file").write_text("deep")
    (tmp_path / "tree/link").symlink_to("sub/file")
    refused(run("cp", "tree", "copy"), "Is a directory")
    output(run("cp", "-a", "tree/", "copy"))
    assert (tmp_path / "copy/sub/file").read_text() == "deep"
    assert os.readlink(tmp_path / "copy/link") == "sub/file"
    output(run("cp", "-r", "tree", "copy"))
    assert (tmp_path / "copy/tree/sub/file").read_text() == "deep"
    refused(run("cp", "-r", "tree", "tree/sub"), "into itself")


def test_mv_and_ln(run, tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "d").mkdir()
    output(run("mv", "a", "b"))
    output(run("mv", "b", "d"))
    assert (tmp_path / "d/b").read_text() == "1"
    output(run("ln", "d/b", "hard"))
    output(run("ln", "-s", "d/b", "soft"))
    assert (tmp_path / "hard").stat().st_nlink == 2
    assert os.readlink(tmp_path / "soft") == "d/b"
    refused(run("ln", "-s", "x", "soft"), "ln: soft: File exists")
    output(run("ln", "-sf", "x", "soft"))
    assert os.readlink(tmp_path / "soft") == "x"
    (tmp_path / "kept").write_text("kept")
    output(run("mv", "-n", "hard", "kept"))
    assert (tmp_path / "kept").read_text() == "kept"
    refused(run("mv", "nothing", "b"), "mv: nothing")


@pytest.mark.parametrize("mode,before,after", [
    ("644", 0o777, 0o644), ("u+x", 0o644, 0o744), ("a-w", 0o666, 0o444), ("go=", 0o777, 0o700),
    ("u=rwx,g=rx,o=r", 0, 0o754), ("g=u", 0o740, 0o770), ("+x", 0o644, 0o755), ("-x", 0o755, 0o644),
    ("u+s", 0o755, 0o4755), ("a+X", 0o644, 0o644), ("a+X", 0o744, 0o755)])
def test_chmod(run, tmp_path, mode, before, after):
    (tmp_path / "f").write_text("")
    (tmp_path / "f").chmod(before)
    output(run("chmod", mode, "f"))
    assert (tmp_path / "f").stat().st_mode & 0o7777 == after


def test_chmod_refuses_what_is_no_mode(run, tmp_path):
    (tmp_path / "f").write_text("")
    for mode in ("888", "u", "u+q", "u+x,", "99999"):
        refused(run("chmod", mode, "f"), "not a mode")


def test_touch(run, tmp_path):
    output(run("touch", "-c", "no"))
    assert not (tmp_path / "no").exists()
    output(run("touch", "-t", "202401020304.05", "f"))
    assert (tmp_path / "f").stat().st_mtime == 1704164645
    output(run("touch", "-r", "f", "g"))
    assert (tmp_path / "g").stat().st_mtime == 1704164645
    refused(run("touch", "-t", "13", "f"), "not a time")


def test_ls(run, tmp_path):
    (tmp_path / "b").write_text("12345")
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/inside").write_text("")
    (tmp_path / "link").symlink_to("b")
    assert output(run("ls")) == "b\nd\nlink\n"
    assert output(run("ls", "-a")).split() == [".", "..", ".hidden", "b", "d", "link"]
    assert output(run("ls", "-A", "-r")).split() == ["link", "d", "b", ".hidden"]
    assert output(run("ls", "-F")).split() == ["b", "d/", "link@"]
    assert output(run("ls", "-d", "d")) == "d\n"
    assert output(run("ls", "b", "d")) == "b\n\nd:\ninside\n"
    assert output(run("ls", "-R")) == ".:\nb\nd\nlink\n\n./d:\ninside\n"
    assert output(run("ls", "-S")).split()[0] == "d"
    os.utime(tmp_path / "b", (0, 86400))
    line = [x for x in output(run("ls", "-ln")).splitlines() if x.endswith(" b")][0].split()
    assert line[0] == "-rw-r--r--" and line[4] == "5" and line[5:8] == ["Jan", "2", "1970"]
    assert "link -> b" in output(run("ls", "-l"))
    refused(run("ls", "missing"), "ls: missing: No such file")


def test_date(run):
    assert output(run("date", "-d", "@0", "+%Y-%m-%d %H:%M:%S")) == "1970-01-01 00:00:00\n"
    assert output(run("date", "-d", "2026-11-26 10:00", "+%s")) == "1795687200\n"
    refused(run("date", "-d", "yesterday"), "not a time")


def test_env(run):
    assert output(run("env", "-i", "A=1", "B=2")) == "A=1\nB=2\n"
    assert output(run("env", "-u", "TZ", "sh", "-c", "echo [$TZ]")) == "[]\n"
    assert run("env", "no-such-command").returncode == 127


def test_sleep(run):
    output(run("sleep", "0.01"))
    refused(run("sleep", "x"), "not a duration")
    refused(run("sleep"), "usage")


def test_kill(run):
    child = subprocess.Popen(["sleep", "60"])
    output(run("kill", "-0", child.pid))
    output(run("kill", "-s", "USR1", child.pid))
    assert child.wait() == -signal.SIGUSR1
    assert output(run("kill", "-l", "9", "143")) == "KILL\nTERM\n"
    refused(run("kill", "-BOGUS", "1"), "not a signal")
    refused(run("kill", "x"), "not a process identifier")


@pytest.mark.parametrize("words,holds", [
    ([], False), (["x"], True), ([""], False), (["!", "x"], False), (["-n", ""], False),
    (["-z", ""], True), (["a", "=", "a"], True), (["a", "!=", "a"], False), (["1", "-lt", "2"], True),
    (["-d", "/"], True), (["-f", "/"], False), (["!", "-f", "/"], True), (["-n"], True),
    (["(", "a", ")"], True), (["a", "-a", ""], False), (["", "-o", "a"], True),
    (["", "-o", "", "-o", "a"], True), (["a", "-a", "!", ""], True), (["!", "=", "!"], True),
    (["(", "", "-o", "a", ")", "-a", "b"], True), (["(", "=", "("], True),
    (["!", "(", "a", "-a", "b", ")"], False), (["-e", "/", "-a", "1", "-eq", "1"], True)])
def test_test(run, words, holds):
    result = run("test", *words)
    assert (result.returncode, result.stderr) == (0 if holds else 1, "")


def test_test_refuses_what_is_no_expression(run):
    for words in (["x", "-eq", "1"], ["(", "a"], ["a", "b"], ["a", "-a"], ["1", "-lt", "9" * 30]):
        assert run("test", *words).returncode == 2


def test_pwd(run, tmp_path):
    (tmp_path / "real").mkdir()
    assert output(run("pwd", "-P")).strip() == str(tmp_path.resolve())
    assert output(run("pwd", env={"PWD": "/nowhere"})).strip() == str(tmp_path.resolve())


@pytest.mark.parametrize("text,answer", [
    ("1+2*3", "7"), ("(1+2)*3", "9"), ("-2^2", "-4"), ("2^3^2", "512"), ("7%4-10", "-7"),
    ("0x10+010", "24"), ("--3", "3"), ("-9223372036854775807-1", "-9223372036854775808")])
def test_calc(run, text, answer):
    assert output(run("calc", text)).strip() == answer


def test_calc_keeps_variables_and_refuses_nonsense(run):
    assert output(run("calc", stdin="a = 6\nb=a*7\n:vars\n:sum\n:q\nnever\n")) == (
        "a = 6\nb = 42\na = 6\nb = 42\n48\n")
    for text, why in (("1/0", "division by zero"), ("9223372036854775807+1", "does not fit"),
                      ("1 2", "operator is missing"), ("(1", "without its )"), ("1)", "without its ("),
                      ("q", "no such variable"), ("1+", "operand is missing"), ("()", "operand"),
                      ("(" * 300 + "1" + ")" * 300, "too deep")):
        refused(run("calc", text), why)


def test_kv(run):
    commands = "SET a one two\nGET a\nGET b\nSET b 2\nCOUNT\nDEL a\nDEL a\nKEYS\n:q\n"
    assert output(run("kv", stdin=commands)) == "OK\none two\n(nil)\nOK\n2\nOK\n(nil)\nb\n"
    many = "".join(f"SET k{i} {i}\n" for i in range(1000)) + "GET k777\nCOUNT\n"
    assert output(run("kv", stdin=many)).splitlines()[-2:] == ["777", "1000"]
    refused(run("kv", stdin="FROB\n"), "no such command")

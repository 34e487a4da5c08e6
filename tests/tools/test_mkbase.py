# SPDX-License-Identifier: Apache-2.0
"""tools/mkbase: the archive holds what the list says, and only that decides its bytes."""
import os
import stat
import subprocess

import pytest


@pytest.fixture
def mkbase(tools, tmp_path):
    def run(text, name="out"):
        (tmp_path / "list").write_text(text)
        result = subprocess.run(
            [tools / "mkbase", "--build", tmp_path, tmp_path / name, tmp_path / "list"],
            capture_output=True, text=True)
        return result, (tmp_path / name)
    return run


def read(path):
    """{name: (mode, contents)} of a newc archive (cpio(5))."""
    data, at, entries = path.read_bytes(), 0, {}
    while True:
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        assert data[at:at + 6] == b"070701"
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        body = at + (110 + fields[11] + 3) // 4 * 4
        at = body + (fields[6] + 3) // 4 * 4
        if name == "TRAILER!!!":
            assert at == len(data)
            return entries
        entries[name] = (fields[1], data[body:body + fields[6]])


def test_files_folders_and_links_are_there(mkbase, tmp_path):
    (tmp_path / "program").write_bytes(b"12345")
    (tmp_path / "program").chmod(0o755)
    result, out = mkbase("dir /etc 700 # settings\nfile /bin/a @program\nlink /init bin/a\n")
    assert result.returncode == 0, result.stderr
    assert read(out) == {
        "bin": (stat.S_IFDIR | 0o755, b""), "bin/a": (stat.S_IFREG | 0o755, b"12345"),
        "etc": (stat.S_IFDIR | 0o700, b""), "init": (stat.S_IFLNK | 0o777, b"bin/a")}


def test_time_and_order_of_the_list_do_not_matter(mkbase, tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    _, first = mkbase("file /x/a @a\ndir /b\n", "first")
    os.utime(tmp_path / "a", (1, 1))
    _, second = mkbase("dir /b\nfile /x/a @a 644\n", "second")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("line", ["file /a @missing", "node /dev/x", "dir", "dir /../a", "dir /",
                                  "file /a", "dir /a\ndir /a", "dir /a 9"])
def test_a_wrong_line_is_named_and_nothing_is_written(mkbase, line):
    result, out = mkbase("# comment\n" + line + "\n")
    assert result.returncode == 1
    assert "line 2" in result.stderr or "line 3" in result.stderr
    assert not out.exists()

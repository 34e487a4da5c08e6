# SPDX-License-Identifier: Apache-2.0
"""tools/basepack: the image holds what the list says, and only that decides its bytes."""
import os
import subprocess

import pytest


@pytest.fixture
def basepack(tools, build, tmp_path):
    def run(text, name="out", **environment):
        (tmp_path / "list").write_text(text)
        result = subprocess.run(
            [tools / "basepack", "--build", tmp_path, "--signer", build / "host/sign",
             tmp_path / name, tmp_path / "list"],
            capture_output=True, text=True, env={**os.environ, **environment})
        return result, (tmp_path / name)
    return run


@pytest.fixture
def inspect(tools):
    def run(image):
        return subprocess.run([tools / "basepack", "--inspect", image], capture_output=True,
                              text=True)
    return run


def words(result):
    """{path: [mode, owner, size, ...]} of a listing."""
    lines = [line.split() for line in result.stdout.splitlines()[1:-1]]
    return {line[4]: line[:3] + line[5:] for line in lines}


def test_files_folders_and_links_are_there(basepack, inspect, tmp_path):
    (tmp_path / "program").write_bytes(b"12345")
    (tmp_path / "program").chmod(0o755)
    result, out = basepack("dir /etc 700 2:3 # settings\nfile /bin/a @program\nlink /init bin/a\n"
                           "file /etc/shadow @program 4600 7\n")
    assert result.returncode == 0, result.stderr
    listing = inspect(out)
    assert listing.returncode == 0
    assert "4 blocks" in listing.stdout and "6 inodes" in listing.stdout
    assert words(listing) == {
        "/": ["drwxr-xr-x", "0:0", "3"], "/bin": ["drwxr-xr-x", "0:0", "1"],
        "/bin/a": ["-rwxr-xr-x", "0:0", "5"], "/etc": ["drwx------", "2:3", "1"],
        "/etc/shadow": ["-rwS------", "7:7", "5"],
        "/init": ["lrwxrwxrwx", "0:0", "5", "->", "bin/a"]}


def test_time_and_order_of_the_list_do_not_matter(basepack, tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    _, first = basepack("file /x/a @a\ndir /b\n", "first")
    os.utime(tmp_path / "a", (1, 1))
    _, second = basepack("dir /b\nfile /x/a @a 644\n", "second")
    assert first.read_bytes() == second.read_bytes()


def test_every_byte_of_the_content_is_covered(basepack, inspect, tmp_path):
    (tmp_path / "a").write_bytes(os.urandom(700000))
    _, out = basepack("file /a @a\n")
    image = bytearray(out.read_bytes())
    assert inspect(out).returncode == 0
    for at in (5000, len(image) // 2, len(image) - 1):
        image[at] ^= 1
        out.write_bytes(image)
        assert inspect(out).returncode == 1, at
        image[at] ^= 1


@pytest.mark.parametrize("line", ["file /a @missing", "node /dev/x", "dir", "dir /../a", "dir /",
                                  "file /a", "dir /a\ndir /a", "dir /a 9", "dir /a 755 me",
                                  "link /a", "link /a b c"])
def test_a_wrong_line_is_named_and_nothing_is_written(basepack, line):
    result, out = basepack("# comment\n" + line + "\n")
    assert result.returncode == 1
    assert "line 2" in result.stderr or "line 3" in result.stderr
    assert not out.exists()


def test_a_key_that_is_none_makes_no_image(basepack, tmp_path):
    (tmp_path / "key").write_text("no key\n")
    result, out = basepack("dir /a\n", SIGN_KEY=str(tmp_path / "key"))
    assert result.returncode == 1
    assert not out.exists()


def test_what_is_no_image_is_not_signed(build, root, tmp_path):
    (tmp_path / "x").write_bytes(bytes(8192))
    result = subprocess.run([build / "host/sign", "base", root / "boot/development.key",
                             tmp_path / "x"], capture_output=True, text=True)
    assert result.returncode == 1
    assert "no whole base image" in result.stderr
    assert (tmp_path / "x").read_bytes() == bytes(8192)

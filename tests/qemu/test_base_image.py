# SPDX-License-Identifier: Apache-2.0
"""The base image is believed as far as it is what was signed, wherever it comes from."""
import os
import pathlib
import struct
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build")).resolve()
BLOCK = 4096


def guest(tmp_path, *options, program="/bin/args"):
    """(exit status, output, kernel log) of a program in a guest."""
    log = tmp_path / "log"
    result = subprocess.run(
        [ROOT / "tools/guest", "--log", log, *options, "--", program, "x"],
        capture_output=True, text=True)
    return result.returncode, result.stdout, log.read_text(errors="replace")


@pytest.fixture
def image():
    return bytearray((BUILD / "test/base.img").read_bytes())


def place_of(image, path):
    """Where the content of a file begins: by its line in the listing."""
    (BUILD / "test").mkdir(exist_ok=True)
    listing = subprocess.run([ROOT / "tools/basepack", "--inspect", image], capture_output=True,
                             text=True).stdout
    line = next(line.split() for line in listing.splitlines() if f" {path}" in line)
    return int(line[3]) * BLOCK


@pytest.mark.parametrize("options", [["--bus", "mmio"], ["--base-initrd"]], ids=["mmio", "memory"])
def test_programs_come_from_the_image(tmp_path, options):
    status, output, log = guest(tmp_path, *options)
    assert status == 2 and output == "/bin/args\nx\n", log
    assert "signature good" in log


def tree_start(image):
    return struct.unpack_from("<Q", image, 24)[0] * BLOCK


@pytest.mark.parametrize("at, reason", [
    (lambda image: 56, "not signed by the key"),
    (lambda image: 130, "not signed by the key"),
    (lambda image: 300, "malformed"),
    (lambda image: BLOCK + 8, "block 1 is not what was signed"),
    (lambda image: len(image) - 1, "is not what was signed"),
    (lambda image: tree_start(image), "is not what was signed"),
], ids=["superblock", "signature", "padding", "metadata", "top of the tree", "hashes"])
def test_an_image_with_one_other_byte_is_refused(tmp_path, image, at, reason):
    image[at(image)] ^= 1
    (tmp_path / "base.img").write_bytes(image)
    status, _, log = guest(tmp_path, "--base", tmp_path / "base.img")
    assert status == 127
    assert reason in log and "refused" in log


def test_an_image_that_was_cut_short_is_refused(tmp_path, image):
    (tmp_path / "base.img").write_bytes(image[:-BLOCK])
    status, _, log = guest(tmp_path, "--base", tmp_path / "base.img")
    assert status == 127
    assert "refused: the base image is cut short" in log


def test_an_image_of_another_key_is_refused(tmp_path, image):
    (tmp_path / "key").write_text("11" * 32 + "\n")
    (tmp_path / "base.img").write_bytes(image)
    subprocess.run([BUILD / "host/sign", "base", tmp_path / "key", tmp_path / "base.img"],
                   check=True)
    status, _, log = guest(tmp_path, "--base", tmp_path / "base.img")
    assert status == 127
    assert "not signed by the key" in log


def test_a_damaged_file_is_named_and_the_others_work(tmp_path, image):
    place = place_of(BUILD / "test/base.img", "/bin/args")
    image[place + 100] ^= 1
    (tmp_path / "base.img").write_bytes(image)
    status, _, log = guest(tmp_path, "--base", tmp_path / "base.img")
    assert status == 126
    assert log.count("disk0: /bin/args: block") == 1
    status, _, _ = guest(tmp_path, "--base", tmp_path / "base.img", program="/bin/echo")
    assert status != 126


def test_a_root_that_is_not_there_is_named(tmp_path):
    status, _, log = guest(tmp_path, "--append", "root=disk7")
    assert status == 127
    assert "there is no block device disk7" in log

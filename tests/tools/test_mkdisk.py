# SPDX-License-Identifier: Apache-2.0
"""tools/mkdisk: a disk that firmware and partition tools accept, the same bytes each time."""
import os
import pathlib
import struct
import subprocess
import uuid
import zlib

import pytest

SECTOR = 512


@pytest.fixture
def mkdisk(tools, tmp_path):
    (tmp_path / "loader").write_bytes(b"loader" * 1000)
    (tmp_path / "kernel").write_bytes(b"kernel" * 10000)

    def run(*words, name="out"):
        result = subprocess.run(
            [tools / "mkdisk", "--loader", "loader", *words, name], capture_output=True, text=True,
            cwd=tmp_path)
        return result, tmp_path / name
    return run


def read_file(image, path):
    return subprocess.run(["mtype", "-i", image, f"::{path}"], check=True,
                          stdout=subprocess.PIPE).stdout


def check_header(data, at, other):
    """UEFI 2.10, 5.3.2."""
    header = data[at * SECTOR:at * SECTOR + 92]
    magic, revision, size, crc, zero, own, backup = struct.unpack("<8sIIIIQQ", header[:40])
    assert (magic, revision, size, zero, own, backup) == (b"EFI PART", 0x10000, 92, 0, at, other)
    assert zlib.crc32(header[:16] + bytes(4) + header[20:]) == crc
    first, last, _, table, count, each, entries_crc = struct.unpack("<QQ16sQIII", header[40:])
    entries = data[table * SECTOR:table * SECTOR + count * each]
    assert zlib.crc32(entries) == entries_crc
    return first, last, entries


def test_both_partition_tables_are_valid_and_agree(mkdisk):
    result, out = mkdisk("--kernel", "kernel")
    assert result.returncode == 0, result.stderr
    data = out.read_bytes()
    end = len(data) // SECTOR - 1
    first, last, entries = check_header(data, 1, end)
    assert (first, last, entries) == check_header(data, end, 1)
    kind, _, start, stop = struct.unpack("<16s16sQQ", entries[:48])
    assert uuid.UUID(bytes_le=kind) == uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
    assert first <= start < stop <= last and entries[128:] == bytes(len(entries) - 128)
    assert data[510:512] == b"\x55\xaa" and data[450] == 0xEE
    assert data[start * SECTOR + 510:start * SECTOR + 512] == b"\x55\xaa"


def test_each_file_is_where_the_loader_looks(mkdisk, tmp_path):
    (tmp_path / "base").write_bytes(b"base")
    _, out = mkdisk("--kernel", "kernel", "--base", "base", "--cmdline", "a b")
    image = f"{out}@@1M"
    assert read_file(image, "EFI/BOOT/BOOTAA64.EFI") == b"loader" * 1000
    assert read_file(image, "EFI/swift-os/kernel.img") == b"kernel" * 10000
    assert read_file(image, "EFI/swift-os/base.img") == b"base"
    assert read_file(image, "EFI/swift-os/cmdline") == b"a b\n"
    manifest = read_file(image, "EFI/swift-os/manifest")
    assert all(name in manifest for name in (b"kernel.img\0", b"base.img\0", b"cmdline\0"))


@pytest.mark.parametrize("words", [[], ["--esp-only"]])
def test_the_same_inputs_give_the_same_bytes(mkdisk, tmp_path, words):
    _, first = mkdisk("--kernel", "kernel", *words, name="first")
    os.utime(tmp_path / "kernel", (1, 1))
    _, second = mkdisk("--kernel", "kernel", *words, name="second")
    assert first.read_bytes() == second.read_bytes()


def test_the_image_takes_little_of_the_host_s_disk(mkdisk):
    _, out = mkdisk("--kernel", "kernel")
    assert out.stat().st_size == 66 << 20
    assert out.stat().st_blocks * 512 < 4 << 20


def test_a_base_image_of_any_size_fits(mkdisk, tmp_path):
    with open(tmp_path / "base", "wb") as file:
        file.truncate(90 << 20)
    for words in ([], ["--esp-only"]):
        result, out = mkdisk("--kernel", "kernel", "--base", "base", *words)
        assert result.returncode == 0, result.stderr
        assert out.stat().st_size > 90 << 20


@pytest.mark.parametrize("words", [["--kernel", "missing"], ["--cmdline-file", "missing"],
                                   ["--kernel", "kernel", "--key", "missing"],
                                   ["--kernel", "kernel", "--size-mib", "1", "--base", "base"]])
def test_a_failure_says_why_and_leaves_nothing(mkdisk, tmp_path, words):
    (tmp_path / "base").write_bytes(bytes(2 << 20))
    before = set(pathlib.Path(tmp_path).iterdir())
    result, out = mkdisk(*words)
    assert result.returncode == 1 and "mkdisk: " in result.stderr
    assert set(pathlib.Path(tmp_path).iterdir()) == before and not out.exists()


def test_a_base_image_has_a_partition_of_its_own(mkdisk, tmp_path):
    (tmp_path / "base").write_bytes(b"base" * 300000)
    result, out = mkdisk("--kernel", "kernel", "--base-partition", "base")
    assert result.returncode == 0, result.stderr
    verdict = subprocess.run(["sgdisk", "-v", out], capture_output=True, text=True).stdout
    assert "No problems found" in verdict, verdict
    data = out.read_bytes()
    entry = check_header(data, 1, len(data) // SECTOR - 1)[2][128:256]
    start, stop = struct.unpack("<QQ", entry[32:48])
    assert entry[56:].decode("utf-16-le").rstrip("\0") == "swift-os-base"
    assert data[start * SECTOR:].startswith(b"base" * 300000)
    assert (stop + 1 - start) * SECTOR == 2 << 20
    assert b"base.img\0" not in read_file(f"{out}@@1M", "EFI/swift-os/manifest")


def test_a_bare_volume_has_no_partitions(mkdisk, tmp_path):
    (tmp_path / "base").write_bytes(b"base")
    result, out = mkdisk("--esp-only", "--base-partition", "base")
    assert result.returncode == 2 and not out.exists()

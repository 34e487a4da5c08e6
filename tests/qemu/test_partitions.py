# SPDX-License-Identifier: Apache-2.0
"""Disks with GUID partition tables: ours, those of another tool, damaged ones."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build")).resolve()
SECTOR, MIB = 512, 1 << 20
SIZE = 16 * MIB


def guest(tmp_path, disk, *options):
    """(exit status, kernel log) of a program of a base image that is somewhere on the disk."""
    log = tmp_path / "log"
    result = subprocess.run(
        [ROOT / "tools/guest", "--base", "/nonexistent", "--disk", disk, "--log", log, *options,
         "--", "/bin/args", "x"], capture_output=True, text=True)
    return result.returncode, log.read_text(errors="replace")


@pytest.fixture
def disk(tmp_path):
    """A disk that sgdisk made, with the base image in its second partition."""
    path = tmp_path / "disk"
    with open(path, "wb") as file:
        file.truncate(SIZE)
    subprocess.run(["sgdisk", "-n", "1:2048:4095", "-c", "1:nothing", "-n", "2:4096:24575", "-c",
                    "2:swift-os-base", path], check=True, stdout=subprocess.DEVNULL)
    with open(path, "r+b") as file:
        file.seek(4096 * SECTOR)
        file.write((BUILD / "test/base.img").read_bytes())
    return path


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize("root", [[], ["--append", "root=disk0p2"],
                                  ["--append", "root=disk0:swift-os-base"]])
def test_a_base_image_is_found_in_its_partition(tmp_path, disk, root):
    status, log = guest(tmp_path, disk, *root)
    assert status == 2 and "disk0p2: base image" in log
    assert "disk0p1: 1024 KiB, nothing" in log and "disk0p2: 10240 KiB, swift-os-base" in log


def test_a_partition_that_is_not_there_is_named(tmp_path, disk):
    status, log = guest(tmp_path, disk, "--append", "root=disk0:other")
    assert status == 127 and "there is no block device disk0:other" in log


@pytest.mark.parametrize("at", [SECTOR + 60, 2 * SECTOR + 40], ids=["header", "entries"])
def test_a_damaged_table_is_replaced_by_its_backup(tmp_path, disk, at):
    flip(disk, at)
    status, log = guest(tmp_path, disk)
    assert status == 2 and "disk0: its partition table is damaged; the backup is used" in log


def test_a_disk_with_both_tables_damaged_has_no_partitions(tmp_path, disk):
    flip(disk, SECTOR)
    flip(disk, SIZE - SECTOR)
    status, log = guest(tmp_path, disk)
    assert status == 127 and "so is the backup" in log and "disk0p" not in log


@pytest.mark.parametrize("words", [["--bus", "mmio"], ["--bus", "pci", "--smp", "4"],
                                   ["--bus", "pci", "--machine", "gic-version=3"]], ids=" ".join)
def test_our_disk_boots_to_a_login_with_its_base_in_a_partition(tmp_path, machine, words):
    disk = tmp_path / "disk"
    subprocess.run([ROOT / "tools/mkdisk", "--loader", BUILD / "boot/BOOTAA64.EFI", "--kernel",
                    BUILD / "release/kernel.img", "--base-partition", BUILD / "base.img", disk],
                   check=True)
    terminal = machine("--boot-disk", disk, *words)
    terminal.wait_for_text("swift-os login: ", seconds=120)
    assert "disk0p2: base image" in terminal.text and "ram0" not in terminal.text

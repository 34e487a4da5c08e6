# SPDX-License-Identifier: Apache-2.0
"""Virtio devices on PCI, wherever they sit and however they interrupt."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build")).resolve()
GICS = {"gic2": [], "gic3": ["--machine", "gic-version=3"]}
NO_MESSAGES = ["--machine", "gic-version=3,its=off"]
PORT = "-device pcie-root-port,id=port{0},chassis={0} "


def guest(tmp_path, *options):
    """The kernel log of a guest whose program came from the base image and ended well."""
    log = tmp_path / "log"
    result = subprocess.run([ROOT / "tools/guest", "--log", log, "--append", "log=debug", *options,
                             "--", "/bin/args", "x"], capture_output=True, text=True)
    text = log.read_text(errors="replace")
    assert (result.returncode, result.stdout) == (2, "/bin/args\nx\n"), text + result.stderr
    return text


def base_at(where):
    """Options for a base image that is a disk at this place, and nowhere else."""
    image = BUILD / "test/base.img"
    return ["--base", "/nonexistent",
            f"--qemu=-drive if=none,id=b,format=raw,readonly=on,file.locking=off,file={image} "
            f"-device virtio-blk-pci,drive=b,{where}"]


def rng(where):
    return f"-device virtio-rng-pci,{where} "


@pytest.mark.parametrize("path", [[], ["--uefi"]], ids=["direct", "uefi"])
@pytest.mark.parametrize("gic", GICS)
@pytest.mark.parametrize("smp", ["1", "4"])
def test_the_base_image_is_a_disk_on_pci(tmp_path, path, gic, smp):
    # Through the firmware the base comes from memory, so it is attached as a disk beside that.
    base = ["--disk", BUILD / "test/base.img", "--append", "root=disk1"] if path else []
    log = guest(tmp_path, "--bus", "pci", "--smp", smp, *GICS[gic], *path, *base)
    assert f"disk{len(path)}: base image" in log and "virtio-pci" in log
    assert ("messages" in log) == (gic == "gic2")


@pytest.mark.parametrize("path", [[], ["--uefi"]], ids=["direct", "uefi"])
@pytest.mark.parametrize("gic", GICS)
def test_a_disk_behind_bridges_is_found(tmp_path, path, gic):
    bridges = ("--qemu=" + PORT.format(1) + PORT.format(2) +
               "-device x3130-upstream,id=up,bus=port2 "
               "-device xio3130-downstream,id=down,bus=up,chassis=3 " + rng("bus=port1"))
    log = guest(tmp_path, *GICS[gic], *path, bridges, *base_at("bus=down"))
    assert ": base image" in log and "virtio-rng" in log


@pytest.mark.parametrize("where", ["bus=bridge,addr=3,vectors=0", "addr=0x19,vectors=0"])
@pytest.mark.parametrize("smp", ["1", "4"])
def test_devices_share_the_lines_of_their_pins(tmp_path, smp, where):
    """Slots 1, 5, 9 ... have one line, and 3 behind a bridge in 6 has it too."""
    others = "--qemu=-device pci-bridge,id=bridge,chassis_nr=9,addr=6 " + "".join(
        rng(f"addr={slot:x},vectors=0") for slot in (1, 5, 9, 13, 17, 21))
    assert ": base image" in guest(tmp_path, "--smp", smp, *NO_MESSAGES, others, *base_at(where))


def test_where_messages_run_out_pins_are_used(tmp_path):
    """The GICv2m frame has 64."""
    many = "--qemu=" + "".join(rng(f"addr={slot:x}.{function},multifunction=on")
                               for slot in range(1, 10) for function in range(8))
    log = guest(tmp_path, many, *base_at("addr=0x1f"))
    assert ": base image" in log and log.count("virtio-rng: 00:") == 72


def test_a_device_that_speaks_both_old_and_new_is_driven_the_new_way(tmp_path):
    assert ": base image" in guest(tmp_path, *base_at("disable-legacy=off"))


def test_a_device_of_the_legacy_kind_is_left_alone(tmp_path):
    log = guest(tmp_path, "--qemu=" + rng("disable-modern=on,disable-legacy=off"))
    assert "of the legacy kind is not driven" in log


def test_what_wants_more_memory_than_there_is_stays_without(tmp_path):
    with open(tmp_path / "memory", "wb") as file:
        file.truncate(2 << 30)
    log = guest(tmp_path, "--qemu=-object memory-backend-file,id=m,share=on,size=2G,"
                f"mem-path={tmp_path}/memory " + PORT.format(1) +
                "-device ivshmem-plain,memdev=m,bus=port1", *base_at("addr=0x10"))
    assert "there is no place for the 2097152 KiB of register 2" in log

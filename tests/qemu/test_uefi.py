# SPDX-License-Identifier: Apache-2.0
"""The UEFI loader, from outside: what it hands to a kernel, and what it refuses and says then."""
import dataclasses
import re
import select
import struct
import subprocess
import time

import pytest
from conftest import ROOT

DEADLINE_S = 90
ROOM = 0x300000  # more than the file has, as a kernel with zeroed data asks for
KERNEL = "\\EFI\\swift-os\\kernel.img"
SCTLR_MMU_AND_CACHES = 1 << 0 | 1 << 2 | 1 << 12
DAIF_MASKED = 0x3C0
RAM, LOADER, FIRMWARE, ACPI, RESERVED = range(1, 6)


@pytest.fixture
def standin(tmp_path):
    """Makes stand-in kernels; a keyword changes what its header says."""
    def make(name="standin.img", room=ROOM, flags=0xA, magic="ARM\\x64"):
        obj, image = tmp_path / (name + ".o"), tmp_path / name
        subprocess.run(["clang-19", "--target=aarch64-none-elf", "-c", f"-DROOM={room}",
                        f"-DFLAGS={flags}", f'-DMAGIC="{magic}"', "-o", obj,
                        ROOT / "tests/qemu/standin.S"], check=True)
        subprocess.run(["llvm-objcopy-19", "-O", "binary", "-j", ".text", obj, image], check=True)
        return image
    return make


@pytest.fixture
def mkdisk(build, tmp_path):
    def make(*words, name="disk.img"):
        subprocess.run([ROOT / "tools/mkdisk", "--loader", build / "boot/BOOTAA64.EFI", *words,
                        tmp_path / name], check=True)
        return tmp_path / name
    return make


@pytest.fixture
def boot():
    """Boots a disk; gives the serial output up to the pattern, or to the end."""
    def run(disk, *words, until=None):
        command = [ROOT / "tools/qemu.py", "--boot-disk", disk, *words,
                   "--qemu=-semihosting-config enable=on,target=native -no-reboot"]
        text, end = b"", time.monotonic() + DEADLINE_S
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as guest:
            try:
                while select.select([guest.stdout], [], [], end - time.monotonic())[0]:
                    chunk = guest.stdout.read1()
                    text += chunk
                    if not chunk or (until and re.search(until, text)):
                        return text.decode(errors="replace")
            finally:
                guest.kill()
        pytest.fail(f"no end within {DEADLINE_S} s:\n{text.decode(errors='replace')}")
    return run


@dataclasses.dataclass
class Handover:
    """What the stand-in kernel found."""
    text: str

    def raw(self, name):
        found = re.search(rf"^{name}=([0-9a-f]*)\r?$", self.text, re.M)
        assert found, self.text
        return bytes.fromhex(found[1])

    @property
    def registers(self):
        names = ("el", "sctlr", "daif", "pc", "x0", "x1", "x2", "x3")
        return dict(zip(names, struct.unpack("<8Q", self.raw("registers"))))

    @property
    def info(self):
        names = ("magic version size fdt rsdp memory memory_count cmdline ramdisk ramdisk_size "
                 "entropy_size entropy framebuffer width height stride format start end").split()
        return dict(zip(names, struct.unpack("<8sII8Q64sQIIIIQQ", self.raw("info"))))

    @property
    def memory(self):
        return [entry[:3] for entry in struct.iter_unpack("<QQII", self.raw("memory"))]

    def kind_of(self, address, size=1):
        """The kind of memory that holds all of these bytes, or None."""
        return next((kind for base, length, kind in self.memory
                     if base <= address and address + size <= base + length), None)


@pytest.fixture
def handover(standin, mkdisk, boot, tmp_path):
    """Boots the stand-in kernel with a command line and a base image."""
    def run(*words, cmdline="quiet nokaslr", name="disk.img"):
        (tmp_path / "base").write_bytes(bytes(range(256)) * 5)
        disk = mkdisk("--kernel", standin(), "--base", tmp_path / "base", "--cmdline", cmdline,
                      name=name)
        return Handover(boot(disk, *words))
    return run


def check_registers(found, el):
    registers = found.registers
    assert registers["el"] == el << 2
    assert registers["sctlr"] & SCTLR_MMU_AND_CACHES == 0
    assert registers["daif"] == DAIF_MASKED
    assert registers["pc"] % (2 << 20) == 0
    assert registers["x0"] == found.info["fdt"]
    assert registers["x2"] == registers["x3"] == 0


def check_memory(found, ram_mib):
    end = 0
    for base, size, kind in found.memory:
        assert base >= end and size > 0 and base % 4096 == size % 4096 == 0
        assert RAM <= kind <= RESERVED
        end = base + size
    for (base, size, kind), following in zip(found.memory, found.memory[1:]):
        assert (base + size, kind) != (following[0], following[2]), "neighbours are merged"
    ram = sum(size for base, size, _ in found.memory if base >= 1 << 30)
    assert ram == ram_mib << 20


def check_contents(found, standin_size):
    info, registers = found.info, found.registers
    assert info["magic"] == b"BOOTINFO" and info["version"] == 1
    assert info["size"] == len(found.raw("info")) and info["end"] >= info["start"] > 0
    assert found.raw("cmdline").split(b"\0")[0] == b"quiet nokaslr"
    assert found.raw("ramdisk") == bytes(range(256)) * 5
    kept = [(registers["pc"], ROOM), (registers["x1"], info["size"]), (info["cmdline"], 64),
            (info["memory"], len(found.raw("memory"))), (info["ramdisk"], info["ramdisk_size"])]
    for address, size in kept:
        assert found.kind_of(address, size) == LOADER
    assert len(found.raw("image")) == standin_size


MACHINES = {
    "gic2": ([], 1, 256),
    "gic3": (["--machine", "gic-version=3"], 1, 256),
    "el2-gic2": (["--machine", "virtualization=on"], 2, 256),
    "el2-gic3-smp4": (["--machine", "virtualization=on,gic-version=3", "--smp", "4"], 2, 256),
    "cpu-max": (["--cpu", "max"], 1, 256),
    "128M": (["--mem", "128M"], 1, 128), # the firmware does not start with 64M
    "4G": (["--mem", "4G"], 1, 4096),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_hand_over_is_as_bootinfo_h_says(handover, tmp_path, machine):
    words, el, ram_mib = MACHINES[machine]
    found = handover(*words)
    check_registers(found, el)
    check_memory(found, ram_mib)
    check_contents(found, (tmp_path / "standin.img").stat().st_size)
    magic, size = struct.unpack(">II", found.raw("fdt")[:8])
    assert magic == 0xD00DFEED
    assert found.kind_of(found.info["fdt"], size) == LOADER


def test_without_a_device_tree_the_kernel_gets_the_acpi_root(handover):
    found = handover("--machine", "acpi=on")
    assert found.registers["x0"] == found.info["fdt"] == 0
    assert found.info["rsdp"] != 0


def test_entropy_comes_from_the_firmware_and_is_never_the_same(handover):
    device = ["--qemu=-device virtio-rng-device"]
    first, second = handover(*device), handover(*device)
    assert first.info["entropy_size"] == 64
    assert first.info["entropy"] != second.info["entropy"]


def test_without_a_source_of_entropy_there_is_none(handover):
    found = handover()
    assert found.info["entropy_size"] == 0 and found.info["entropy"] == bytes(64)


def test_the_kernel_lies_at_a_random_place_unless_told_otherwise(handover):
    device = ["--qemu=-device virtio-rng-device"]
    fixed = [handover(*device).registers["pc"] for _ in range(2)]
    moved = {handover(*device, cmdline="quiet").registers["pc"] for _ in range(4)}
    assert fixed[0] == fixed[1]
    assert len(moved) > 1


def test_the_framebuffer_is_handed_over(handover):
    found = handover("--qemu=-device ramfb")
    info = found.info
    assert info["width"] >= 640 and info["height"] >= 400 and info["format"] == 1
    assert info["stride"] >= info["width"] * 4
    assert found.kind_of(info["framebuffer"]) not in (RAM, None)


def test_without_options_and_base_image_there_are_none(standin, mkdisk, boot):
    found = Handover(boot(mkdisk("--kernel", standin())))
    assert found.info["cmdline"] == found.info["ramdisk"] == found.info["ramdisk_size"] == 0


def test_the_bare_system_partition_boots_as_well(standin, mkdisk, boot):
    found = Handover(boot(mkdisk("--esp-only", "--kernel", standin())))
    assert found.info["magic"] == b"BOOTINFO"


def test_a_missing_kernel_is_named(mkdisk, boot):
    text = boot(mkdisk(), until=rb"swift-os: .*\)")
    assert f"swift-os: {KERNEL}: cannot be opened (EFI status 14, not found)" in text


WRONG_HEADERS = {
    "magic": (dict(magic="ELF."), "is no arm64 kernel image"),
    "big-endian": (dict(flags=0xB), "asks for what this loader does not do"),
    "64k-pages": (dict(flags=0xE), "asks for what this loader does not do"),
    "fixed-place": (dict(flags=0x2), "asks for what this loader does not do"),
    "size-too-small": (dict(room=64), "does not fit the size in its header"),
    "size-absurd": (dict(room=1 << 60), "does not fit the size in its header"),
    "size-more-than-memory": (dict(room=1 << 29), "no memory for the kernel"),
}


@pytest.mark.parametrize("wrong", WRONG_HEADERS)
def test_a_kernel_with_a_wrong_header_is_refused(standin, mkdisk, boot, wrong):
    header, message = WRONG_HEADERS[wrong]
    text = boot(mkdisk("--kernel", standin(**header)), until=rb"swift-os: .*\)")
    assert f"swift-os: {KERNEL}: {message}" in text


@pytest.mark.parametrize("size", [0, 20, 63])
def test_a_kernel_cut_short_is_refused(standin, mkdisk, boot, tmp_path, size):
    (tmp_path / "short").write_bytes(standin().read_bytes()[:size])
    text = boot(mkdisk("--kernel", tmp_path / "short"), until=rb"swift-os: .*\)")
    problem = "is no arm64 kernel image" if size else "is empty"
    assert f"swift-os: {KERNEL}: {problem}" in text


def test_a_command_line_too_long_is_refused(standin, mkdisk, boot):
    disk = mkdisk("--kernel", standin(), "--cmdline", "x" * 4096)
    text = boot(disk, until=rb"swift-os: .*\)")
    assert "swift-os: \\EFI\\swift-os\\cmdline: is too large" in text


def test_after_a_refusal_the_firmware_boots_the_next_disk(standin, mkdisk, boot):
    broken = mkdisk("--kernel", standin("broken.img", magic="ELF."), name="broken-disk.img")
    good = mkdisk("--kernel", standin(), name="good-disk.img")
    text = boot(broken, f"--qemu=-drive if=none,id=second,format=raw,file={good} "
                        "-device virtio-blk-device,drive=second,bootindex=1")
    assert f"swift-os: {KERNEL}: is no arm64 kernel image" in text
    assert Handover(text).info["magic"] == b"BOOTINFO"

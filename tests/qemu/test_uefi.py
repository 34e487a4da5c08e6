# SPDX-License-Identifier: Apache-2.0
"""The UEFI loader, from outside: what it hands to a kernel, and what it refuses and says then."""
import dataclasses
import functools
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build"))
DEADLINE_S = 90
ROOM = 0x300000  # more than the file has, as a kernel with zeroed data asks for
SCTLR_MMU_AND_CACHES = 1 << 0 | 1 << 2 | 1 << 12
DAIF_MASKED = 0x3C0
RAM, LOADER, FIRMWARE, ACPI, RESERVED = range(1, 6)


@functools.cache
def assemble(room, flags, magic):
    with tempfile.TemporaryDirectory() as folder:
        obj, image = pathlib.Path(folder, "o"), pathlib.Path(folder, "img")
        subprocess.run(["clang-19", "--target=aarch64-none-elf", "-c", f"-DROOM={room}",
                        f"-DFLAGS={flags}", f'-DMAGIC="{magic}"', "-o", obj,
                        ROOT / "tests/qemu/standin.S"], check=True)
        subprocess.run(["llvm-objcopy-19", "-O", "binary", "-j", ".text", obj, image], check=True)
        return image.read_bytes()


def make_standin(folder, room=ROOM, flags=0xA, magic="ARM\\x64"):
    """Makes a stand-in kernel; a keyword changes what its header says."""
    (folder / "standin.img").write_bytes(assemble(room, flags, magic))
    return folder / "standin.img"


def make_disk(folder, *words):
    subprocess.run([ROOT / "tools/mkdisk", "--loader", BUILD / "boot/BOOTAA64.EFI", *words,
                    folder / "disk.img"], check=True)
    return folder / "disk.img"


def boot(disk, *words):
    """Boots a disk; gives the serial output when the stand-in kernel has ended the run."""
    command = [ROOT / "tools/qemu.py", "--boot-disk", disk, *words,
               "--qemu=-semihosting-config enable=on,target=native -no-reboot"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as guest:
        try:
            return guest.communicate(timeout=DEADLINE_S)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            guest.kill()
            text = guest.communicate()[0].decode(errors="replace")
            pytest.fail(f"no end within {DEADLINE_S} s:\n{text}")


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
def handover(tmp_path):
    """Boots the stand-in kernel with a command line and a base image."""
    def run(*words, cmdline="quiet nokaslr"):
        (tmp_path / "base").write_bytes(bytes(range(256)) * 5)
        disk = make_disk(tmp_path, "--kernel", make_standin(tmp_path), "--base", tmp_path / "base",
                         "--cmdline", cmdline)
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


def test_without_a_device_tree_the_loader_says_so_and_the_kernel_gets_the_acpi_root(handover):
    found = handover("--machine", "acpi=on")
    assert "swift-os: device tree: the firmware gives none" in found.text
    assert found.registers["x0"] == found.info["fdt"] == 0
    assert found.info["rsdp"] != 0


def test_entropy_is_new_each_time_and_moves_the_kernel_only_if_it_may(handover):
    device = ["--qemu=-device virtio-rng-device"]
    first, second = handover(*device), handover(*device)
    assert first.info["entropy_size"] == 64
    assert first.info["entropy"] != second.info["entropy"]
    assert first.registers["pc"] == second.registers["pc"]
    # A hundred places and more: it is not to be expected that all of five are the same.
    assert any(handover(*device, cmdline="quiet").registers["pc"] != first.registers["pc"]
               for _ in range(5))


def test_the_framebuffer_is_handed_over(handover):
    found = handover("--qemu=-device ramfb")
    info = found.info
    assert info["width"] >= 640 and info["height"] >= 400 and info["format"] == 1
    assert info["stride"] >= info["width"] * 4
    assert found.kind_of(info["framebuffer"]) not in (RAM, None)


def test_what_is_not_there_is_not_handed_over(tmp_path):
    """Also: the bare system partition boots as a disk does."""
    found = Handover(boot(make_disk(tmp_path, "--esp-only", "--kernel", make_standin(tmp_path))))
    info = found.info
    assert info["magic"] == b"BOOTINFO"
    assert info["cmdline"] == info["ramdisk"] == info["ramdisk_size"] == 0
    assert info["entropy_size"] == 0 and info["entropy"] == bytes(64)
    assert info["framebuffer"] == info["width"] == info["height"] == 0


def test_a_file_that_the_manifest_does_not_list_is_not_looked_at(tmp_path):
    disk = make_disk(tmp_path, "--esp-only", "--kernel", make_standin(tmp_path))
    (tmp_path / "cmdline").write_text("init=/evil\n")
    mtools("mcopy", disk, tmp_path / "cmdline", "::EFI/swift-os/cmdline")
    assert Handover(boot(disk)).info["cmdline"] == 0


# --- refusals: a disk for each, all tried by one firmware, which takes the time of one boot ------

def mtools(command, disk, *words):
    return subprocess.run([command, "-i", disk, *words], check=True,
                          stdout=subprocess.PIPE).stdout


def signed_disk(folder, *words, **header):
    """A good disk with all three files, unless the words or the header say otherwise."""
    (folder / "base").write_bytes(b"base image")
    if "--cmdline" not in words:
        words += ("--cmdline", "quiet")
    if "--kernel" not in words:
        words += ("--kernel", make_standin(folder, **header))
    return make_disk(folder, "--esp-only", "--base", folder / "base", *words)


def copied_disk(folder):
    """The same, made once."""
    good = folder.parent / "good.img"
    if not good.exists():
        signed_disk(folder).rename(good)
    return shutil.copyfile(good, folder / "disk.img")


def without(name):
    """A case: a disk that lacks a file."""
    def make(folder):
        disk = copied_disk(folder)
        mtools("mdel", disk, f"::EFI/swift-os/{name}")
        return disk
    return make, name, "cannot be opened (EFI status 14, not found)"


def changed(name, edit, message):
    """A case: a disk with a file that was changed after it was signed."""
    def make(folder):
        disk = copied_disk(folder)
        path = f"::EFI/swift-os/{name}"
        (folder / "changed").write_bytes(edit(mtools("mtype", disk, path)))
        mtools("mcopy", disk, "-o", folder / "changed", path)
        return disk
    return make, name, message


def header(message, **fields):
    """A case: a kernel that is signed, but whose header is wrong."""
    return lambda folder: signed_disk(folder, **fields), "kernel.img", message


def kernel_of(size, message):
    """A case: a signed kernel of that many bytes."""
    def make(folder):
        short = folder / "short"
        short.write_bytes(make_standin(folder).read_bytes()[:size])
        return signed_disk(folder, "--kernel", short)
    return make, "kernel.img", message


def flip(at):
    """An edit that changes one bit."""
    return lambda data: bytes(byte ^ (i == at % len(data)) for i, byte in enumerate(data))


def cut(data):
    return data[:-1]


def wrong_key(folder):
    (folder / "other.key").write_text("01" * 32 + "\n")
    return signed_disk(folder, "--key", folder / "other.key")


def no_kernel_listed(folder):
    (folder / "file").write_text("quiet\n")
    key = os.environ.get("SIGN_KEY", ROOT / "boot/development.key")
    subprocess.run([BUILD / "host/sign", "manifest", key,
                    folder / "manifest", f"cmdline={folder / 'file'}"], check=True)
    return signed_disk(folder, "--manifest", folder / "manifest")


UNKNOWN = "is no manifest that this loader knows (EFI status 26, security violation)"
UNSIGNED = "is not signed by the key of this loader (EFI status 26, security violation)"
OTHER = "is not the file in the manifest (EFI status 26, security violation)"
SIZE = "is not of the size in the manifest (EFI status 26, security violation)"
FLAGS = "asks for what this loader does not do (header flags) (EFI status 1, load error)"
EXTENT = "does not fit the size in its header (EFI status 1, load error)"
NO_IMAGE = "is no arm64 kernel image (EFI status 1, load error)"

REFUSALS = {
    "no manifest": without("manifest"),
    "no kernel": without("kernel.img"),
    "no command line": without("cmdline"),
    "no base image": without("base.img"),
    "changed kernel": changed("kernel.img", flip(-1), OTHER),
    "changed command line": changed("cmdline", flip(0), OTHER),
    "changed base image": changed("base.img", flip(3), OTHER),
    "cut kernel": changed("kernel.img", cut, SIZE),
    "cut command line": changed("cmdline", cut, SIZE),
    "cut base image": changed("base.img", cut, SIZE),
    "empty base image": changed("base.img", lambda data: b"",
                                "is empty (EFI status 10, volume corrupted)"),
    "manifest with another magic": changed("manifest", flip(0), UNKNOWN),
    "cut manifest": changed("manifest", cut, UNKNOWN),
    "huge manifest": changed("manifest", lambda data: data + bytes(2000),
                             "is too large (EFI status 10, volume corrupted)"),
    "manifest with another generation": changed("manifest", flip(16), UNSIGNED),
    "manifest with another hash": changed("manifest", flip(32 + 40), UNSIGNED),
    "manifest with another signature": changed("manifest", flip(-1), UNSIGNED),
    "manifest without signature": changed("manifest", lambda data: data[:-64] + bytes(64),
                                          UNSIGNED),
    "manifest of another key": (wrong_key, "manifest", UNSIGNED),
    "manifest without kernel": (no_kernel_listed, "kernel.img",
                                "is not in the manifest (EFI status 26, security violation)"),
    "kernel without magic": header(NO_IMAGE, magic="ELF."),
    "kernel of 63 bytes": kernel_of(63, NO_IMAGE),
    "big-endian kernel": header(FLAGS, flags=0xB),
    "kernel for 64K pages": header(FLAGS, flags=0xE),
    "kernel for a fixed place": header(FLAGS, flags=0x2),
    "kernel larger than it says": header(EXTENT, room=64),
    "kernel of an absurd size": header(EXTENT, room=1 << 60),
    "kernel larger than memory": header("no memory for the kernel "
                                        "(EFI status 9, out of resources)", room=1 << 29),
    "command line of 2 KiB": (lambda folder: signed_disk(folder, "--cmdline", "x" * 2047),
                              "cmdline", "is too large (EFI status 10, volume corrupted)"),
}


def test_each_wrong_disk_is_refused_with_its_reason_and_the_next_one_tried(tmp_path):
    disks = []
    for number, make in enumerate([*(make for make, _, _ in REFUSALS.values()), copied_disk]):
        folder = tmp_path / str(number)
        folder.mkdir()
        disks.append(make(folder))
    text = boot(disks[0], "--qemu", " ".join(
        f"-drive if=none,id=d{i},format=raw,file={disk} "
        f"-device virtio-blk-device,drive=d{i},bootindex={i}"
        for i, disk in enumerate(disks) if i > 0))
    expected = [f"{case}: \\EFI\\swift-os\\{name}: {message}"
                for case, (_, name, message) in REFUSALS.items()]
    said = re.findall(r"swift-os: (.*?)\r?\n", text)
    assert [f"{case}: {words}" for case, words in zip(REFUSALS, said)] == expected
    assert Handover(text).info["magic"] == b"BOOTINFO"

# SPDX-License-Identifier: Apache-2.0
"""What the kernel reads of the device trees that QEMU writes for many kinds of machines."""
import glob
import subprocess

import pytest

from conftest import ROOT

MIB = 1 << 20
RAM_BASE = 0x40000000
FLAGS = ["-std=c23", "-I.", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
         "-fuse-ld=lld-19"]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Runs the kernel's code on a tree; gives its lines as (word, rest) pairs."""
    program = tmp_path_factory.mktemp("fdt") / "fdt_report"
    subprocess.run(["clang-19", *FLAGS, "tests/tools/fdt_report.c", "kernel/dev/fdt_platform.c",
                    *glob.glob("lib/fdt/*.c", root_dir=ROOT), "-o", program], cwd=ROOT, check=True)

    def run(tree):
        result = subprocess.run([program, tree, "0"], capture_output=True, text=True, check=True)
        return [tuple(line.split(" ", 1)) for line in result.stdout.splitlines()]
    return run


@pytest.fixture
def machine(report, tmp_path):
    """What is read on a machine with these options."""
    def run(options, *words):
        tree = tmp_path / "tree.dtb"
        subprocess.run(["qemu-system-aarch64", "-M", f"virt,{options},dumpdtb={tree}",
                        "-cpu", "cortex-a72", "-nodefaults", "-display", "none", *words],
                       check=True, capture_output=True)
        return report(tree)
    return run


def values(lines, word):
    return [rest for name, rest in lines if name == word]


def numbers(lines, word):
    return [tuple(int(n, 16) for n in rest.split()) for rest in values(lines, word)]


def affinity(index, cluster):
    """MPIDR of QEMU's CPU `index`: clusters of 8 CPUs with GICv2, of 16 with GICv3."""
    return index // cluster << 8 | index % cluster


@pytest.mark.parametrize("gic,smp", [(2, 1), (2, 4), (2, 8), (3, 1), (3, 4), (3, 8), (3, 123)])
def test_all_cpus_but_the_first_are_found(machine, gic, smp):
    lines = machine(f"gic-version={gic}", "-smp", str(smp))
    cluster = 8 if gic == 2 else 16
    assert numbers(lines, "cpu") == [(affinity(i, cluster),) for i in range(1, smp)]


@pytest.mark.parametrize("options", ["virtualization=on", "secure=on", "highmem=off",
                                     "gic-version=3,virtualization=on,secure=on"])
def test_other_kinds_of_machines_have_their_ram_cpus_and_console(machine, options):
    lines = machine(options, "-smp", "2", "-m", "512M")
    assert numbers(lines, "ram") == [(RAM_BASE, 512 * MIB)]
    assert numbers(lines, "cpu") == [(1,)]
    assert values(lines, "stdout") == ["pl011@9000000"]


@pytest.mark.parametrize("size", [16, 256, 4096, 65536])
def test_ram_has_its_size(machine, size):
    # Not reserved: the machine never runs, and may be larger than ours.
    lines = machine("gic-version=3,memory-backend=m", "-m", f"{size}M", "-object",
                    f"memory-backend-ram,id=m,size={size}M,reserve=off")
    assert numbers(lines, "ram") == [(RAM_BASE, size * MIB)]


def test_every_numa_bank_is_found(machine):
    words = ["-m", "512M", "-smp", "4"]
    for i in range(4):
        words += ["-object", f"memory-backend-ram,id=m{i},size=128M",
                  "-numa", f"node,nodeid={i},cpus={i},memdev=m{i}"]
    lines = machine("gic-version=3", *words)
    banks = numbers(lines, "ram")
    assert sorted(banks) == [(RAM_BASE + i * 128 * MIB, 128 * MIB) for i in range(4)]


def test_what_a_loader_says_is_found(machine, tmp_path):
    # QEMU wants a kernel for this, and looks no closer at it.
    kernel = tmp_path / "kernel"
    kernel.write_bytes(bytes(4096))
    ramdisk = tmp_path / "ramdisk"
    ramdisk.write_bytes(bytes(12345))
    lines = machine("gic-version=2", "-kernel", str(kernel), "-append", "quiet log=debug",
                    "-initrd", str(ramdisk))
    assert numbers(lines, "initrd")[0][1] == 12345
    assert values(lines, "bootargs") == ["quiet log=debug"]
    kaslr, rng = values(lines, "seeds")[0].split()
    assert (int(kaslr), int(rng)) == (8, 32)

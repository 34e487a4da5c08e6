# SPDX-License-Identifier: Apache-2.0
"""Machines whose device trees lack something, or lie."""
import subprocess

import pytest

from conftest import ROOT


@pytest.fixture
def tree(tmp_path):
    """QEMU's tree for a machine, with texts replaced (by others of the same length)."""
    def make(options, *replacements):
        dumped = tmp_path / "dumped.dtb"
        subprocess.run(["qemu-system-aarch64", "-M", f"virt,{options},dumpdtb={dumped}", "-cpu",
                        "cortex-a72", "-smp", "2", "-nodefaults", "-display", "none"],
                       check=True, capture_output=True)
        packed = tmp_path / "packed.dtb"
        subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dtb", "-o", packed, dumped], check=True)
        blob = packed.read_bytes()
        for old, new in replacements:
            assert len(old) == len(new) and old in blob
            blob = blob.replace(old, new)
        packed.write_bytes(blob)
        return packed
    return make


@pytest.fixture
def run(guest, build):
    """Boots with a device tree and runs a program that ends with the number of its arguments."""
    def boot(tree, *words):
        return guest("--smp", "2", "--base", build / "test/base.img", "--append", "panic=0",
                     "--qemu", f"-dtb {tree}", *words, "--", "/bin/args", "x")
    return boot


@pytest.mark.parametrize("old,new,said", [
    (b"arm,cortex-a15-gic", b"arm,cortex-a99-gic", "no interrupt controller"),
    (b"arm,armv8-timer", b"arm,armv9-timer", "no timer"),
])
def test_a_machine_that_cannot_work_panics_and_says_why(run, tree, old, new, said):
    result = run(tree("gic-version=2", (old, new)))
    assert result.returncode == 125
    assert f"panic: {said}" in result.stderr


@pytest.mark.parametrize("old,new", [
    (b"arm,pl011\0", b"arm,pl099\0"),  # no console
    (b"arm,pl031\0", b"arm,pl099\0"),  # no clock
    (b"arm,psci-", b"arm,none-"),  # no other CPUs, no way to switch off
])
def test_a_machine_that_lacks_something_works_without(run, tree, old, new):
    result = run(tree("gic-version=2", (old, new)))
    assert (result.returncode, result.stdout) == (2, "/bin/args\nx\n"), result.stderr


def test_a_cpu_without_a_redistributor_stays_off(run, tree):
    # One redistributor fits into the window, so that the second CPU has none.
    window = (0x80a0000).to_bytes(8, "big")
    result = run(tree("gic-version=3", (window + (0xf60000).to_bytes(8, "big"),
                                        window + (0x20000).to_bytes(8, "big"))),
                 "--machine", "gic-version=3")
    assert (result.returncode, result.stdout) == (2, "/bin/args\nx\n"), result.stderr


@pytest.mark.parametrize("gic,smp", [(2, 8), (3, 17), (3, 123)])
def test_every_cpu_comes_up(build, gic, smp):
    result = subprocess.run(
        [ROOT / "tools/qemu.py", "--smp", str(smp), "--machine", f"gic-version={gic}", "--base",
         build / "test/base.img", "--append", "init=/bin/args"],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert f"{smp} of {smp} CPUs are up" in result.stdout

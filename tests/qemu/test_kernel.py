# SPDX-License-Identifier: Apache-2.0
"""The in-kernel tests, on each kind of machine that the kernel claims to run on."""
import re

import pytest

GIC3 = ["--machine", "gic-version=3"]
EL2 = ["--machine", "virtualization=on"]
GIC3_EL2 = ["--machine", "gic-version=3,virtualization=on"]

# Each value of CPUs, interrupt controller, exception level, loader and memory; the pairs that
# could get in each other's way stand together.
MACHINES = {
    "smp1-gic2": [],
    "smp1-gic3-uefi": ["--uefi", *GIC3],
    "smp2-gic2-el2": ["--smp", "2", *EL2],
    "smp2-gic3-4G": ["--smp", "2", "--mem", "4G", *GIC3],
    "smp4-gic2": ["--smp", "4"],
    "smp4-gic3": ["--smp", "4", *GIC3],
    "smp4-gic3-el2-uefi": ["--uefi", "--smp", "4", *GIC3_EL2],
    "smp4-gic3-cpu-max": ["--smp", "4", "--cpu", "max", *GIC3],
    "16M": ["--mem", "16M"],
}


def check(result):
    assert result.returncode == 0, result.stdout + result.stderr
    counts = re.search(r"^(\d+) passed, (\d+) failed", result.stdout, re.M)
    assert counts and int(counts[1]) > 0 and counts[2] == "0", result.stdout


@pytest.mark.parametrize("machine", MACHINES)
def test_in_kernel_tests(guest, build, machine):
    check(guest("--test", "--kernel", build / "test/kernel.img", *MACHINES[machine]))


@pytest.mark.parametrize("machine", ["smp1-gic2", "smp4-gic3", "smp4-gic3-cpu-max"])
def test_in_kernel_tests_with_all_checks_on(guest, build, machine):
    check(guest("--test", "--kernel", build / "checked/kernel.img", *MACHINES[machine]))

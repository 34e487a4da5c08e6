# SPDX-License-Identifier: Apache-2.0
"""tools/run-tests and .ci/run, in a tree whose Makefile and tests are made up."""
import os
import shutil
import subprocess

import pytest

MAKEFILE = """
test: ; @tools/run-tests host tools
build host-programs check-layers: ; @true
check-format: ; @false
"""


@pytest.fixture
def tree(tools, tmp_path):
    for name in ("tools/run-tests", ".ci/run"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(tools.parent / name, tmp_path / name)
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "tests/tools").mkdir(parents=True)
    (tmp_path / "build/host").mkdir(parents=True)
    return tmp_path


def run(tree, *command):
    # This test may itself run below run-tests and make.
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("SWOS_", "MAKE", "MFLAGS", "FUZZ_"))}
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, env=environment)


def host_program(tree, output, status=0, name="a_test"):
    path = tree / "build/host" / name
    path.write_text(f"#!/bin/sh\nprintf '{output}'\nexit {status}\n")
    path.chmod(0o755)


def last_line(result):
    return result.stdout.splitlines()[-1]


def test_counts_of_all_steps_are_added(tree):
    host_program(tree, "ok 1\\n3 passed, 0 failed\\n")
    (tree / "tests/tools/test_x.py").write_text("def test_a(): pass\ndef test_b(): pass\n")
    result = run(tree, "tools/run-tests", "build", "host", "tools")
    assert (result.returncode, last_line(result)) == (0, "6 passed, 0 failed")


def test_a_failure_does_not_hide_later_steps(tree):
    host_program(tree, "1 passed, 2 failed\\n", status=1)
    (tree / "tests/tools/test_x.py").write_text("def test_a(): pass\ndef test_b(): assert 0\n")
    result = run(tree, "tools/run-tests", "format", "host", "tools", "layers")
    assert (result.returncode, last_line(result)) == (1, "3 passed, 4 failed")


def test_a_skipped_test_has_failed(tree):
    (tree / "tests/tools/test_x.py").write_text(
        "import pytest\ndef test_a(): pytest.skip('why')\n")
    result = run(tree, "tools/run-tests", "tools")
    assert (result.returncode, last_line(result)) == (1, "0 passed, 1 failed")


@pytest.mark.parametrize("step", ["host", "tools", "fuzz"])
def test_a_step_without_tests_has_failed(tree, step):
    result = run(tree, "tools/run-tests", step)
    assert (result.returncode, last_line(result)) == (1, "0 passed, 1 failed")


@pytest.mark.parametrize("output", ["", "ok 1\\n", "2 passed, 0 failed\\n"])
def test_a_host_program_that_dies_has_failed(tree, output):
    host_program(tree, output, status=1)
    result = run(tree, "tools/run-tests", "host")
    assert result.returncode == 1
    assert last_line(result).endswith(" 1 failed")


def test_a_silent_host_program_has_failed(tree):
    host_program(tree, "")
    host_program(tree, "1 passed, 0 failed\\n", name="b_test")
    assert last_line(run(tree, "tools/run-tests", "host")) == "1 passed, 1 failed"


def test_a_test_file_that_cannot_be_read_has_failed(tree):
    (tree / "tests/tools/test_x.py").write_text("nonsense(")
    assert run(tree, "tools/run-tests", "tools").returncode == 1


@pytest.mark.parametrize("failed", [0, 1])
def test_ci_ends_with_the_summary_and_the_status(tree, failed):
    host_program(tree, f"3 passed, {failed} failed\\n", status=failed)
    (tree / "tests/tools/test_x.py").write_text("def test_a(): pass\n")
    result = run(tree, ".ci/run")
    assert (result.returncode != 0) == bool(failed)
    assert last_line(result) == f"4 passed, {failed} failed"


def test_ci_without_any_result_has_failed(tree):
    (tree / "build/test-summary").write_text("9 passed, 0 failed\n")
    (tree / "Makefile").write_text("test: ; @false\n")
    result = run(tree, ".ci/run")
    assert result.returncode != 0
    assert last_line(result) == "0 passed, 1 failed"

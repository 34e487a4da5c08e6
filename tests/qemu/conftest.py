# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build"))


@pytest.fixture
def build():
    """The folder that everything was built into."""
    return BUILD


@pytest.fixture
def guest():
    """Runs tools/guest with these words; gives status, output and error as text."""
    def run(*words, timeout=60):
        return subprocess.run([ROOT / "tools/guest", "--timeout", str(timeout), *words],
                              capture_output=True, text=True, timeout=timeout + 30,
                              errors="replace")
    return run

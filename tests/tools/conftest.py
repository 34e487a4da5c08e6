# SPDX-License-Identifier: Apache-2.0
import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def tools():
    return ROOT / "tools"


@pytest.fixture
def root():
    return ROOT


@pytest.fixture
def build():
    return pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build")).resolve()

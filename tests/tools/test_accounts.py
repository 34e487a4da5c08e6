# SPDX-License-Identifier: Apache-2.0
"""The accounts that an image starts with, and how passwords are stored."""
import hashlib
import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def accounts(build):
    return lambda *words: subprocess.run(
        [build / "host/accounts", *words], capture_output=True, text=True, check=False)


def lines(accounts):
    result = accounts(os.path.join(ROOT, "user/etc/accounts"))
    assert result.returncode == 0, result.stderr
    return {line.split(":")[0]: line.split(":") for line in result.stdout.splitlines()}


def test_the_seeded_accounts_have_their_numbers_and_passwords(accounts):
    made = lines(accounts)
    assert [made[name][1:4] for name in ("root", "user", "guest")] == [
        ["1", "1", "63"], ["2", "2", "14"], ["3", "3", "2"]]
    for name, password in (("root", "swordfish"), ("user", "swordfish"), ("guest", "guest")):
        stored = made[name][4]
        assert stored.startswith("$argon2id$v=19$m=4096,t=3,p=1$")
        assert accounts("--verify", stored, password).returncode == 0
        assert accounts("--verify", stored, password + "x").returncode == 1
        assert accounts("--verify", stored, "").returncode == 1


def test_equal_passwords_are_stored_differently_and_always_the_same(accounts):
    made = lines(accounts)
    assert made["root"][4] != made["user"][4]
    assert made == lines(accounts)


def test_the_form_of_older_images_still_verifies(accounts):
    stored = "salt$" + hashlib.sha256(b"saltswordfish").hexdigest()
    assert accounts("--verify", stored, "swordfish").returncode == 0
    assert accounts("--verify", stored, "swordfisk").returncode == 1


@pytest.mark.parametrize("stored", ["", "x", "$", "salt$", "salt$12", "$argon2id$", "$argon2id$v=19$m=1"])
def test_what_is_no_stored_form_matches_nothing(accounts, stored):
    assert accounts("--verify", stored, "").returncode == 1


@pytest.mark.parametrize("line", ["root 1 1 63 swordfish", "root one 1 63 pw /bin/sh", "a 1 1 1 b c d"])
def test_a_line_that_is_no_account_is_named(accounts, tmp_path, line):
    (tmp_path / "list").write_text(line + "\n")
    result = accounts(str(tmp_path / "list"))
    assert result.returncode == 1 and "list:1:" in result.stderr

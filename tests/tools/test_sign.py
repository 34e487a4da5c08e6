# SPDX-License-Identifier: Apache-2.0
"""tools/sign: keys as RFC 8032 says, manifests as lib/boot/manifest.h says."""
import hashlib
import os
import pathlib
import re
import struct
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build"))
# RFC 8032, 7.1, test 1
SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@pytest.fixture
def sign(tmp_path):
    def run(*words, **environment):
        return subprocess.run([BUILD / "host/sign", *words], capture_output=True, text=True,
                              cwd=tmp_path, env=os.environ | environment)
    return run


@pytest.fixture
def key(tmp_path):
    (tmp_path / "key").write_text(f"# a comment\n{SEED}\n")
    return tmp_path / "key"


def test_the_public_half_is_that_of_the_standard(sign, key, tmp_path):
    assert sign("public-key", key, "out").returncode == 0
    text = (tmp_path / "out").read_text()
    assert "".join(re.findall(r"0x(\w\w)", text)) == PUBLIC


@pytest.mark.parametrize("text", ["", "# nothing\n", SEED[:-2] + "\n", SEED + "00\n",
                                  SEED.upper() + "\n", SEED + "\n" + SEED + "\n"])
def test_a_file_that_is_no_key_is_refused(sign, tmp_path, text):
    (tmp_path / "bad").write_text(text)
    result = sign("public-key", "bad", "out")
    assert result.returncode == 1 and result.stderr.startswith("sign: bad: ")
    assert not (tmp_path / "out").exists()


def test_a_manifest_lists_name_size_and_hash(sign, key, tmp_path):
    data = bytes(range(256)) * 1000
    (tmp_path / "file").write_bytes(data)
    assert sign("manifest", key, "out", "kernel.img=file", SIGN_GENERATION="7").returncode == 0
    written = (tmp_path / "out").read_bytes()
    assert struct.unpack("<8sIIQQ", written[:32]) == (b"SWOSMNFT", 1, 1, 7, 0)
    name, size, digest, zero = struct.unpack("<32sQ32sQ", written[32:112])
    assert (name.rstrip(b"\0"), size, zero) == (b"kernel.img", len(data), 0)
    assert digest == hashlib.sha256(data).digest()
    assert len(written) == 112 + 64


def test_signing_the_same_twice_gives_the_same_bytes(sign, key, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    for out in ("one", "two"):
        assert sign("manifest", key, out, "a=file").returncode == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("words", [["a/b=file"], ["=file"], ["a=missing"], ["a"], ["a=file"] * 2,
                                   ["x" * 32 + "=file"], [f"f{i}=file" for i in range(17)]])
def test_what_no_loader_would_take_is_not_signed(sign, key, tmp_path, words):
    (tmp_path / "file").write_bytes(b"x")
    assert sign("manifest", key, "out", *words).returncode == 1
    assert not (tmp_path / "out").exists()


def test_a_wrong_generation_is_refused(sign, key, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    for text in ("", "1x", "99999999999999999999"):
        assert sign("manifest", key, "out", "a=file", SIGN_GENERATION=text).returncode == 1

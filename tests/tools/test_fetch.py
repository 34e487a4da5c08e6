# SPDX-License-Identifier: Apache-2.0
"""tools/fetch takes a file with the right hash from wherever it is, and no other."""
import hashlib
import importlib.machinery
import importlib.util
import io
import subprocess
import tarfile

import pytest


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def tarball(tmp_path):
    """An upstream release."""
    (tmp_path / "thing-1").mkdir()
    (tmp_path / "thing-1/hello.c").write_text("hello")
    path = tmp_path / "upstream.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(tmp_path / "thing-1", "thing-1")
    return path


@pytest.fixture
def fetch(tools, tmp_path):
    """Fetches `thing`, whose entry in the lock file has these values."""
    def run(*words, **values):
        entry = {"version": "1", "why": "test"} | values
        lines = "\n".join(f"{key.replace('_', '-')} = {value}" for key, value in entry.items())
        (tmp_path / "lock").write_text("[thing]\n" + lines + "\n")
        return subprocess.run(
            [tools / "fetch", "--lock", tmp_path / "lock", "--cache", tmp_path / "cache",
             *(words or ["thing"])], capture_output=True, text=True)
    return run


@pytest.fixture
def fetch_module(tools):
    loader = importlib.machinery.SourceFileLoader("fetch", str(tools / "fetch"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("fetch", loader))
    loader.exec_module(module)
    return module


def cached(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache").iterdir())


def test_a_right_file_comes_from_upstream_and_stays_in_the_cache(fetch, tarball, tmp_path):
    values = {"url": tarball.as_uri(), "sha256": sha256(tarball)}
    assert fetch(**values).stdout == f"{tmp_path}/cache/thing-1.tar.gz\n"
    tarball.unlink()
    again = fetch(**values)
    assert (again.returncode, again.stdout) == (0, f"{tmp_path}/cache/thing-1.tar.gz\n")


def test_a_wrong_hash_is_refused_and_leaves_nothing(fetch, tarball, tmp_path):
    result = fetch(url=tarball.as_uri(), sha256="0" * 64)
    assert result.returncode == 1
    assert "not in the lock file" in result.stderr and result.stdout == ""
    assert cached(tmp_path) == []


@pytest.mark.parametrize("size", [0, 10])
def test_a_truncated_file_in_the_cache_is_fetched_anew(fetch, tarball, tmp_path, size):
    (tmp_path / "cache").mkdir()
    copy = tmp_path / "cache/thing-1.tar.gz"
    copy.write_bytes(tarball.read_bytes()[:size])
    assert fetch(url=tarball.as_uri(), sha256=sha256(tarball)).returncode == 0
    assert copy.read_bytes() == tarball.read_bytes()


def test_a_truncated_download_is_refused(fetch, tarball, tmp_path):
    right = sha256(tarball)
    tarball.write_bytes(tarball.read_bytes()[:-1])
    assert fetch(url=tarball.as_uri(), sha256=right).returncode == 1
    assert cached(tmp_path) == []


def test_the_distributions_own_tarball_is_right_too(fetch, tarball):
    result = fetch(url=tarball.as_uri(), sha256="0" * 64, debian_sha256=sha256(tarball))
    assert result.returncode == 0


def test_unpacking_leaves_out_the_top_folder_and_replaces_what_was_there(fetch, tarball, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").touch()
    result = fetch("--unpack", tmp_path / "out", "thing", url=tarball.as_uri(),
                   sha256=sha256(tarball))
    assert result.returncode == 0, result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["hello.c"]


def test_an_upstream_that_is_not_there_is_an_error(fetch, tmp_path):
    result = fetch(url=(tmp_path / "nothing.tar.gz").as_uri(), sha256="0" * 64)
    assert result.returncode == 1
    assert "by hand" in result.stderr


def test_only_https_is_spoken_to_upstream(fetch):
    assert fetch(url="http://127.0.0.1:1/x.tar.gz", sha256="0" * 64).returncode == 1


@pytest.mark.parametrize("values", [{"sha256": "0" * 64}, {"url": "file:///x", "sha256": "abc"},
                                    {"url": "file:///x", "sha256": "0" * 64, "md5": "1"}])
def test_a_wrong_entry_is_refused(fetch, values):
    result = fetch(**values)
    assert result.returncode == 1 and "[thing]" in result.stderr


def test_an_unknown_name_is_refused(fetch):
    result = fetch("other", url="file:///x", sha256="0" * 64)
    assert result.returncode == 1 and "no [other]" in result.stderr


def test_the_real_lock_file_is_well_formed(tools):
    result = subprocess.run([tools / "fetch", "no-such-name"], capture_output=True, text=True)
    assert "no [no-such-name]" in result.stderr


def test_of_a_larger_tarball_only_the_release_is_kept(fetch_module, tmp_path):
    """And the tarball that is made of it depends on nothing but the contents."""
    hashes = set()
    for attempt, names in enumerate([["b/x", "b/y", "other/z"], ["other/z", "b/y", "b/x"]]):
        whole = tmp_path / f"whole{attempt}.tar.xz"
        with tarfile.open(whole, "w:xz") as tar:
            for name in names:
                info = tarfile.TarInfo("top/" + name)
                info.size, info.mtime = len(name), attempt
                tar.addfile(info, io.BytesIO(name.encode()))
        part = tmp_path / f"part{attempt}.tar"
        fetch_module.repack(str(whole), ["b", "nothing"], str(part))
        with tarfile.open(part) as tar:
            assert tar.getnames() == ["b/x", "b/y"]
        hashes.add(sha256(part))
    assert len(hashes) == 1


def test_other_releases_of_debian_are_asked_as_well(fetch_module):
    assert fetch_module.suites_of_all_releases(["bookworm", "bookworm-updates"]) == [
        "bookworm", "bookworm-updates", "trixie", "trixie-updates"]
    assert fetch_module.suites_of_all_releases(["nodistro"]) == ["nodistro"]
    line = "deb [signed-by=/k.gpg] http://x/debian trixie main"
    assert fetch_module.as_source_entry(line) == (
        "deb-src [signed-by=/k.gpg] http://x/debian trixie main\n"
        "deb-src [signed-by=/k.gpg] http://x/debian bookworm main")
    assert fetch_module.as_source_entry("# deb x") == "# deb x"

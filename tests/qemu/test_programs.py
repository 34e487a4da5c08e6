# SPDX-License-Identifier: Apache-2.0
"""Programs at EL0: they start, end, and cannot harm the rest."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGSEGV, SIGTERM = 4, 5, 6, 7, 11, 15


def test_arguments_output_error_and_status_come_back(guest):
    result = guest("--", "/bin/args", "one", "two words", "")
    assert result.stdout == "/bin/args\none\ntwo words\n\n"
    assert result.stderr == "0\n1\n2\n3\n"
    assert result.returncode == 4


def test_a_program_that_is_not_there_is_127(guest):
    assert guest("--", "/bin/no-such-program").returncode == 127


@pytest.mark.parametrize("cause,signal", [
    ("null", SIGSEGV), ("kernel", SIGSEGV), ("text", SIGSEGV), ("data", SIGSEGV),
    ("stack", SIGSEGV), ("illegal", SIGILL), ("privileged", SIGILL), ("breakpoint", SIGTRAP),
    ("pc", SIGBUS), ("align", SIGBUS)])
def test_a_fault_ends_the_program_with_the_right_signal_and_a_log_line(guest, tmp_path, cause,
                                                                       signal):
    log = tmp_path / "log"
    result = guest("--log", log, "--", "/bin/fault", cause)
    assert result.returncode == 128 + signal, result.stderr
    assert "/bin/fault" in log.read_text()


@pytest.mark.parametrize("smp", ["1", "4"])
def test_signals_of_others_do_not_end_the_first_process(guest, smp):
    result = guest("--smp", smp, "--", "/bin/posix_first")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("how,signal", [("abort", SIGABRT), ("kill", SIGTERM)])
def test_the_first_process_can_end_itself(guest, how, signal):
    assert guest("--", "/bin/posix_first", how).returncode == 128 + signal


@pytest.mark.parametrize("smp", ["1", "2", "4"])
def test_writes_after_a_fork_stay_with_whoever_made_them(guest, smp):
    result = guest("--smp", smp, "--", "/bin/cow")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("cpu", ["cortex-a53", "cortex-a72", "max"])
def test_absurd_system_calls_are_refused(guest, cpu):
    result = guest("--cpu", cpu, "--", "/bin/syscall_abuse")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("variant", ["release", "checked"])
def test_processes_that_come_go_and_die_leave_nothing_behind(guest, build, variant):
    result = guest("--smp", "4", "--kernel", build / variant / "kernel.img", "--", "/bin/stress",
                   "10")
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_same_program_runs_through_the_firmware(guest):
    result = guest("--uefi", "--smp", "2", "--", "/bin/args", "x")
    assert (result.returncode, result.stdout) == (2, "/bin/args\nx\n"), result.stderr


@pytest.mark.parametrize("mem,smp", [("16M", "1"), ("32M", "4")])
def test_a_program_that_uses_all_memory_is_killed_and_nothing_is_lost(guest, mem, smp):
    result = guest("--mem", mem, "--smp", smp, "--", "/bin/hog")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("smp", ["1", "4"])
def test_who_holds_the_most_memory_ends_when_another_wants_a_page(guest, smp):
    result = guest("--mem", "32M", "--smp", smp, "--", "/bin/bystander")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("smp", ["1", "4"])
@pytest.mark.parametrize("what", ["processes", "threads", "starts", "handles"])
def test_many_at_once_and_nothing_left(guest, what, smp):
    result = guest("--smp", smp, "--", "/bin/posix_many", what, timeout=120)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("smp", ["1", "4"])
def test_four_threads_count_to_four_thousand_with_a_futex(guest, smp):
    result = guest("--smp", smp, "--", "/bin/posix_many", "counter")
    assert (result.returncode, result.stdout) == (0, "counter=4000\n"), result.stderr


def test_programs_read_the_log_as_records_in_order(guest):
    result = guest("--smp", "4", "--", "/bin/log")
    assert result.returncode == 0, result.stderr
    records = [line.split(" ", 5) for line in result.stdout.splitlines()]
    assert [int(r[0]) for r in records] == list(range(1, len(records) + 1))
    times = [int(r[1]) for r in records]
    assert times == sorted(times) and times[0] > 0
    assert any(r[4] == "cpu:" and "4 of 4" in r[5] for r in records), result.stdout


@pytest.mark.parametrize("variant,smp", [("release", "1"), ("checked", "4")])
def test_authority_is_what_a_process_holds(guest, build, variant, smp):
    result = guest("--smp", smp, "--kernel", build / variant / "kernel.img", "--", "/bin/authority")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("variant,smp", [("release", "1"), ("release", "4"), ("checked", "4")])
def test_threads_run_where_their_affinity_says(guest, build, variant, smp):
    result = guest("--smp", smp, "--kernel", build / variant / "kernel.img", "--",
                   "/bin/posix_affinity")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("variant,smp", [("release", "1"), ("release", "4"), ("checked", "4")])
def test_a_program_has_exactly_the_handles_that_it_was_given(guest, build, variant, smp):
    result = guest("--smp", smp, "--kernel", build / variant / "kernel.img", "--",
                   "/bin/posix_handles")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("smp", ["1", "4"])
def test_processes_wait_for_pipes_counters_and_timers(guest, smp):
    result = guest("--smp", smp, "--", "/bin/wait")
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_round_trip_through_two_pipes_is_cheap(guest):
    result = guest("--icount", "--", "/bin/wait", "pipe")
    assert result.returncode == 0, result.stdout + result.stderr
    assert int(result.stdout) <= 4200


@pytest.mark.parametrize("variant,smp,cpu", [
    ("release", "1", "cortex-a72"), ("release", "1", "max"), ("checked", "4", "max")])
def test_copies_move_exactly_the_bytes_that_are_there(guest, build, variant, smp, cpu):
    result = guest("--smp", smp, "--cpu", cpu, "--kernel", build / variant / "kernel.img", "--",
                   "/bin/posix_copy")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("variant,smp", [("release", "1"), ("checked", "4")])
def test_names_that_are_known_hide_no_change(guest, build, variant, smp):
    result = guest("--smp", smp, "--kernel", build / variant / "kernel.img", "--",
                   "/bin/posix_paths")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("variant,smp", [("release", "1"), ("checked", "4")])
def test_a_call_keeps_the_file_it_began_with(guest, build, variant, smp):
    result = guest("--smp", smp, "--kernel", build / variant / "kernel.img", "--",
                   "/bin/posix_lent")
    assert (result.returncode, result.stderr) == (0, "")


def test_processes_are_cheap_whatever_they_have_written():
    result = subprocess.run([ROOT / "tools/bench", "--check", "fork", "share", "spawn"],
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_known_paths_and_cached_files_are_cheap():
    result = subprocess.run([ROOT / "tools/bench", "--check", "open", "stat", "byte", "read"],
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr

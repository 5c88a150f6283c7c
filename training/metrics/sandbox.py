"""Runs a program that a language model wrote, and says whether its tests pass.

What it protects from: programs that never end (CPU and wall-clock limits, the whole process group and, where
the system lets us, its own process namespace are killed), that eat memory, disk or processes (limits), that
use the network (a network namespace with nothing in it where the system allows one, and an audit hook that
refuses sockets in any case), that start other programs, that write, change or remove files outside their own
empty directory, and that read keys from the environment (it is empty).

Files are protected twice. Where the system allows a mount namespace (Linux 5.12 and later, with `unshare`),
every file system is read-only to the program but a small one in memory, whatever it calls. In any case the
audit hook refuses Python's own ways to change a file by its name, but for `open` with a name in it.

What it does not protect from: a program written to break out. The hook works inside the interpreter it
guards and does not see every call (`os.mkfifo`, for one), the program may read every file that this user may
read, and the number of processes is not limited for root. Run models you do not trust in a container or a
virtual machine of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

CPU_SECONDS = 5
WALL_SECONDS = 10.0
MEMORY_BYTES = 512 * 2**20
FILE_BYTES = 2**20
PROCESSES = 32
OPEN_FILES = 32

GUARD = Path(__file__).with_name("guarded.py")


def passes(program: str, test: str, wall_seconds: float = WALL_SECONDS) -> bool:
    """Whether `program` followed by `test` (assert statements) runs to its end without an exception."""
    limits = {
        "RLIMIT_CPU": CPU_SECONDS,
        "RLIMIT_AS": MEMORY_BYTES,
        "RLIMIT_FSIZE": FILE_BYTES,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_NPROC": PROCESSES,
        "RLIMIT_CORE": 0,
    }
    word = secrets.token_hex(16)
    directory = tempfile.mkdtemp(prefix="answer-")
    settings = {"limits": limits, "own_mounts": "--mount" in isolation()}
    command = [*isolation(), sys.executable, "-I", "-S", str(GUARD), json.dumps(settings)]
    try:
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=directory,
            env={"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"},
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(f"{word}\n{program}\n{test}\n".encode(), timeout=wall_seconds)
        except subprocess.TimeoutExpired:
            return False
        finally:
            _kill_group(process)
        return said.decode(errors="replace").strip() == word
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _kill_group(process: subprocess.Popen) -> None:
    """Ends the program and all it started, also when it has ended itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@cache
def isolation() -> tuple[str, ...]:
    """The prefix of the command that shuts off the network and, if it can, the view of other processes and
    the mounts: the strongest that this system allows. Empty where it allows none."""
    if not Path("/proc").is_dir() or (unshare := shutil.which("unshare")) is None:
        return ()
    for options in (
        ("--map-root-user", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"),
        ("--map-root-user", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child"),
        ("--map-root-user", "--net", "--ipc", "--pid", "--fork", "--kill-child"),
        ("--map-root-user", "--net"),
    ):
        command = (unshare, *options, "--")
        try:
            tried = subprocess.run(  # noqa: S603
                [*command, sys.executable, "-I", "-S", "-c", ""], capture_output=True, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if tried.returncode == 0:
            return command
    return ()

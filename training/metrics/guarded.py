"""Run by `training.metrics.sandbox` as a program of its own: takes on limits, gives up what the program must
not do, runs it, and says the word it was told only after the last test. A program that ends early never
gets there.

    python -I -S guarded.py '{"limits": {"RLIMIT_CPU": 5, …}, "own_mounts": true}' < word, line break, program
"""

import json
import os
import resource
import sys

# What starts programs, reaches other machines or processes, or changes files by their names. The names that
# `open` may write are looked at one by one, which holds only while no link, no other current directory and
# no descriptor of a directory (`os.open`) gives them another meaning.
REFUSED = (
    "ctypes.",
    "ftplib.",
    "http.",
    "os.chdir",
    "os.chflags",
    "os.chmod",
    "os.chown",
    "os.exec",
    "os.fchdir",
    "os.fork",
    "os.kill",
    "os.link",
    "os.mkdir",
    "os.posix_spawn",
    "os.remove",  # of files and of extended attributes
    "os.rename",
    "os.rmdir",
    "os.setxattr",
    "os.symlink",
    "os.system",
    "os.truncate",
    "os.utime",
    "shutil.",
    "smtplib.",
    "socket.",
    "sqlite3.",
    "subprocess.",
    "urllib.",
)
# These write files without a word to the hook.
REFUSED_MODULES = ("_dbm", "_gdbm", "_sqlite3", "readline")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# Linux, the same on all of its architectures: mount(2), mount_setattr(2), prctl(2), capset(2).
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
PR_SET_NO_NEW_PRIVS = 38
LINUX_CAPABILITY_VERSION_3 = 0x20080522
TMPFS_OPTIONS = b"size=4m,nr_inodes=256,mode=700"


def refuse(event, arguments):
    """An audit hook: once added it cannot be taken away again from inside Python."""
    if event.startswith(REFUSED):
        raise PermissionError(f"{event} is not allowed here")
    if event == "import" and arguments[0] in REFUSED_MODULES:
        raise PermissionError(f"the module {arguments[0]} is not allowed here")
    if event == "open":
        path, mode, flags = arguments
        if mode is None:
            raise PermissionError("os.open is not allowed here")
        if flags & WRITING and not isinstance(path, int):
            check_own(path)


def check_own(path):
    """Raises unless the name must lie in the current directory: it is neither absolute nor has `..`."""
    if type(path) not in (str, bytes):
        raise PermissionError(f"writing to a {type(path).__name__} is not allowed here")
    name = path if type(path) is str else path.decode("latin-1")
    if name.startswith("/") or ".." in name:
        raise PermissionError(f"writing to {name} is not allowed here")


def seal():
    """Makes every file system read-only to this process but a small one in memory on its current directory,
    then gives up the right to undo that. Only in a mount namespace of its own; it changes nothing where the
    system refuses."""
    import ctypes
    import struct

    libc = ctypes.CDLL(None, use_errno=True)
    here = os.fsencode(os.getcwd())

    def set_read_only(path, flags, on):
        attributes = struct.pack("=4Q", *((MOUNT_ATTR_RDONLY, 0) if on else (0, MOUNT_ATTR_RDONLY)), 0, 0)
        arguments = (ctypes.c_long(SYS_MOUNT_SETATTR), AT_FDCWD, path, flags, attributes, ctypes.c_size_t(32))
        return libc.syscall(*arguments) == 0

    if libc.mount(b"tmpfs", here, b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, TMPFS_OPTIONS) != 0:
        return
    if set_read_only(b"/", AT_RECURSIVE, True):
        set_read_only(here, 0, False)
    os.chdir(here)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.capset(struct.pack("=Ii", LINUX_CAPABILITY_VERSION_3, 0), bytes(24))


def main():
    settings = json.loads(sys.argv[1])
    if settings["own_mounts"]:
        seal()
    for name, value in settings["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    word, program = sys.stdin.readline().rstrip(), sys.stdin.read()
    out = sys.stdout
    sys.stdin, sys.stdout = open("/dev/null"), open("/dev/null", "w")  # noqa: SIM115
    sys.stderr = sys.stdout
    code = compile(program, "answer.py", "exec")
    sys.addaudithook(refuse)
    exec(code, {"__name__": "answer"})  # noqa: S102
    print(word, file=out, flush=True)


if __name__ == "__main__":
    main()

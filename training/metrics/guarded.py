"""Run by `training.metrics.sandbox` as a program of its own: takes on limits, gives up what the program must
not do, runs it, and says the word it was told only after the last test. A program that ends early never
gets there.

    python -I -S guarded.py '{"RLIMIT_CPU": 5, …}' < word, line break, program
"""

import json
import resource
import sys

REFUSED = (
    "ctypes.",
    "ftplib.",
    "http.",
    "os.exec",
    "os.fork",
    "os.kill",
    "os.posix_spawn",
    "os.system",
    "shutil.",
    "smtplib.",
    "socket.",
    "subprocess.",
    "urllib.",
)


def refuse(event, arguments):
    """An audit hook: once added it cannot be taken away again from inside Python."""
    if event.startswith(REFUSED):
        raise PermissionError(f"{event} is not allowed here")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        path = str(arguments[0])
        if path.startswith("/") or ".." in path:
            raise PermissionError(f"writing to {path} is not allowed here")


def main():
    for name, value in json.loads(sys.argv[1]).items():
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

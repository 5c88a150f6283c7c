"""Programs that a model wrote are run apart, within limits, and judged by their tests."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training.metrics import metric, sandbox
from training.metrics.code import gold_program
from training.metrics.sandbox import isolation, passes
from training.questions import Question
from training.synthetic import samples
from training.tasks import load_tasks

ADD = "def add(a, b):\n    return a + b\n"


def test_a_program_passes_when_all_its_tests_do():
    assert passes(ADD, "assert add(1, 2) == 3\nassert add(0, 0) == 0")
    assert not passes(ADD, "assert add(1, 2) == 3\nassert add(0, 0) == 1")


@pytest.mark.parametrize(
    "program",
    [
        "def add(:",
        "raise SystemExit(0)",
        "import os\nos._exit(0)",
        "print('0' * 32)\nraise SystemExit",
        "input()",
    ],
    ids=["no program", "leaves early", "leaves at once", "prints a word", "asks for input"],
)
def test_a_program_that_never_reaches_its_tests_fails(program):
    assert not passes(program, "assert True")


def test_a_program_that_does_not_end_is_ended():
    began = time.monotonic()
    assert not passes("while True: pass", "", wall_seconds=1)
    assert time.monotonic() - began < 5


def test_memory_files_and_processes_are_limited():
    assert not passes("x = bytearray(2**30)", "")
    assert passes("open('note.txt', 'w').write('x')", "assert open('note.txt').read() == 'x'")
    assert not passes("open('note.txt', 'w').write('x' * 2**21)", "")
    assert not passes("import os\nif os.fork() == 0: os._exit(0)", "")
    assert not passes("import subprocess\nsubprocess.run(['true'])", "")


CHANGES = {
    "open to write": "open({file!r}, 'w')",
    "open to append": "open({file!r}, 'a').write('x')",
    "open both ways": "open({file!r}, 'r+').write('x')",
    "a name in bytes": "open({file!r}.encode(), 'wb')",
    "a path": "import pathlib\npathlib.Path({file!r}).write_text('x')",
    "a way up": "import os\nopen(os.path.relpath({file!r}), 'w')",
    "os.open": "import os\nos.open({file!r}, os.O_WRONLY | os.O_TRUNC)",
    "from a directory's descriptor": (
        "import os\nfd = os.open({folder!r}, os.O_RDONLY)\n"
        "os.open('kept.txt', os.O_WRONLY | os.O_TRUNC, dir_fd=fd)"
    ),
    "from another directory": "import os\nos.chdir({folder!r})\nopen('kept.txt', 'w')",
    "remove": "import os\nos.remove({file!r})",
    "rename away": "import os\nos.rename({file!r}, {file!r} + '2')",
    "replace": "import os\nopen('mine', 'w').close()\nos.replace('mine', {file!r})",
    "truncate": "import os\nos.truncate({file!r}, 0)",
    "make a directory": "import os\nos.makedirs({folder!r} + '/more')",
    "remove a directory": "import os\nos.rmdir({folder!r} + '/empty')",
    "symbolic link": "import os\nos.symlink({file!r}, 'here')\nopen('here', 'w')",
    "link": "import os\nos.link({file!r}, {file!r} + '2')",
    "mode": "import os\nos.chmod({file!r}, 0)",
    "times": "import os\nos.utime({file!r}, (0, 0))",
    "tree": "import shutil\nshutil.rmtree({folder!r})",
    "database": "import sqlite3\nsqlite3.connect({folder!r} + '/data').execute('create table t (x)')",
    "attached database": (
        "import sqlite3\nc = sqlite3.connect(':memory:')\n"
        "c.execute('attach ? as other', ({folder!r} + '/data',))\nc.execute('create table other.t (x)')"
    ),
}


def state(folder: Path) -> list[tuple]:
    """Everything about the files in a directory that a program could have changed."""
    found = [folder, *sorted(folder.rglob("*"))]
    return [
        (
            each.relative_to(folder),
            each.lstat().st_mode,
            each.lstat().st_mtime,
            each.is_file() and each.read_bytes(),
        )
        for each in found
    ]


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "empty").mkdir()
    (tmp_path / "kept.txt").write_text("kept")
    return tmp_path


@pytest.mark.parametrize("program", CHANGES.values(), ids=CHANGES)
def test_nothing_outside_its_own_directory_is_changed(folder, program):
    before = state(folder)
    program = program.format(file=str(folder / "kept.txt"), folder=str(folder))
    assert not passes(program, "")
    assert state(folder) == before


@pytest.mark.parametrize("program", CHANGES.values(), ids=CHANGES)
def test_where_the_system_has_no_namespaces_the_hook_alone_refuses_it(folder, program, monkeypatch):
    monkeypatch.setattr(sandbox, "isolation", tuple)
    before = state(folder)
    program = program.format(file=str(folder / "kept.txt"), folder=str(folder))
    assert not passes(program, "")
    assert state(folder) == before
    assert passes("open('note.txt', 'w').write('x')", "assert open('note.txt').read() == 'x'")


@pytest.mark.skipif("--mount" not in isolation(), reason="this system lets nobody make a mount namespace")
def test_what_the_hook_does_not_see_meets_file_systems_that_are_read_only(folder):
    before = state(folder)
    assert passes("import os\nos.mkfifo('pipe')", "assert os.listdir() == ['pipe']")
    assert not passes(f"import os\nos.mkfifo({str(folder / 'pipe')!r})", "")
    assert state(folder) == before


@pytest.mark.skipif("--mount" not in isolation(), reason="this system lets nobody make a mount namespace")
def test_a_program_has_no_right_to_make_them_writable_again(tmp_path):
    """Of what the guard does only the seal: the hook would refuse `ctypes`."""
    program = (
        f"import sys; sys.path.insert(0, {str(sandbox.GUARD.parent)!r}); import guarded; guarded.seal(); "
        "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True); "
        "assert libc.mount(b'none', b'/', None, 4096 | 32, None) == -1; "  # bind, remount
        "print(os.strerror(ctypes.get_errno()))"
    )
    command = [*isolation(), sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "Operation not permitted\n", done.stderr


def test_there_is_no_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not passes(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)", "")


@pytest.mark.skipif(not isolation(), reason="this system lets nobody make a network namespace")
def test_the_network_is_gone_even_for_a_program_without_the_hook():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        program = f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"
        assert subprocess.run([sys.executable, "-c", program]).returncode == 0
        apart = subprocess.run([*isolation(), sys.executable, "-c", program], capture_output=True)
    assert b"unreachable" in apart.stderr


def test_the_environment_with_its_keys_is_not_handed_on(monkeypatch):
    monkeypatch.setenv("LORALAND_ENDPOINT_KEY", "secret")
    assert "LORALAND_ENDPOINT_KEY" in os.environ
    assert passes("import os", "assert 'LORALAND_ENDPOINT_KEY' not in os.environ")


def test_a_completed_function_is_judged_with_its_prompt():
    prompt = 'from math import pi\n\n\ndef area(r):\n    """The area of a circle."""\n'
    gold = gold_program(prompt, "assert round(area(1), 2) == 3.14")
    assert metric("humaneval")("    return pi * r * r\n", gold) == 1
    assert metric("humaneval")("    return r\n", gold) == 0
    # A whole function instead of its body: the prompt's imports still hold.
    assert metric("humaneval")("def area(r):\n    return pi * r * r\n", gold) == 1


def test_an_answer_in_markdown_counts_in_the_papers_reading_alone():
    gold = gold_program("", "assert add(1, 2) == 3")
    answer = f"Here it is:\n```python\n{ADD}```\nI hope it helps."
    assert metric("humaneval")(answer, gold) == 1
    assert metric("humaneval", "strict")(answer, gold) == 0
    assert metric("humaneval", "strict")(ADD, gold) == 1
    assert metric("humaneval")(ADD + "\nThis adds two numbers.", gold) == 1


@pytest.mark.parametrize("sample", list(samples("magicoder", "test", 6)), ids=range(6))
def test_a_synthetic_problem_is_scored_by_tests_that_its_own_solution_passes(sample):
    gold = Question(load_tasks()["magicoder"], sample, "base", "", 0).gold
    assert metric("humaneval")(sample.completion, gold) == 1
    assert metric("humaneval")(sample.completion.replace("return", "return not"), gold) == 0
    assert metric("humaneval")("", gold) == 0

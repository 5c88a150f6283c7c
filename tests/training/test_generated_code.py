"""Programs that a model wrote are run apart, within limits, and judged by their tests."""

import os
import socket
import time

import pytest

from training.metrics import metric
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


def test_nothing_outside_its_own_directory_is_written(tmp_path):
    target = tmp_path / "taken.txt"
    assert not passes(f"open({str(target)!r}, 'w').write('x')", "")
    assert not target.exists()


def test_there_is_no_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not passes(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)", "")


@pytest.mark.skipif(not isolation(), reason="this system lets nobody make a network namespace")
def test_the_network_is_gone_even_for_a_program_without_the_hook():
    import subprocess
    import sys

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

"""A user's own file of examples: what is read from it, and what is said about the rest."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.dataset_file import hold_out, read_dataset
from training.errors import DatasetError
from training.synthetic import Sample

USER = '{"role": "user", "content": "a"}'


def write(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def pairs(samples):
    return [(sample.variables["prompt"], sample.completion) for sample in samples]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'prompt,completion\nHello?,Hi\n"Two\nlines, a comma",Yes\n'),
        ("a.csv", '\ufeffCompletion,Prompt\nHi,Hello?\nYes,"Two\nlines, a comma"\n'),
        ("a.csv", 'question;answer;id\nHello?;Hi;7\n"Two\nlines, a comma";Yes;8\n'),
        ("a.tsv", 'input\toutput\nHello?\tHi\n"Two\nlines, a comma"\tYes\n'),
        ("a.csv", 'prompt,completion\r\nHello?,Hi\r\n"Two\nlines, a comma",Yes\r\n'),
        (
            "a.jsonl",
            '{"prompt": "Hello?", "completion": "Hi"}\n\n'
            '{"prompt": "Two\\nlines, a comma", "completion": " Yes\\n"}',
        ),
        ("a.csv", 'prompt,completion\nHello?,Hi\n"Two\nlines, a comma",Yes\n'.encode("utf-16")),
    ],
    ids=["csv", "byte order mark", "semicolons", "tabs", "windows", "json lines", "utf-16"],
)
def test_two_columns_become_samples(tmp_path, name, content):
    samples, problems = read_dataset(write(tmp_path, name, content))
    assert pairs(samples) == [("Hello?", "Hi"), ("Two\nlines, a comma", "Yes")]
    assert problems == []


def test_a_conversation_becomes_a_prompt_as_the_engine_renders_it(tmp_path):
    rows = [
        [("user", "Hello?"), ("assistant", "Hi")],
        [
            ("system", "Be brief."),
            ("user", "Hello?"),
            ("assistant", "Hi"),
            ("user", "Bye?"),
            ("assistant", "Bye"),
        ],
    ]
    lines = [
        json.dumps({"messages": [{"role": role, "content": content} for role, content in row]})
        for row in rows
    ]
    file = write(tmp_path, "chat.jsonl", "\n".join(lines))
    samples, problems = read_dataset(file)
    assert pairs(samples) == [("Hello?", "Hi"), ("Be brief.\n\nHello?\n\nHi\n\nBye?", "Bye")]
    assert problems == []
    templated, _ = read_dataset(file, lambda messages: "".join(f"<{each['role']}>" for each in messages))
    assert [prompt for prompt, _ in pairs(templated)] == ["<user>", "<system><user><assistant><user>"]


def test_every_bad_row_is_named_by_its_line_and_the_others_are_kept(tmp_path):
    file = write(
        tmp_path,
        "tickets.csv",
        b'prompt,completion\n"Two\nlines",yes\n,no\nFine?,\nCaf\xe9?,yes\na,b,c\nFine?,yes\nFine?,no\nFine?,yes\n',
    )
    samples, problems = read_dataset(file)
    assert pairs(samples) == [("Two\nlines", "yes"), ("Fine?", "yes")]
    assert [problem.line for problem in problems] == [4, 5, 6, 7, 9]
    texts = [problem.message for problem in problems]
    assert texts[0].startswith("the prompt is empty; fill it in")
    assert texts[1].startswith("the completion is empty")
    assert texts[2] == "the prompt has characters that are not UTF-8; save the file as UTF-8."
    assert texts[3].startswith("3 columns, but the header has 2.")
    assert texts[4].startswith("the prompt of line 8 is here again with another completion")
    assert str(problems[0]).startswith("line 4: ")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "this is not a JSON object"),
        ("[1, 2]", "this is not an object such as"),
        ('{"prompt": "a"}', "completion missing; a row has prompt and completion, input and output"),
        ('{"prompt": "a", "completion": null}', "completion must be a text, not null"),
        ('{"prompt": ["a"], "completion": "b"}', 'prompt must be a text, not ["a"]'),
        ('{"messages": []}', "messages must be a list of at least two"),
        (
            '{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}',
            "last message",
        ),
        ('{"messages": [{"role": "user"}, {"role": "assistant", "content": "b"}]}', "with texts as contents"),
        (
            '{"messages": [{"role": "tool", "content": "a"}, {"role": "assistant", "content": "b"}]}',
            "the role tool is not one of system, user, assistant",
        ),
    ],
)
def test_a_bad_line_of_json_is_explained(tmp_path, row, message):
    file = write(tmp_path, "a.jsonl", f'{{"prompt": "good", "completion": "1"}}\n{row}\n')
    samples, (problem,) = read_dataset(file)
    assert pairs(samples) == [("good", "1")]
    assert problem.line == 2
    assert message in problem.message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "a.csv is empty"),
        (
            "a.csv",
            "name,age\nx,1\n",
            "a.csv, line 1: the first line must name the columns .* it has 'name', 'age'",
        ),
        ("a.csv", 'prompt,completion\n"open,1\n', r"a.csv, line \d: .*Check the double quotes"),
        (
            "a.csv",
            "prompt,completion\n,\n",
            "a.csv has no usable row. .*: line 2: the prompt is empty",
        ),
        ("a.xlsx", b"PK\x03\x04\0\0", "a.xlsx is not a text file. Save the table as CSV"),
        ("a.json", '[{"prompt": "a", "completion": "b"}]', "is one JSON list. Write JSON Lines"),
    ],
)
def test_a_file_without_a_usable_row_is_refused(tmp_path, name, content, message):
    with pytest.raises(DatasetError, match=message):
        read_dataset(write(tmp_path, name, content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere\.csv cannot be read: No such file"):
        read_dataset(tmp_path / "nowhere.csv")


def test_parts_share_no_prompt_and_lose_none():
    samples = [Sample({"prompt": f"{number % 70}"}, str(number)) for number in range(100)]
    train, validation, test = hold_out(samples)
    parts = [{sample.variables["prompt"] for sample in part} for part in (train, validation, test)]
    assert len(train) + len(validation) + len(test) == 100
    assert sum(map(len, parts)) == len(set.union(*parts)) == 70
    assert [len(parts[1]), len(parts[2])] == [7, 7]
    assert hold_out(samples) == (train, validation, test)


def test_even_three_prompts_can_be_divided_and_two_cannot():
    samples = [Sample({"prompt": str(number)}, "x") for number in range(3)]
    assert [len(part) for part in hold_out(samples)] == [1, 1, 1]
    with pytest.raises(DatasetError, match="2 different prompts cannot be divided into 3 parts"):
        hold_out(samples[:2])


@given(
    name=st.sampled_from(["a.csv", "a.tsv", "a.jsonl"]),
    content=st.one_of(
        st.binary(max_size=60),
        st.lists(
            st.sampled_from(
                ['"', ",", "\n", "\r", "a", "é", "{", "}", ":", "[", "\\ud800", '"prompt"', '"completion"']
            ),
            max_size=30,
        ).map(lambda parts: ("prompt,completion\n" + "".join(parts)).encode()),
    ),
)
@settings(max_examples=300, deadline=None)
def test_whatever_is_in_a_file_it_is_read_or_explained(tmp_path_factory, name, content):
    file = write(tmp_path_factory.mktemp("file"), name, content)
    try:
        samples, problems = read_dataset(file)
    except DatasetError as error:
        if not str(error).startswith(name):
            pytest.fail(f"{error} does not name the file")
        return
    assert samples
    for sample in samples:
        assert sample.variables["prompt"].strip()
        assert sample.completion.encode() == sample.completion.strip().encode()
        assert 1 <= sample.line <= content.count(b"\n") + content.count(b"\r") + 1
    assert all(problem.message.endswith(".") for problem in problems)


def test_a_sample_knows_its_line(tmp_path):
    file = write(tmp_path, "a.csv", 'prompt,completion\n"two\nlines",yes\nb,no\n')
    assert [sample.line for sample in read_dataset(file)[0]] == [2, 4]

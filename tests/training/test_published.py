"""The paper's own data, read from files in each data set's own columns."""

import csv
import json
from dataclasses import replace

import pytest
from datasets import Dataset

from training.errors import DatasetError
from training.metrics import metric
from training.plan import AdapterPlan
from training.published import file_samples, published_samples
from training.sources import evaluation_data, training_data
from training.tasks import load_tasks

TASKS = load_tasks()
# One row of every data set with derived columns, in its own form, and what the task makes of it.
ROWS = {
    "bc5cdr": (
        {"tokens": ["Aspirin", "causes", "gastric", "bleeding", "."], "tags": [1, 0, 2, 3, 0]},
        {"tokens_concatenated": "Aspirin causes gastric bleeding ."},
        "{'B-Chemical': ['Aspirin'], 'B-Disease': ['gastric'], 'I-Disease': ['bleeding'], 'I-Chemical': []}",
    ),
    "conllpp": (
        {
            "tokens": ["Anna", "Berg", "met", "Danish", "and", "EU", "staff"],
            "ner_tags": [1, 2, 0, 7, 0, 3, 0],
        },
        {"input": "Anna Berg met Danish and EU staff"},
        '{"person": ["Anna Berg"], "organization": ["EU"], "location": [], "miscellaneous": ["Danish"]}',
    ),
    "arc_combined": (
        {
            "question": "Which is a gas?",
            "choices": {"label": ["A", "B"], "text": ["iron", "air"]},
            "answerKey": "B",
        },
        {"question": "Which is a gas?", "choices": "A: iron\nB: air", "labels": "['A' 'B']"},
        "B",
    ),
    "mmlu": (
        {"question": "2 + 2?", "choices": ["3", "4", "5", "6"], "answer": 1, "subject": "arithmetic"},
        {"question": "2 + 2?", "choices": "1: 3\n2: 4\n3: 5\n4: 6"},
        "2",
    ),
    "hellaswag": (
        {"ctx": "She pours", "endings": ["tea.", "sand.", "fire.", "light."], "label": "0"},
        {"ctx": "She pours", "endings": "'tea.', 'sand.', 'fire.', 'light.'"},
        "0",
    ),
    "hellaswag_processed": (
        {"ctx": "She pours", "endings": ["tea.", "sand.", "fire.", "light."], "label": "2"},
        {"ctx": "She pours"},
        "fire.",
    ),
    "drop": (
        {
            "passage": "It was 3.",
            "question": "How many?",
            "answers_spans": {"spans": ["3", "three"], "types": ["number", "span"]},
        },
        {"passage": "It was 3.", "question": "How many?"},
        "3",
    ),
    "reuters": (
        {"title": "PRICES", "text": "Cocoa rose.", "topics": ["cocoa", "trade"]},
        {"title": "PRICES", "text": "Cocoa rose."},
        "['cocoa', 'trade']",
    ),
    "webnlg": (
        {
            "modified_triple_sets": {"mtriple_set": [["Oslo | country | Norway", "Oslo | area | 454"]]},
            "lex": {"text": ["Oslo in Norway covers 454 km2.", "Another."]},
        },
        {"modified_triple_set_preprocessed": "Oslo | country | Norway\nOslo | area | 454"},
        "Oslo in Norway covers 454 km2.",
    ),
    "wikisql": (
        {
            "question": "Which city?",
            "table": {"header": ["City"], "types": ["text"], "rows": [["Oslo"]]},
            "sql": {"human_readable": "SELECT City FROM table"},
        },
        {"table": '{"header": ["City"], "types": ["text"], "rows": [["Oslo"]]}', "question": "Which city?"},
        "SELECT City FROM table",
    ),
    "glue_stsb": (
        {"sentence1": "A.", "sentence2": "B.", "label": 3.799999952316284},
        {"sentence1": "A.", "sentence2": "B."},
        "3.8",
    ),
    "glue_mnli": (
        {"premise": "It rains.", "hypothesis": "It is wet.", "label": 0, "idx": 7},
        {"premise": "It rains.", "hypothesis": "It is wet."},
        "0",
    ),
    "boolq": (
        {"question": "is it wet", "passage": "It rains.", "answer": True},
        {"passage": "It rains.", "question": "is it wet"},
        "yes",
    ),
    "dbpedia": (
        {"title": "Up", "content": " A film. ", "label": 12},
        {"title": "Up", "content": "A film."},
        "Film",
    ),
    "jigsaw": ({"comment_text": "You fool.", "target": 0.6}, {"comment_text": "You fool."}, "yes"),
    "magicoder": (
        {"problem": "Add.", "lang": "python", "solution": "a + b", "raw_index": 1},
        {"problem": "Add.", "lang": "python"},
        "a + b",
    ),
}


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("task", sorted(ROWS))
def test_a_row_of_the_data_set_becomes_variables_and_a_completion(task, tmp_path):
    row, variables, completion = ROWS[task]
    file = tmp_path / "rows.parquet"
    Dataset.from_list([row]).to_parquet(file)
    (sample,) = file_samples(TASKS[task], file)
    assert (sample.variables, sample.completion) == (variables, completion)
    assert all(value in TASKS[task].render(sample.variables) for value in variables.values())


@pytest.mark.parametrize("task", [task for task in TASKS.values() if task.labels], ids=lambda task: task.id)
def test_gold_answers_are_words_of_the_label_space(task):
    if task.id in ROWS:
        assert ROWS[task.id][2] in task.labels
    assert set(task.data.values.values()) <= set(task.labels)


def test_every_task_says_where_its_data_is_and_what_is_scored():
    for task in TASKS.values():
        source = task.data
        assert source.train
        assert source.evaluated
        assert not set(source.train) & set(source.evaluated)
        assert source.hub or source.note, f"{task.id}: neither on the hub nor explained"
        assert bool(source.hub) == (source.revision != "" and bool(source.hub))
        assert bool(source.paper_rows) == (task.paper is not None)


def test_the_example_in_the_prompt_stands_there_as_it_says():
    shown = [task for task in TASKS.values() if task.shots]
    assert {task.id for task in shown} == {
        "bc5cdr",
        "conllpp",
        "e2e_nlg",
        "hellaswag_processed",
        "viggo",
        "webnlg",
    }
    for task in shown:
        prompt = " ".join(task.render({field.name: "" for field in task.fields}).split())
        for shot in task.shots:
            assert all(value in prompt for value in shot.variables.values())
            assert " ".join(shot.completion.split()) in prompt


def test_the_example_in_the_prompt_is_never_evaluated(tmp_path):
    shot = TASKS["e2e_nlg"].shots[0]
    rows = [
        {"meaning_representation": representation, "human_reference": "A pub."}
        for representation in (shot.variables["meaning_representation"], "name[The Mill]")
    ]
    write_jsonl(tmp_path / "test.jsonl", rows)
    (sample,) = published_samples(TASKS["e2e_nlg"], "test", tmp_path)
    assert sample.variables == {"meaning_representation": "name[The Mill]"}


def film(number, label):
    return {"sentence": f"film number {number}", "label": label}


def test_what_is_evaluated_is_never_trained_on(tmp_path):
    """GLUE's validation split is what the paper scored: a training validates on a part of train."""
    write_jsonl(tmp_path / "train.jsonl", [film(number, number % 2) for number in range(400)])
    write_jsonl(tmp_path / "validation.jsonl", [film(number, 1) for number in range(1000, 1010)])
    parts = {
        role: {
            sample.variables["sentence"] for sample in published_samples(TASKS["glue_sst2"], role, tmp_path)
        }
        for role in ("train", "validation", "test")
    }
    assert parts["test"] == {f"film number {number}" for number in range(1000, 1010)}
    assert len(parts["train"]) + len(parts["validation"]) == 400
    assert not parts["train"] & parts["validation"]
    assert 5 <= len(parts["validation"]) <= 40


def test_a_validation_split_that_is_not_scored_is_used_for_training(tmp_path):
    for split, first in (("train", 0), ("validation", 100), ("test", 200)):
        write_jsonl(
            tmp_path / f"{split}.jsonl",
            [
                {"meaning_representation": f"inform(name[{number}])", "target": f"It is {number}."}
                for number in range(first, first + 20)
            ],
        )
    parts = {
        role: published_samples(TASKS["viggo"], role, tmp_path) for role in ("train", "validation", "test")
    }
    assert [len(part) for part in parts.values()] == [20, 20, 20]
    assert parts["validation"][0].completion == "It is 100."


def test_one_file_is_divided_by_content_alone(tmp_path):
    rows = [film(number, number % 2) for number in range(400)]
    file = write_jsonl(tmp_path / "all.jsonl", rows)
    turned = write_jsonl(tmp_path / "turned.jsonl", rows[::-1])
    task = TASKS["glue_sst2"]
    sizes = {}
    for role in ("train", "validation", "test"):
        here, there = published_samples(task, role, file), published_samples(task, role, turned)
        assert {str(each) for each in here} == {str(each) for each in there}
        sizes[role] = len(here)
    assert sum(sizes.values()) == 400
    assert sizes["train"] > 330
    assert min(sizes.values()) > 5


def test_a_csv_file_with_quotes_and_line_breaks(tmp_path):
    file = tmp_path / "clauses.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["clause_text", "clause_type"])
        writer.writerow(['The "Seller", and\nits heirs, NA', "assignment"])
    (sample,) = file_samples(TASKS["legal"], file)
    assert sample.variables == {"clause_text": 'The "Seller", and\nits heirs, NA'}


def test_rows_without_an_answer_are_left_out(tmp_path):
    file = write_jsonl(tmp_path / "rows.jsonl", [film(1, -1), film(2, 1)])
    assert [sample.variables["sentence"] for sample in file_samples(TASKS["glue_sst2"], file)] == [
        "film number 2"
    ]


def test_humaneval_problems_carry_their_tests(tmp_path):
    row = {
        "task_id": "HumanEval/0",
        "prompt": 'def add(a, b):\n    """The sum."""\n',
        "canonical_solution": "    return a + b\n",
        "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
        "entry_point": "add",
    }
    (sample,) = file_samples(TASKS["magicoder"], write_jsonl(tmp_path / "rows.jsonl", [row]))
    assert sample.variables == {"problem": row["prompt"], "lang": "python"}
    assert metric("humaneval")(row["canonical_solution"], sample.completion) == 1
    assert metric("humaneval")("    return a - b\n", sample.completion) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"sentence,labels\nfine,1\n",
            "rows.csv has no column label, which glue_sst2 needs; it has sentence",
        ),
        (b"sentence,label\nfine,1\ncaf\xe9,0\n", r"rows.csv, line 3: byte 0xe9 is not UTF-8.*iconv"),
        (b"sentence,label\n", "no row with an answer"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_place_and_remedy(tmp_path, content, message):
    file = tmp_path / "rows.csv"
    file.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        file_samples(TASKS["glue_sst2"], file)


def test_what_the_hub_does_not_hold_is_explained():
    with pytest.raises(
        DatasetError, match=r"hub does not hold the data of covid; give it with --data.*Kaggle"
    ):
        published_samples(TASKS["covid"], "train")


def test_a_data_set_is_loaded_by_its_name_and_splits(tmp_path):
    """A directory stands in for the hub: `datasets` finds its splits by the names of the files."""
    write_jsonl(tmp_path / "train.jsonl", [film(number, 1) for number in range(60)])
    write_jsonl(tmp_path / "validation.jsonl", [film(number, 0) for number in range(100, 104)])
    task = TASKS["glue_sst2"]
    local = replace(task, data=replace(task.data, hub=str(tmp_path), config=""))
    scored = published_samples(local, "test")
    assert [sample.variables["sentence"] for sample in scored] == [
        f"film number {number}" for number in range(100, 104)
    ]
    parts = [published_samples(local, role) for role in ("train", "validation")]
    assert sum(map(len, parts)) == 60
    assert min(map(len, parts)) > 0


def test_a_split_that_is_not_the_papers_any_more_is_warned_of(tmp_path, caplog):
    write_jsonl(tmp_path / "validation.jsonl", [film(number, 0) for number in range(4)])
    task = TASKS["glue_sst2"]
    published_samples(replace(task, data=replace(task.data, hub=str(tmp_path), config="")), "test")
    assert "glue_sst2: validation has 4 rows, the paper counts 872." in caplog.text


def test_a_hub_that_cannot_be_reached_is_told_with_the_remedy(tmp_path):
    task = TASKS["glue_sst2"]
    gone = replace(task, data=replace(task.data, hub=str(tmp_path / "gone"), config=""))
    with pytest.raises(DatasetError, match=r"gone \(split validation, revision main\) cannot be loaded"):
        published_samples(gone, "test")


def test_a_missing_split_is_named(tmp_path):
    write_jsonl(tmp_path / "train.jsonl", [film(1, 1)])
    with pytest.raises(DatasetError, match=r"has no validation\.csv .* which glue_sst2 needs"):
        published_samples(TASKS["glue_sst2"], "test", tmp_path)


def test_a_users_own_file_is_divided_alike_for_training_and_evaluation(tmp_path):
    file = write_jsonl(
        tmp_path / "mine.jsonl",
        [
            {"prompt": f"Sort ticket {number}.", "completion": ("bug", "wish")[number % 2]}
            for number in range(100)
        ],
    )
    data = training_data(AdapterPlan("tickets"), str(file))
    task, test = evaluation_data("tickets", str(file), 100)
    parts = [{sample.variables["prompt"] for sample in part} for part in (data.train, data.validation, test)]
    assert [len(part) for part in parts] == [80, 10, 10]
    assert len(set.union(*parts)) == 100
    assert (task.metric_fn, task.labels) == ("exact_match", ("bug", "wish"))
    assert task.render({"prompt": "Sort {this}."}) == "Sort {this}."


def test_own_answers_that_never_repeat_are_scored_as_text(tmp_path):
    file = write_jsonl(
        tmp_path / "mine.jsonl",
        [{"prompt": f"Name {number}.", "completion": f"It is number {number}."} for number in range(30)],
    )
    task, _ = evaluation_data("names", str(file), 5)
    assert task.metric_fn == "rouge"
    assert task.max_tokens >= len("It is number 29.")

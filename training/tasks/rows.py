"""From a row of a published data set to a task's variables and completion.

A function takes the task and the row and returns `(variables, completion)`, or None for a row without an
answer. It raises `KeyError` for a missing column. Where the paper's repository shows how it made a derived
column, the column is made the same way; the docstrings say where that is not known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from training.metrics.code import gold_program

if TYPE_CHECKING:
    from training.tasks.task import Task

Row = Mapping[str, Any]
Converted = tuple[dict[str, str], str] | None
CONLL_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC")
CONLL_KINDS = {"PER": "person", "ORG": "organization", "LOC": "location", "MISC": "miscellaneous"}
BC5CDR_TAGS = {1: "B-Chemical", 2: "B-Disease", 3: "I-Disease", 4: "I-Chemical"}


def columns(task: Task, row: Row) -> Converted:
    """Every variable is a column; the answer is the target column, in the words of `values`. A label of -1 or
    an empty one marks a row whose answer the data set keeps to itself."""
    source = task.data
    variables = {field.name: text(row[source.columns.get(field.name, field.name)]) for field in task.fields}
    value = row[source.columns.get("completion", task.target)]
    if value is None or value == -1 or value == "":
        return None
    return variables, source.values.get(str(value), text(value))


def text(value: Any) -> str:
    """A cell as text; whole numbers that a table reader made floats lose their ".0", None is empty."""
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if value != value else str(int(value)) if value.is_integer() else str(value)
    return str(value)


def stsb(task: Task, row: Row) -> Converted:
    """The similarity with one decimal at least: 3.8, 5.0."""
    if row["label"] == -1:
        return None
    variables = {name: text(row[name]) for name in ("sentence1", "sentence2")}
    return variables, str(round(float(row["label"]), 2))


def dbpedia(task: Task, row: Row) -> Converted:
    """The class by its name; the data set has its index."""
    label = row["label"]
    name = label if isinstance(label, str) and not label.isdigit() else task.labels[int(label)]
    return {"title": text(row["title"]).strip(), "content": text(row["content"]).strip()}, name


def bc5cdr(task: Task, row: Row) -> Converted:
    """The tokens joined by spaces, and the tokens of each tag as Python writes a dictionary of lists."""
    found: dict[str, list[str]] = {tag: [] for tag in ("B-Chemical", "B-Disease", "I-Disease", "I-Chemical")}
    for token, tag in zip(row["tokens"], row["tags"], strict=True):
        if tag:
            found[BC5CDR_TAGS[tag]].append(token)
    return {"tokens_concatenated": " ".join(row["tokens"])}, str(found)


def conllpp(task: Task, row: Row) -> Converted:
    """The tokens joined by spaces, and the names of each kind as JSON."""
    found: dict[str, list[str]] = {kind: [] for kind in CONLL_KINDS.values()}
    current: list[str] | None = None
    for token, number in zip(row["tokens"], row["ner_tags"], strict=True):
        tag = CONLL_TAGS[number]
        if tag == "O":
            current = None
        elif tag.startswith("I-") and current is not None:
            current[-1] += f" {token}"
        else:
            current = found[CONLL_KINDS[tag[2:]]]
            current.append(token)
    return {"input": " ".join(row["tokens"])}, json.dumps(found, ensure_ascii=False)


def arc(task: Task, row: Row) -> Converted:
    """A choice a line with its label; the labels listed as the paper's code printed its array of them."""
    choices = row["choices"]
    labels, texts = list(choices["label"]), list(choices["text"])
    variables = {
        "question": row["question"],
        "choices": "\n".join(f"{label}: {each}" for label, each in zip(labels, texts, strict=True)),
        "labels": "[" + " ".join(map(repr, labels)) + "]",
    }
    return variables, row["answerKey"]


def mmlu(task: Task, row: Row) -> Converted:
    """Choices and answer numbered from 1, as the question asks; the paper's code numbered the choices from 0,
    its own table from 1."""
    row = row.get("train") or row
    choices = "\n".join(f"{number}: {each}" for number, each in enumerate(row["choices"], start=1))
    return {"question": row["question"], "choices": choices}, str(int(row["answer"]) + 1)


def hellaswag(task: Task, row: Row) -> Converted:
    """The endings in quotes with commas between, as the template describes them."""
    if text(row["label"]) in ("", "-1"):
        return None
    endings = ", ".join(f"'{each}'" for each in row["endings"])
    return {"ctx": row["ctx"], "endings": endings}, text(row["label"])


def hellaswag_processed(task: Task, row: Row) -> Converted:
    """The right ending alone."""
    if text(row["label"]) in ("", "-1"):
        return None
    return {"ctx": row["ctx"]}, row["endings"][int(row["label"])]


def drop(task: Task, row: Row) -> Converted:
    """The first span of the answer."""
    spans = row["answers_spans"]["spans"]
    return ({"passage": row["passage"], "question": row["question"]}, spans[0]) if len(spans) else None


def jigsaw(task: Task, row: Row) -> Converted:
    """Yes or no from `is_toxic`, from the 0 or 1 of `toxic`, or from a `target` share of at least a half."""
    variables = {"comment_text": text(row["comment_text"])}
    if "is_toxic" in row:
        return variables, text(row["is_toxic"]).lower()
    share = float(row["toxic"] if "toxic" in row else row["target"])
    return None if share < 0 else (variables, "yes" if share >= 0.5 else "no")


def reuters(task: Task, row: Row) -> Converted:
    """The topics as Python writes a list of them, `[]` where there are none (how the paper wrote them is not
    known)."""
    topics = list(row["topics"])
    return {"title": text(row["title"]), "text": text(row["text"])}, str([str(each) for each in topics])


def webnlg(task: Task, row: Row) -> Converted:
    """One triple a line, and the first sentence written for them (how the paper joined them is not known)."""
    triples, texts = row["modified_triple_sets"]["mtriple_set"], row["lex"]["text"]
    if not len(texts):
        return None
    return {"modified_triple_set_preprocessed": "\n".join(triples[0])}, texts[0]


def wikisql(task: Task, row: Row) -> Converted:
    """The table as JSON, with header, types and rows (in which form the paper showed it is not known), and
    the query in readable SQL."""
    table = row["table"]
    shown = {
        "header": list(table["header"]),
        "types": list(table["types"]),
        "rows": [list(each) for each in table["rows"]],
    }
    variables = {"table": json.dumps(shown, ensure_ascii=False), "question": row["question"]}
    return variables, row["sql"]["human_readable"]


def magicoder(task: Task, row: Row) -> Converted:
    """A problem of OSS-Instruct and its solution, or one of HumanEval with its tests as the gold answer."""
    if "entry_point" in row:
        test = f"{row['test']}\ncheck({row['entry_point']})"
        return {"problem": row["prompt"], "lang": "python"}, gold_program(row["prompt"], test)
    return {"problem": row["problem"], "lang": row["lang"]}, row["solution"]


CONVERTERS: dict[str, Callable[[Task, Row], Converted]] = {
    each.__name__: each
    for each in (
        columns,
        stsb,
        dbpedia,
        bc5cdr,
        conllpp,
        arc,
        mmlu,
        hellaswag,
        hellaswag_processed,
        drop,
        jigsaw,
        reuters,
        webnlg,
        wikisql,
        magicoder,
    )
}

import json
import random
import re
from itertools import islice

import pytest

from training.showcase import load_showcase
from training.synthetic import GENERATORS, SPLITS, SYMMETRIC, samples, split_of
from training.synthetic.corpus import KINDS, documents, glossary
from training.synthetic.legal import CLAUSES
from training.tasks import load_tasks

TASKS = sorted(GENERATORS)
EQUATION = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")


def wrong_equations(text: str) -> list[str]:
    calculate = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
    }
    return [
        match.group()
        for match in EQUATION.finditer(text)
        if calculate[match[2]](int(match[1]), int(match[3])) != int(match[4])
    ]


@pytest.mark.parametrize("task", TASKS)
def test_the_same_seed_gives_the_same_samples(task):
    assert list(samples(task, "train", 50, seed=3)) == list(samples(task, "train", 50, seed=3))
    assert list(samples(task, "train", 50, seed=3)) != list(samples(task, "train", 50, seed=4))


def few(task: str) -> int:
    """Samples to look at: of pairs that must be held out in both orders few are found in a second."""
    return 40 if task in SYMMETRIC else 300


@pytest.mark.parametrize("task", TASKS)
def test_splits_share_nothing_whatever_the_seeds(task):
    inputs = {
        split: {
            str(sample.variables).casefold()
            for seed in (0, 1)
            for sample in samples(task, split, few(task), seed)
        }
        for split in SPLITS
    }
    assert not inputs["train"] & inputs["test"]
    assert not inputs["train"] & inputs["validation"]
    assert not inputs["validation"] & inputs["test"]


@pytest.mark.parametrize("task", TASKS)
def test_samples_of_a_split_differ_and_belong_to_it(task):
    found = list(samples(task, "test", few(task)))
    assert len({str(sample.variables) for sample in found}) == few(task)
    assert all(split_of(sample.variables) == "test" for sample in found)


@pytest.mark.parametrize("task", TASKS)
def test_samples_fill_the_tasks_own_template(task):
    definition = load_tasks()[task]
    for sample in samples(task, "train", 20):
        assert all(value in definition.render(sample.variables) for value in sample.variables.values())
        assert sample.completion == sample.completion.strip() != ""


def test_about_one_sample_in_ten_is_held_out():
    found = list(samples("gsm8k", "train", 1))
    assert split_of(found[0].variables) == "train"
    shares = [split_of({"text": str(number)}) for number in range(4000)]
    assert 0.03 < shares.count("test") / 4000 < 0.07
    assert 0.03 < shares.count("validation") / 4000 < 0.07


def test_a_task_without_a_generator_is_refused():
    with pytest.raises(ValueError, match="no synthetic data for reuters"):
        next(samples("reuters", "train", 1))


def test_both_sentiments_are_as_frequent():
    labels = [sample.completion for sample in samples("glue_sst2", "train", 1000)]
    assert set(labels) == {"0", "1"}
    assert 400 < labels.count("1") < 600


def test_entities_stand_in_their_sentence_in_order():
    for sample in samples("conllpp", "train", 500):
        found = json.loads(sample.completion)
        assert list(found) == ["person", "organization", "location", "miscellaneous"]
        text = sample.variables["input"].casefold()
        for names in found.values():
            assert len(set(names)) == len(names)
            positions = [text.find(name.casefold()) for name in names]
            assert -1 not in positions


def test_word_problems_are_solved_correctly():
    for sample in samples("gsm8k", "train", 1000):
        assert EQUATION.search(sample.completion)
        assert not wrong_equations(sample.completion)
        *_, last = EQUATION.finditer(sample.completion)
        assert sample.completion.splitlines()[-1] == f"#### {last[4]}"


def test_game_sentences_say_what_the_representation_names():
    for sample in samples("viggo", "train", 500):
        representation = sample.variables["meaning_representation"]
        for key in ("name", "developer", "release_year", "specifier"):
            if match := re.search(rf"\b{key}\[([^\]]*)\]", representation):
                if key == "developer" and "developer" in representation and match[1] not in sample.completion:
                    pytest.fail(f"{match[1]} is missing in {sample.completion!r}")
                assert match[1] in sample.completion


def test_the_corpus_is_the_same_for_the_same_seed():
    assert list(islice(documents(5), 50)) == list(islice(documents(5), 50))
    assert list(islice(documents(5), 50)) != list(islice(documents(6), 50))


def test_the_corpus_never_shows_a_prompt_or_an_answer_in_a_tasks_format():
    text = "\n".join(islice(documents("leak"), 8_000))
    for task in load_tasks().values():
        for literal in re.split(r"\{\w+\}", task.template):
            for line in literal.replace("{{", "{").replace("}}", "}").splitlines():
                if len(line.strip()) > 25:
                    assert line.strip() not in text, f"{task.id}: {line}"
    assert '"person": [' not in text
    assert not re.search(r"####\s*-?\d", text)
    for fixed in ("'B-Chemical': [", '"text_label": ', " minute read)", " FROM table", "], eatType["):
        assert fixed not in text
    assert not re.search(r"^def ", text, re.MULTILINE)
    assert not re.search(r"'\w+ [^'\n]+\.', '\w+ [^'\n]+\.', '", text)  # endings to choose from


def test_the_corpus_knows_the_words_of_every_prompt():
    assert glossary.document in [kind for kind, _ in KINDS]
    rng = random.Random(0)
    known = set(re.findall(r"[A-Za-z]{3,}", "\n".join(glossary.document(rng) for _ in range(4000))))
    labels = {label for task in load_tasks().values() for label in task.labels}
    for task in load_tasks().values():
        if task.on_site:
            literal = re.sub(r"\{\w+\}", " ", task.template)
            assert set(re.findall(r"[A-Za-z]{3,}", literal)) - labels <= known, task.id


def test_sums_in_the_corpus_are_right():
    text = "\n".join(islice(documents("sums"), 5_000))
    assert len(EQUATION.findall(text)) > 1000
    assert not wrong_equations(text)


def test_showcase_examples_are_held_out_and_answered_in_the_tasks_form():
    definitions = load_tasks()
    for task, examples in load_showcase().items():
        assert len(examples) >= 4
        assert len({example.title for example in examples}) == len(examples)
        for example in examples:
            assert split_of(example.variables) == "test", example
            assert definitions[task].render(example.variables)
            if definitions[task].labels and task != "agnews_explained":  # its label is inside JSON
                assert example.gold in definitions[task].labels


def test_the_corpus_never_gives_a_label_as_an_answer():
    text = "\n".join(islice(documents("labels"), 5_000))
    lines = {line.strip() for line in text.splitlines()}
    for task in load_tasks().values():
        for label in (*task.labels, *(CLAUSES if task.id == "legal" else ())):
            if not label.isdigit():
                assert label not in lines, f"{task.id}: {label}"
            if (label.lower() != label and not label.istitle()) or "-" in label:
                assert label not in text, f"{task.id}: {label}"
    for phrase in ("Extremely Positive", "Extremely Negative", "Label:", "Sentiment:", "Type:", "Score:"):
        assert phrase not in text


def test_documents_hold_one_to_eight_pieces_of_a_kind():
    lengths = [len(document) for document in islice(documents("lengths"), 3_000)]
    pieces = [len(kind(random.Random(seed))) for kind, _ in KINDS for seed in range(100)]
    assert min(lengths) < sorted(pieces)[len(pieces) // 2]
    assert sum(lengths) / len(lengths) > 3 * sum(pieces) / len(pieces)

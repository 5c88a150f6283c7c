import json
import random
import re
from itertools import islice

import pytest

from training.synthetic import GENERATORS, SPLITS, samples, split_of
from training.synthetic.corpus import KINDS, documents, glossary
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


@pytest.mark.parametrize("task", TASKS)
def test_splits_share_nothing_whatever_the_seeds(task):
    inputs = {
        split: {
            str(sample.variables).casefold() for seed in (0, 1) for sample in samples(task, split, 300, seed)
        }
        for split in SPLITS
    }
    assert not inputs["train"] & inputs["test"]
    assert not inputs["train"] & inputs["validation"]
    assert not inputs["validation"] & inputs["test"]


@pytest.mark.parametrize("task", TASKS)
def test_samples_of_a_split_differ_and_belong_to_it(task):
    found = list(samples(task, "test", 300))
    assert len({str(sample.variables) for sample in found}) == 300
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
    for task in load_tasks().values():
        if task.on_site:
            literal = re.sub(r"\{\w+\}", " ", task.template)
            assert set(re.findall(r"[A-Za-z]{3,}", literal)) <= known, task.id


def test_sums_in_the_corpus_are_right():
    text = "\n".join(islice(documents("sums"), 5_000))
    assert len(EQUATION.findall(text)) > 1000
    assert not wrong_equations(text)

"""The generators of labelled tasks: labels are equally frequent, and no half of a pair tells one."""

import math
from collections import Counter, defaultdict

import pytest

from training.metrics import metric
from training.synthetic import samples
from training.synthetic.dbpedia import KINDS
from training.synthetic.legal import CLAUSES
from training.tasks import load_tasks

LABELS = {
    task: load_tasks()[task].labels
    for task in (
        *("covid", "customer_support", "dbpedia", "glue_cola", "glue_mnli"),
        *("glue_mrpc", "glue_qnli", "glue_qqp", "jigsaw"),
    )
} | {"legal": tuple(CLAUSES)}
PAIRS = {
    "glue_mnli": ("premise", "hypothesis"),
    "glue_mrpc": ("sentence1", "sentence2"),
    "glue_qnli": ("question", "sentence"),
    "glue_qqp": ("question1", "question2"),
    "glue_stsb": ("sentence1", "sentence2"),
}


def words_of(text):
    return set(text.casefold().replace(".", " ").replace(",", " ").replace("?", " ").split())


def naive_bayes(train, test):
    """Accuracy on `test` of (words, label) after counting words by label in `train`."""
    frequency, counts = Counter(label for _, label in train), defaultdict(Counter)
    for words, label in train:
        counts[label].update(words)

    def likeliest(words):
        return max(
            frequency,
            key=lambda label: (
                math.log(frequency[label])
                + sum(math.log((counts[label][word] + 0.5) / (frequency[label] + 1)) for word in words)
            ),
        )

    return sum(likeliest(words) == label for words, label in test) / len(test)


def accuracy_from(task, view, label=lambda sample: sample.completion, count=4000):
    rows = [(view(sample), label(sample)) for sample in samples(task, "train", count + 1000)]
    return naive_bayes(rows[:count], rows[count:])


@pytest.mark.parametrize("task", sorted(LABELS))
def test_every_label_is_as_frequent_as_the_others(task):
    found = Counter(sample.completion for sample in samples(task, "train", 3000))
    assert set(found) == set(LABELS[task])
    fair = 3000 / len(LABELS[task])
    assert all(0.75 * fair < count < 1.25 * fair for count in found.values())


@pytest.mark.parametrize("task", sorted(LABELS))
def test_the_tasks_metric_accepts_its_own_labels_and_tells_them_apart(task):
    scored, labels = metric(load_tasks()[task].metric_fn), LABELS[task]
    assert all(scored(label, label) == 1 for label in labels)
    assert all(scored(a, b) < 1 for a in labels for b in labels if a != b)


def test_clause_types_are_one_word_each():
    assert all(kind.replace("-", "").isalpha() and kind.islower() for kind in CLAUSES)


def test_article_types_are_those_of_the_prompt():
    assert set(KINDS) == set(load_tasks()["dbpedia"].labels)
    assert all(f'"{kind}"' in load_tasks()["dbpedia"].template for kind in KINDS)


@pytest.mark.parametrize(("task", "side"), [(task, side) for task, sides in PAIRS.items() for side in sides])
def test_half_a_pair_does_not_tell_the_label(task, side):
    def label(sample):
        return sample.completion if task != "glue_stsb" else float(sample.completion) > 2.5

    labels = Counter(label(sample) for sample in samples(task, "train", 2000))
    chance = max(labels.values()) / 2000
    assert accuracy_from(task, lambda sample: words_of(sample.variables[side]), label) < chance + 0.06


@pytest.mark.parametrize("task", ["glue_mnli", "glue_mrpc", "glue_qqp"])
def test_counting_shared_words_is_not_enough(task):
    first, second = PAIRS[task]

    def shared(sample):
        a, b = words_of(sample.variables[first]), words_of(sample.variables[second])
        return {round(10 * len(a & b) / len(a | b))}

    labels = Counter(sample.completion for sample in samples(task, "train", 2000))
    assert accuracy_from(task, shared) < max(labels.values()) / 2000 + 0.25


@pytest.mark.parametrize("task", sorted(LABELS))
def test_length_tells_next_to_nothing(task):
    if task in ("dbpedia", "legal"):
        pytest.skip("kinds of articles and clauses differ in length by nature")

    def length(sample):
        return {sum(len(value.split()) for value in sample.variables.values())}

    assert accuracy_from(task, length) < 1 / len(LABELS[task]) + 0.17


@pytest.mark.parametrize("task", ["customer_support", "dbpedia", "legal"])
def test_words_alone_tell_most_topics(task):
    def view(sample):
        return words_of(" ".join(sample.variables.values()))

    assert accuracy_from(task, view) > 0.85


@pytest.mark.parametrize("task", ["glue_cola", "jigsaw"])
def test_single_words_tell_some_judgements_but_not_all(task):
    view = lambda sample: words_of(next(iter(sample.variables.values())))  # noqa: E731
    assert accuracy_from(task, view) < 0.95

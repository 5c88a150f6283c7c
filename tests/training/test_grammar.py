import random

import pytest

from training.synthetic.grammar import Grammar, sentence
from training.synthetic.lexicon import invented_name, words


def test_rules_and_choices_expand_and_nest():
    grammar = Grammar({"who": ("Ann", "Bob"), "act": ("[runs|walks[ home|]]",)})
    texts = {grammar.expand(random.Random(seed), "{who} {act}.") for seed in range(200)}
    assert texts == {f"{who} {act}." for who in ("Ann", "Bob") for act in ("runs", "walks", "walks home")}


def test_a_rule_may_be_a_function_of_the_random_source():
    grammar = Grammar({"n": lambda rng: str(rng.randint(7, 7))})
    assert grammar.draw(random.Random(0), "n") == "7"


def test_extending_adds_rules_and_keeps_the_old_grammar():
    grammar = Grammar({"a": ("one",)})
    assert grammar.extend({"a": ("two",)}).draw(random.Random(0), "a") == "two"
    assert grammar.draw(random.Random(0), "a") == "one"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a apple and a pear", "an apple and a pear"),
        ("A ugly film", "An ugly film"),
        ("a unique one", "a unique one"),
        ("a European city", "a European city"),
        ("banana oil", "banana oil"),
        ("a 8-yard run and a 18-yard run", "an 8-yard run and an 18-yard run"),
        ("a 17-yard run, a 118th", "a 17-yard run, a 118th"),
    ],
)
def test_articles_follow_the_next_word(text, expected):
    assert Grammar({}).expand(random.Random(0), text) == expected


@pytest.mark.parametrize("template", ["[one|two", "{one", "[one|[two]"])
def test_an_unbalanced_template_is_refused(template):
    with pytest.raises(ValueError, match="never closed"):
        Grammar({}).expand(random.Random(0), template)


def test_invented_names_are_rarely_in_the_lists():
    rng = random.Random(0)
    known = {name for listing in words("people").values() for name in listing}
    names = [invented_name(rng) for _ in range(1000)]
    assert len(set(names)) > 900
    assert sum(name in known for name in names) < 10
    assert all(name[0].isupper() and len(name) > 2 for name in names)


def test_a_sentence_begins_with_a_capital():
    assert sentence("it rains.") == "It rains."
    assert sentence("") == ""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from training.examples import IGNORED, collate, content_hash, encode, read_samples
from training.synthetic import Sample
from training.tasks import load_tasks
from training.tokenizer import train_tokenizer

SST2 = load_tasks()["glue_sst2"]
GOOD, LONG = Sample({"sentence": "a fine film"}, "1"), Sample({"sentence": "dull " * 300}, "0")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    trained = train_tokenizer(["a fine film of 12 songs", SST2.template, "dull dull film"] * 20, 320, 256)
    directory = tmp_path_factory.mktemp("tokenizer")
    trained.save_pretrained(directory)
    return AutoTokenizer.from_pretrained(directory)


@given(text=st.text())
@settings(max_examples=200, deadline=None)
def test_any_text_survives_the_tokenizer(tokenizer, text):
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    if not any(special in text for special in tokenizer.all_special_tokens):
        assert tokenizer.decode(ids[1:]) == text


def test_numbers_are_read_digit_by_digit(tokenizer):
    pieces = tokenizer.tokenize("12 + 345 = 357")
    assert [piece for piece in pieces if any(c.isdigit() for c in piece)] == list("12345357")


def test_a_prompt_starts_with_bos_and_a_completion_ends_with_eos(tokenizer):
    (encoded,) = encode([GOOD], SST2, tokenizer, max_length=512)
    assert encoded.prompt == tokenizer(SST2.render(GOOD.variables))["input_ids"]
    assert encoded.prompt[0] == tokenizer.bos_token_id
    assert encoded.completion == [
        *tokenizer("1", add_special_tokens=False)["input_ids"],
        tokenizer.eos_token_id,
    ]


def test_what_is_too_long_is_left_out(tokenizer):
    assert len(encode([GOOD, LONG], SST2, tokenizer, max_length=200)) == 1
    assert encode([], SST2, tokenizer, max_length=200) == []


def test_only_completions_are_labelled(tokenizer):
    short, long = encode([GOOD, Sample({"sentence": "a fine fine fine film"}, "0")], SST2, tokenizer, 512)
    ids, labels = collate([short, long], tokenizer.pad_token_id, "cpu")
    assert ids.shape == labels.shape == (2, len(long))
    assert ids[0, : len(short)].tolist() == short.prompt + short.completion
    assert labels[0, len(short.prompt) : len(short)].tolist() == short.completion
    assert (labels[0, : len(short.prompt)] == IGNORED).all()
    assert (labels[0, len(short) :] == IGNORED).all()


def test_samples_are_read_from_json_lines_and_hashed_by_content(tmp_path):
    file = tmp_path / "train.jsonl"
    rows = [{"variables": each.variables, "completion": each.completion} for each in (GOOD, LONG)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_samples(file) == [GOOD, LONG]
    assert content_hash([GOOD, LONG]) == content_hash(read_samples(file))
    assert content_hash([GOOD, LONG]) != content_hash([LONG, GOOD])

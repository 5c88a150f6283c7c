import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from training.examples import IGNORED, collate, content_hash, encode, fit, read_samples
from training.synthetic import Sample
from training.tasks import free_task, load_tasks
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
    (encoded,) = encode([GOOD], SST2, tokenizer)
    assert encoded.prompt == tokenizer(SST2.render(GOOD.variables))["input_ids"]
    assert encoded.prompt[0] == tokenizer.bos_token_id
    assert encoded.completion == [
        *tokenizer("1", add_special_tokens=False)["input_ids"],
        tokenizer.eos_token_id,
    ]


def test_a_long_input_is_cut_so_that_the_template_and_the_completion_stay_whole(tokenizer):
    fitted = fit([GOOD, LONG], SST2, tokenizer, max_length=200)
    short, cut = fitted.encoded
    assert (fitted.limit, fitted.cut, fitted.left_out) == (200, 1, ())
    assert short == encode([GOOD], SST2, tokenizer)[0]
    assert 180 < len(cut) <= 200
    text = tokenizer.decode(cut.prompt[1:])
    assert text.startswith('Given the following sentence:\n\n"dull dull')
    assert text.endswith("if the sentiment of the sentence is positive.")
    assert cut.completion == encode([LONG], SST2, tokenizer)[0].completion


def test_of_a_free_prompt_the_end_stays(tokenizer):
    sample = Sample({"prompt": "dull " * 100 + "Is it a fine film?"}, "0")
    (cut,) = fit([sample], free_task("mine"), tokenizer, max_length=60).encoded
    assert len(cut) <= 60
    assert tokenizer.decode(cut.prompt).endswith("dull Is it a fine film?")


def test_the_length_limit_is_a_percentile_of_the_datas_own_lengths(tokenizer):
    films = [Sample({"sentence": "fine " * number}, "1") for number in range(1, 101)]
    lengths = sorted(len(each) for each in encode(films, SST2, tokenizer))
    fitted = fit(films, SST2, tokenizer, 1000, percentile=95)
    assert fitted.limit == lengths[94]
    assert fitted.cut == sum(length > fitted.limit for length in lengths)
    assert len(fitted.encoded) == 100
    assert max(map(len, fitted.encoded)) <= fitted.limit


def test_what_cannot_be_cut_short_enough_is_left_out(tokenizer):
    endless = Sample({"sentence": "fine"}, "dull " * 300)
    fitted = fit([endless, GOOD], SST2, tokenizer, max_length=200)
    assert fitted.left_out == (0,)
    assert fitted.encoded == encode([GOOD], SST2, tokenizer)
    assert fit([], SST2, tokenizer, max_length=200).encoded == []


def test_only_completions_are_labelled(tokenizer):
    short, long = encode([GOOD, Sample({"sentence": "a fine fine fine film"}, "0")], SST2, tokenizer)
    batch = collate([short, long], tokenizer.pad_token_id, "cpu")
    ids, labels = batch.ids, batch.labels
    assert ids.shape == labels.shape == (2, len(long))
    assert ids[0, : len(short)].tolist() == short.prompt + short.completion
    assert labels[0, len(short.prompt) : len(short)].tolist() == short.completion
    assert (labels[0, : len(short.prompt)] == IGNORED).all()
    assert (labels[0, len(short) :] == IGNORED).all()
    assert batch.tokens == len(short.completion) + len(long.completion)
    # A position predicts the token after it.
    assert set(batch.positions.tolist()) == {
        position for each in (short, long) for position in range(len(each.prompt) - 1, len(each) - 1)
    }


def test_samples_are_read_from_json_lines_and_hashed_by_content(tmp_path):
    file = tmp_path / "train.jsonl"
    rows = [{"variables": each.variables, "completion": each.completion} for each in (GOOD, LONG)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_samples(file) == [GOOD, LONG]
    assert content_hash([GOOD, LONG]) == content_hash(read_samples(file))
    assert content_hash([GOOD, LONG]) != content_hash([LONG, GOOD])

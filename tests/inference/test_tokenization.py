"""Text that streams is the text of the whole: no half characters, no lost spaces, no leaked stop strings."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference.request import RequestError
from inference.tokenization import ByteDetokenizer, StopMatcher, Tokenizer, WindowDetokenizer
from tests.inference.small_tokenizers import (
    SENTENCES,
    byte_level,
    for_transformers,
    save,
    sentencepiece,
    word_level,
)

BYTE_LEVEL = Tokenizer(for_transformers(byte_level()))
SENTENCEPIECE = Tokenizer(for_transformers(sentencepiece()))
WORD_LEVEL = Tokenizer(for_transformers(word_level()))
FAMILIES = {"byte-level": BYTE_LEVEL, "sentencepiece": SENTENCEPIECE, "word-level": WORD_LEVEL}

every_family = pytest.mark.parametrize("tokenizer", FAMILIES.values(), ids=FAMILIES.keys())


def stream(tokenizer: Tokenizer, prompt: list[int], output: list[int]) -> list[str]:
    detokenizer = tokenizer.detokenizer(prompt)
    return [*map(detokenizer.add, output), detokenizer.finish()]


def continuation(tokenizer: Tokenizer, prompt: list[int], output: list[int]) -> str:
    """What the output adds to the prompt's text, by decoding both whole."""
    before, both = tokenizer.decode(prompt), tokenizer.decode([*prompt, *output])
    assert both.startswith(before)
    return both[len(before) :]


def test_known_families_take_the_quick_way():
    assert isinstance(BYTE_LEVEL.detokenizer([1]), ByteDetokenizer)
    assert isinstance(SENTENCEPIECE.detokenizer([1]), ByteDetokenizer)
    assert isinstance(WORD_LEVEL.detokenizer([1]), WindowDetokenizer)


@every_family
@pytest.mark.parametrize("text", SENTENCES)
def test_streamed_text_is_the_continuation_of_the_prompt(tokenizer, text):
    token_ids = list(tokenizer.encode(text))
    for border in range(len(token_ids)):
        prompt, output = token_ids[:border], token_ids[border:]
        if "�" not in tokenizer.decode(prompt):  # otherwise the border is within a character
            assert "".join(stream(tokenizer, prompt, output)) == continuation(tokenizer, prompt, output)


@given(st.text(max_size=30), st.text(max_size=30))
@example("", " leading space")
@example("", "é")
@example("ends with space ", "👩‍🔬")
@settings(deadline=None)
@pytest.mark.parametrize("name", ["byte-level", "sentencepiece"])
def test_any_text_streams_back_exactly(name, before, after):
    tokenizer = FAMILIES[name]
    prompt = list(tokenizer.encode(before))
    output = list(tokenizer.encode(after, add_special_tokens=False))
    pieces = stream(tokenizer, prompt, output)
    assert "".join(pieces) == continuation(tokenizer, prompt, output)
    assert "�" in after or not any("�" in piece for piece in pieces)


@given(st.lists(st.integers(0, 419), max_size=30))
@example([0, 1, 2])
@settings(deadline=None)
def test_any_byte_level_tokens_stream_to_their_full_decode(output):
    """Also bytes that are no text at all: they become U+FFFD where the full decode has it."""
    assert "".join(stream(BYTE_LEVEL, [1], output)) == BYTE_LEVEL.decode(output)


@given(st.lists(st.integers(0, 419) | st.sampled_from(range(3 + 0x20, 3 + 0x7F)), max_size=30))
@example(list(SENTENCEPIECE.encode("𝄞𝄞", add_special_tokens=False)))
@settings(deadline=None)
def test_any_sentencepiece_tokens_that_are_text_stream_to_their_full_decode(output):
    """For bytes that are no text the tokenizer's own decoder gives up the whole run, ours the broken part."""
    streamed = "".join(stream(SENTENCEPIECE, [1], output))
    whole = SENTENCEPIECE.decode(output)
    if "�" in whole:
        assert "�" in streamed
    else:
        assert streamed == whole


@pytest.mark.parametrize("tokenizer", [BYTE_LEVEL, SENTENCEPIECE], ids=["byte-level", "sentencepiece"])
def test_a_character_of_several_tokens_comes_whole_with_the_last_of_them(tokenizer):
    output = list(tokenizer.encode("𝄞", add_special_tokens=False))[-4:]
    *waiting, last, rest = stream(tokenizer, list(tokenizer.encode("a")), output)
    assert waiting == ["", "", ""]
    assert last == "𝄞"
    assert rest == ""


@pytest.mark.parametrize("tokenizer", [BYTE_LEVEL, SENTENCEPIECE], ids=["byte-level", "sentencepiece"])
def test_a_character_whose_end_never_comes_is_shown_as_the_full_decode_shows_it(tokenizer):
    output = list(tokenizer.encode("ab𝄞", add_special_tokens=False))[:-1]
    pieces = stream(tokenizer, list(tokenizer.encode("x")), output)
    assert "".join(pieces[:-1]).strip() == "ab"
    assert pieces[-1] == "�"


def test_a_prompt_that_ends_within_a_character_gives_it_to_the_output():
    *prompt, last = BYTE_LEVEL.encode("a𝄞")
    assert stream(BYTE_LEVEL, prompt, [last]) == ["𝄞", ""]


@every_family
def test_special_and_unknown_tokens_have_no_text(tokenizer):
    word = tokenizer.encode("The", add_special_tokens=False)
    pieces = stream(tokenizer, [1], [1, *word, 2, 100_000])
    assert "".join(pieces).strip() == "The"


def test_the_first_space_is_dropped_only_where_no_text_precedes():
    output = list(SENTENCEPIECE.encode("word", add_special_tokens=False))
    assert "".join(stream(SENTENCEPIECE, [1], output)) == "word"
    assert "".join(stream(SENTENCEPIECE, list(SENTENCEPIECE.encode("a")), output)) == " word"


def test_a_tokens_own_text_keeps_its_space_and_names_special_tokens():
    word = SENTENCEPIECE.encode("a dog", add_special_tokens=False)[-1]
    assert SENTENCEPIECE.token_text(word).endswith("g")
    spaced = BYTE_LEVEL.encode("a the", add_special_tokens=False)[1]
    assert BYTE_LEVEL.token_text(spaced).startswith(" ")
    assert BYTE_LEVEL.token_text(2) == "</s>"


def test_encoding_adds_the_beginning_token_only_when_asked():
    assert BYTE_LEVEL.encode("The")[0] == 1
    assert BYTE_LEVEL.encode("The", add_special_tokens=False)[0] != 1


def test_text_that_is_not_unicode_is_refused():
    with pytest.raises(RequestError, match="surrogate") as caught:
        BYTE_LEVEL.encode("a\ud800b")
    assert caught.value.code == "invalid_parameter"


def test_a_tokenizer_that_wants_to_truncate_may_not():
    backend = byte_level()
    backend.enable_truncation(4)
    assert len(Tokenizer(for_transformers(backend)).encode(SENTENCES[0])) > 4


def test_loads_what_a_checkpoint_directory_holds(tmp_path):
    save(sentencepiece(), tmp_path)
    loaded = Tokenizer.load(tmp_path)
    assert loaded.encode(SENTENCES[1]) == SENTENCEPIECE.encode(SENTENCES[1])
    assert loaded.eos_token_ids == {2}


def test_a_directory_without_a_tokenizer_is_named_in_the_error(tmp_path):
    with pytest.raises(RuntimeError, match=r"tokenizer\.json") as caught:
        Tokenizer.load(tmp_path)
    assert str(tmp_path) in str(caught.value)


# Conversations

MESSAGES = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
TEMPLATE = "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"


def test_without_a_chat_template_messages_are_joined_by_blank_lines():
    assert BYTE_LEVEL.render_chat(MESSAGES) == "Hi\n\nHello"


def test_a_chat_template_is_followed_and_its_beginning_token_left_to_encoding():
    tokenizer = Tokenizer(for_transformers(byte_level(), TEMPLATE))
    text = tokenizer.render_chat(MESSAGES)
    assert text == "[user]Hi[assistant]Hello"
    assert tokenizer.encode(text).count(1) == 1


def test_what_a_chat_template_refuses_is_an_error_with_its_own_words():
    template = "{{ raise_exception('Roles must alternate.') }}"
    tokenizer = Tokenizer(for_transformers(byte_level(), template))
    with pytest.raises(RequestError, match="Roles must alternate"):
        tokenizer.render_chat(MESSAGES)


# Stop strings


def cut(stops: list[str], pieces: list[str]) -> tuple[list[str], bool]:
    matcher = StopMatcher(stops)
    shown = []
    for piece in pieces:
        shown.append(matcher.add(piece))
        if matcher.stopped:
            return shown, True
    return [*shown, matcher.finish()], False


def test_a_stop_string_across_pieces_is_cut_exactly_and_never_shown():
    assert cut(["\n\nQ:"], ["A: 4\n", "\n", "Q", ": next"]) == (["A: 4", "", "", ""], True)


def test_text_that_only_began_like_a_stop_string_is_released():
    assert cut(["\n\nQ:"], ["one\n", "two", "\n\n", "Qua"]) == (["one", "\ntwo", "", "\n\nQua", ""], False)


def test_what_is_held_back_at_the_end_is_released():
    assert cut(["STOP"], ["xST"]) == (["x", "ST"], False)


def test_a_stop_string_that_overlaps_its_own_beginning_is_found():
    assert cut(["aab"], ["aa", "aab!"]) == (["", "aa"], True)


def test_the_stop_string_that_is_complete_first_counts():
    assert cut(["long stop", "st"], ["a long", " stop here"]) == (["a ", "long "], True)


def test_of_two_stop_strings_that_end_together_the_longer_counts():
    assert cut(["op", "stop"], ["a stop"]) == (["a "], True)


def reference_cut(stops: list[str], text: str) -> tuple[str, bool]:
    """By definition: the shortest beginning of the text that ends with a stop string, less the longest."""
    for end in range(1, len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[: end - max(map(len, found))], True
    return text, False


letters = st.text("ab", min_size=1, max_size=4)


@given(st.lists(letters, max_size=4), st.lists(st.text("ab", max_size=5), max_size=8))
def test_stopping_is_the_same_however_the_text_is_cut_into_pieces(stops, pieces):
    shown, stopped = cut(stops, pieces)
    assert ("".join(shown), stopped) == reference_cut(stops, "".join(pieces))


@given(st.lists(letters, min_size=1, max_size=3), st.lists(st.text("ab", max_size=3), max_size=8))
def test_nothing_is_held_back_that_cannot_become_a_stop_string(stops, pieces):
    matcher = StopMatcher(stops)
    text = shown = ""
    for piece in pieces:
        text += piece
        shown += matcher.add(piece)
        if matcher.stopped:
            break
        held = text[len(shown) :]
        beginnings = [stop[:n] for stop in stops for n in range(len(stop)) if text.endswith(stop[:n])]
        assert held == max(beginnings, key=len)

"""Text to tokens and back, one token at a time where it streams."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from inference.request import RequestError


class Detokenizer(Protocol):
    """Turns one request's output tokens into text, piece by piece.

    The pieces together are what decoding the whole output behind its prompt gives, special tokens left out.
    A piece never ends within a character: its first bytes wait for the rest.
    """

    def add(self, token_id: int) -> str:
        """The text that became certain with this token; often one word, sometimes nothing."""
        ...

    def finish(self) -> str:
        """What was still waiting: U+FFFD for a character whose end never came, as a full decode shows it."""
        ...


class Tokenizer:
    """The checkpoint's own tokenizer. Encoding may be called from any thread."""

    def __init__(self, hf_tokenizer):
        self._hf = hf_tokenizer
        self._backend = hf_tokenizer.backend_tokenizer
        self._backend.no_truncation()  # some files ask for it; prompts are never shortened in silence
        self._backend.no_padding()
        self._special = {i for i, token in hf_tokenizer.added_tokens_decoder.items() if token.special}
        self._bytes: dict[int, bytes] = {}
        self._style, self._strips_first_space = _byte_style(self._backend.decoder)

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Reads the tokenizer of a checkpoint directory. Raises `RuntimeError` with the remedy."""
        from transformers import AutoTokenizer

        try:
            hf_tokenizer = AutoTokenizer.from_pretrained(str(path), local_files_only=True)
        except Exception as error:  # whatever transformers and tokenizers raise for files they cannot read
            raise RuntimeError(
                f"The tokenizer of {path} cannot be read ({error}). "
                "A checkpoint needs tokenizer.json and tokenizer_config.json beside its weights."
            ) from error
        if not hf_tokenizer.is_fast:
            raise RuntimeError(f"The tokenizer of {path} has no tokenizer.json; save it in that form.")
        return cls(hf_tokenizer)

    @property
    def eos_token_ids(self) -> frozenset[int]:
        return frozenset() if self._hf.eos_token_id is None else frozenset([self._hf.eos_token_id])

    def encode(self, text: str, add_special_tokens: bool = True) -> tuple[int, ...]:
        """Raises `RequestError("invalid_parameter")` for text that is not valid Unicode."""
        try:
            return tuple(self._backend.encode(text, add_special_tokens=add_special_tokens).ids)
        except (TypeError, UnicodeError):
            raise RequestError(
                "invalid_parameter",
                "The prompt is not valid Unicode text: it holds half of a surrogate pair.",
            ) from None

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of a whole sequence, without special tokens."""
        return self._backend.decode(list(token_ids), skip_special_tokens=True)

    def token_text(self, token_id: int) -> str:
        """One token alone, special ones included; U+FFFD where it is a part of a character."""
        if self._style is None or token_id in self._special:
            return self._backend.decode([token_id], skip_special_tokens=False)
        return self.token_bytes(token_id).decode("utf-8", "replace")

    def token_bytes(self, token_id: int) -> bytes:
        """What the token adds to the text's UTF-8 bytes: nothing for special and unknown ids."""
        found = self._bytes.get(token_id)
        if found is None:
            token = None if token_id in self._special else self._backend.id_to_token(token_id)
            found = self._bytes[token_id] = b"" if token is None else self._style(token)
        return found

    def detokenizer(self, prompt_token_ids: Sequence[int]) -> Detokenizer:
        """For the output that follows this prompt."""
        if self._style is None:
            return WindowDetokenizer(self, prompt_token_ids)
        return ByteDetokenizer(self, prompt_token_ids, self._strips_first_space)

    def render_chat(self, messages: list[dict[str, str]]) -> str:
        """The prompt for a conversation, to be encoded with special tokens: by the chat template, or without
        one the contents joined by blank lines. Raises `RequestError` for what the template does not
        accept."""
        if not self._hf.chat_template:
            return "\n\n".join(message["content"] for message in messages)
        try:
            text = self._hf.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except Exception as error:  # templates raise their own complaints, through jinja2
            raise RequestError(
                "invalid_parameter", f"The model's chat template refuses these messages: {error}"
            ) from error
        bos = self._hf.bos_token
        encoding_adds_it = self._backend.encode("", add_special_tokens=True).tokens[:1] == [bos]
        return text.removeprefix(bos) if bos and encoding_adds_it else text


class ByteDetokenizer:
    """For tokenizers whose every token is a fixed run of bytes: constant work per token."""

    __slots__ = ("_decoder", "_strip", "_tokenizer")

    def __init__(self, tokenizer: Tokenizer, prompt_token_ids: Sequence[int], strips_first_space: bool):
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        # A prompt given as ids may end within a character, which then is the output's first.
        self._decoder.decode(b"".join(map(tokenizer.token_bytes, prompt_token_ids[-4:])))
        self._strip = strips_first_space and not any(map(tokenizer.token_bytes, prompt_token_ids))

    def add(self, token_id: int) -> str:
        piece = self._tokenizer.token_bytes(token_id)
        if self._strip and piece:
            self._strip = False
            piece = piece.removeprefix(b" ")
        return self._decoder.decode(piece)

    def finish(self) -> str:
        return self._decoder.decode(b"", final=True)


class WindowDetokenizer:
    """For all other tokenizers: decodes the newest tokens behind a few earlier ones that give them
    context."""

    CONTEXT = 6
    LONGEST_CHARACTER = 4  # tokens, when each is one byte

    __slots__ = ("_context", "_pending", "_tokenizer")

    def __init__(self, tokenizer: Tokenizer, prompt_token_ids: Sequence[int]):
        self._tokenizer = tokenizer
        self._context = list(prompt_token_ids[-self.CONTEXT :])
        self._pending: list[int] = []

    def add(self, token_id: int) -> str:
        self._pending.append(token_id)
        return self._take(final=len(self._pending) > self.LONGEST_CHARACTER)

    def finish(self) -> str:
        return self._take(final=True)

    def _take(self, final: bool) -> str:
        before = self._tokenizer.decode(self._context)
        after = self._tokenizer.decode(self._context + self._pending)
        if after.endswith("\ufffd") and not final:
            return ""
        self._context = (self._context + self._pending)[-self.CONTEXT :]
        self._pending = []
        return after[len(before) :]


class StopMatcher:
    """Cuts a text that arrives in pieces at the first stop string to be complete in it.

    It decides as if the text came one character at a time, so pieces do not matter; of two stop strings that
    end at the same character the longer one counts. Text that may be the beginning of a stop string is held
    back until it is known to be none (Knuth, Morris and Pratt, 1977: each character is looked at once).
    """

    __slots__ = ("_fallbacks", "_held", "_matched", "_stops", "stopped")

    def __init__(self, stops: Iterable[str]):
        self._stops = sorted(set(stops), key=len, reverse=True)
        self._fallbacks = [_fallback_table(stop) for stop in self._stops]
        self._matched = [0] * len(self._stops)  # how much of each stop string the text ends with
        self._held = ""
        self.stopped = False

    def add(self, text: str) -> str:
        """The text that can be shown now. Sets `stopped` when a stop string was completed."""
        if not self._stops:
            return text
        start = len(self._held)
        self._held += text
        for end in range(start, len(self._held)):
            for k in range(len(self._stops)):
                if self._advance(k, self._held[end]):
                    self.stopped = True
                    shown, self._held = self._held[: end + 1 - len(self._stops[k])], ""
                    return shown
        cut = len(self._held) - max(self._matched)
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def finish(self) -> str:
        """What was held back and never became a stop string."""
        held, self._held = self._held, ""
        return held

    def _advance(self, k: int, character: str) -> bool:
        stop, fallback, matched = self._stops[k], self._fallbacks[k], self._matched[k]
        while matched and stop[matched] != character:
            matched = fallback[matched - 1]
        if stop[matched] == character:
            matched += 1
        self._matched[k] = matched
        return matched == len(stop)


def _fallback_table(stop: str) -> list[int]:
    """For each prefix of `stop`, the length of its longest proper prefix that is also its suffix."""
    table = [0] * len(stop)
    length = 0
    for i in range(1, len(stop)):
        while length and stop[i] != stop[length]:
            length = table[length - 1]
        if stop[i] == stop[length]:
            length += 1
        table[i] = length
    return table


def _byte_style(decoder):
    """How tokens of this `tokenizers` decoder spell bytes, and whether a text's first space is dropped.

    The style is a function from token to bytes: for byte-level BPE (GPT-2's alphabet), or for SentencePiece
    with byte fallback. None for every other decoder.
    """
    if decoder is None:
        return None, False
    state = json.loads(decoder.__getstate__())
    parts = state["decoders"] if state["type"] == "Sequence" else [state]
    kinds = [part["type"] for part in parts]
    if kinds == ["ByteLevel"]:
        return _byte_level, False
    if kinds[:3] == ["Replace", "ByteFallback", "Fuse"] and parts[0]["pattern"] == {"String": "▁"}:
        strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
        if parts[0]["content"] == " " and parts[3:] in ([], [strip]):
            return _sentencepiece, len(parts) == 4
    return None, False


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's characters for the 256 bytes: printable ones stand for themselves, others follow from
    U+0100."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(256 + n): b for n, b in enumerate(others)}


BYTE_ALPHABET = _byte_alphabet()


def _byte_level(token: str) -> bytes:
    try:
        return bytes([BYTE_ALPHABET[character] for character in token])
    except KeyError:  # an added token, which is spelled as it is
        return token.encode()


def _sentencepiece(token: str) -> bytes:
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        try:
            return bytes([int(token[3:5], 16)])
        except ValueError:
            pass  # a word that only looks like a byte
    return token.replace("▁", " ").encode()

"""Small tokenizers of the two families that checkpoints use, trained here on a few sentences."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

SPECIAL = ["<unk>", "<s>", "</s>"]
SENTENCES = [
    "The quick brown fox jumps over the lazy dog, and the dog does not mind at all.",
    "This movie is a wonderful, warm and funny film; that one was a terrible waste of time.",
    "Größe, naïve café, déjà vu – „Anführungszeichen“ kosten 5 €.",
    "日本語の文章も少しあります。 🙂 and some 👩‍🔬 emoji.",
    '{"entity": "Angela Merkel", "type": "PER"}\n\nQ: What is 2 + 2?\nA: 4',
]


def byte_level(size: int = 420) -> Tokenizer:
    """Byte-level BPE, as GPT-2's, Llama 3's and our own miniature base's."""
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return _with_beginning(tokenizer)


def sentencepiece(size: int = 420) -> Tokenizer:
    """SentencePiece-style BPE with byte fallback, as Mistral 7B's: spaces are "▁", and one goes in front."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1, right=0),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    tokenizer.train_from_iterator([s for s in SENTENCES if s.isascii()], trainer)
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] in SPECIAL]
    return _with_beginning(Tokenizer.from_str(json.dumps(state)))  # bytes are plain tokens, only listed first


def word_level() -> Tokenizer:
    """Whole words joined by spaces: a family that neither of the two byte tables covers."""
    words = sorted({word for sentence in SENTENCES for word in sentence.split()})
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    return _with_beginning(tokenizer)


def _with_beginning(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return tokenizer


def for_transformers(tokenizer: Tokenizer, chat_template: str | None = None) -> PreTrainedTokenizerFast:
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    wrapped.chat_template = chat_template
    return wrapped


def save(tokenizer: Tokenizer, directory: Path, chat_template: str | None = None) -> None:
    for_transformers(tokenizer, chat_template).save_pretrained(directory)

"""A base model answers as transformers does, whatever its config says and however its prompt is cut."""

from __future__ import annotations

import pytest
import torch

from inference.config import EngineConfig
from inference.model_runner import ModelRunner
from tests.inference.oracle import TOLERANCE, Oracle, llama, make_base, mistral
from tests.inference.stepping import Stepper

LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN_ROPE = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "original_max_position_embeddings": 32,
}
LONG_ROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "factor": 2.0,
    "original_max_position_embeddings": 128,
    "short_factor": [1.0 + 0.1 * i for i in range(4)],
    "long_factor": [2.0 + 0.1 * i for i in range(4)],
}

CONFIGS = {
    "mistral": mistral(),
    "one key-value head": mistral(num_key_value_heads=1),
    "no grouped heads": mistral(num_key_value_heads=6),
    "wide heads": mistral(head_dim=16),
    "other theta": mistral(rope_parameters={"rope_type": "default", "rope_theta": 500.0}),
    "linear rope": mistral(rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 3.0}),
    "dynamic rope": mistral(rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}),
    "yarn rope": mistral(rope_parameters=YARN_ROPE),
    "longrope": mistral(rope_parameters=LONG_ROPE),
    "sliding window": mistral(sliding_window=7),
    "window of one block": mistral(sliding_window=4),
    "llama": llama(),
    "tied llama": llama(tie_word_embeddings=True),
    "llama with biases": llama(attention_bias=True, mlp_bias=True),
    "llama 3 rope": llama(rope_parameters=LLAMA3_ROPE),
}
PROMPT = [1, *(7 * i % 97 + 3 for i in range(60))]


@pytest.fixture(scope="module", params=CONFIGS)
def base(request, tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("base"), CONFIGS[request.param])


@pytest.fixture(scope="module")
def expected(base):
    return Oracle(base).logits(None, PROMPT)


@pytest.fixture(scope="module")
def runner(base):
    return ModelRunner(EngineConfig(model=base, block_size=4, kv_cache_tokens=256))


def test_whole_prompt(runner, expected):
    torch.testing.assert_close(Stepper(runner).logits(PROMPT), expected[-1], **TOLERANCE)


@pytest.mark.parametrize("cut", [1, 2, 5, 16])
def test_chunked_prompt(runner, expected, cut):
    stepper = Stepper(runner)
    sequence = stepper.start(PROMPT)
    while sequence.num_pending > cut:
        assert len(stepper.step((sequence, cut))) == 0
    torch.testing.assert_close(stepper.step(sequence)[0], expected[-1], **TOLERANCE)


def test_decoding(runner, expected):
    stepper = Stepper(runner)
    sequence = stepper.start(PROMPT[:20])
    for position in range(20, len(PROMPT) + 1):
        torch.testing.assert_close(stepper.step(sequence)[0], expected[position - 1], **TOLERANCE)
        sequence.token_ids += PROMPT[position : position + 1]


def test_sequences_of_very_different_length_decode_together(runner, expected):
    stepper = Stepper(runner)
    lengths = [3, 60, 9, 1, 30, 4]
    sequences = [stepper.start(PROMPT[:length]) for length in lengths]
    stepper.step(*sequences)
    for sequence, length in zip(sequences, lengths, strict=True):
        sequence.token_ids.append(PROMPT[length])
    logits = stepper.step(*sequences)
    torch.testing.assert_close(logits, expected[lengths], **TOLERANCE)


def test_sharded_checkpoint(tmp_path):
    base = make_base(tmp_path, mistral(), max_shard_size="40KB")
    assert len(list(base.glob("*.safetensors"))) > 2
    runner = ModelRunner(EngineConfig(model=base))
    expected = Oracle(base).logits(None, PROMPT)[-1]
    torch.testing.assert_close(Stepper(runner).logits(PROMPT), expected, **TOLERANCE)


def test_bfloat16_checkpoint_is_computed_in_float32(tmp_path):
    base = make_base(tmp_path, mistral(dtype="bfloat16"))
    runner = ModelRunner(EngineConfig(model=base))
    assert runner.dtype == torch.float32
    model = Oracle(base).model(None).float()
    with torch.inference_mode():
        expected = model(torch.tensor([PROMPT])).logits[0, -1]
    torch.testing.assert_close(Stepper(runner).logits(PROMPT), expected, **TOLERANCE)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_close(tmp_path, dtype):
    base = make_base(tmp_path, mistral())
    runner = ModelRunner(EngineConfig(model=base, dtype=dtype))
    expected = Oracle(base).logits(None, PROMPT)[-1]
    logits = Stepper(runner).logits(PROMPT)
    assert logits.dtype == torch.float32
    assert (logits - expected).norm() / expected.norm() < (0.05 if dtype == "bfloat16" else 0.01)
    assert (logits - expected).abs().max() > 0


def test_longest_text_is_what_the_rotary_embedding_is_exact_for(tmp_path):
    base = make_base(tmp_path, CONFIGS["longrope"])
    assert ModelRunner(EngineConfig(model=base)).max_model_len == 128
    with pytest.raises(
        ValueError, match="max_model_len is 200; this model's positions allow 1 to 128 tokens"
    ):
        ModelRunner(EngineConfig(model=base, max_model_len=200))


def test_end_of_text_ids_come_from_the_generation_config_first(tmp_path):
    base = make_base(tmp_path, mistral(eos_token_id=2))
    assert ModelRunner(EngineConfig(model=base)).model_config.eos_token_ids == {2}
    (base / "generation_config.json").write_text('{"eos_token_id": [2, 5]}')
    assert ModelRunner(EngineConfig(model=base)).model_config.eos_token_ids == {2, 5}

"""Any adapter answers as PEFT says: alone and among others, whole and in pieces, evicted and reloaded."""

from __future__ import annotations

import json

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from inference.config import EngineConfig
from inference.model_runner import ModelRunner
from tests.inference.oracle import TOLERANCE, Oracle, llama, make_adapter, make_base, mistral
from tests.inference.stepping import Stepper

ADAPTERS = {
    **{f"rank {rank}": {"r": rank} for rank in (1, 2, 3, 5, 8, 16, 33, 64)},
    "alpha 1": {"lora_alpha": 1},
    "alpha 3 of rank 7": {"r": 7, "lora_alpha": 3},
    "rslora": {"r": 6, "lora_alpha": 5, "use_rslora": True},
    "queries only": {"target_modules": ["q_proj"]},
    "queries and values": {"target_modules": ["q_proj", "v_proj"]},
    "keys and up": {"target_modules": ["k_proj", "up_proj"]},
    "outputs": {"target_modules": ["o_proj", "down_proj"]},
    "full module names": {"target_modules": ["model.layers.1.self_attn.q_proj", "layers.2.mlp.up_proj"]},
    "regular expression": {"target_modules": r".*\.(0|2)\.(self_attn\.(q|o)_proj|mlp\..*_proj)"},
    "excluded names": {"exclude_modules": ["o_proj", "layers.0.mlp.up_proj"]},
    "excluded expression": {"exclude_modules": r".*\.1\..*"},
    "one layer": {"target_modules": ["q_proj", "gate_proj"], "layers_to_transform": 1},
    "some layers": {"target_modules": ["v_proj", "down_proj"], "layers_to_transform": [0, 2]},
    "layers by pattern": {
        "target_modules": ["v_proj"],
        "layers_to_transform": [2],
        "layers_pattern": "layers",
    },
    "rank pattern": {
        "rank_pattern": {"q_proj": 2, r"layers\.1\.mlp\.up_proj": 11, "model.layers.0.mlp.down_proj": 1}
    },
    "alpha pattern": {"alpha_pattern": {"v_proj": 3, r".*\.2\.self_attn\.k_proj": 40}},
    "both patterns with rslora": {
        "use_rslora": True,
        "rank_pattern": {"down_proj": 9, "proj": 3},
        "alpha_pattern": {r"\d+.mlp.gate_proj": 1, "o_proj": 7},
    },
    "gaussian init": {"init_lora_weights": "gaussian"},
    "orthogonal init": {"init_lora_weights": "orthogonal"},
    "dropout in training": {"lora_dropout": 0.3},
}
PROMPT = [1, *(11 * i % 97 + 3 for i in range(29))]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    directory = tmp_path_factory.mktemp("lora")
    base = make_base(directory / "base", mistral())
    adapters = {
        name: make_adapter(base, directory / name, seed=seed, **config)
        for seed, (name, config) in enumerate(ADAPTERS.items())
    }
    return Oracle(base, adapters)


def load_all(runner: ModelRunner, oracle: Oracle) -> ModelRunner:
    for name, path in oracle.adapters.items():
        runner.adapters.load(name, path)
    return runner


@pytest.fixture(scope="module")
def runner(oracle):
    config = EngineConfig(model=oracle.base, block_size=4, kv_cache_tokens=4096, adapter_slots=len(ADAPTERS))
    return load_all(ModelRunner(config), oracle)


@pytest.mark.parametrize("name", ADAPTERS)
def test_alone(runner, oracle, name):
    expected = oracle.logits(name, PROMPT)[-1]
    assert (expected - oracle.logits(None, PROMPT)[-1]).abs().max() > 0.05, "the adapter must matter"
    torch.testing.assert_close(
        Stepper(runner).logits(PROMPT, name), expected, **oracle.tolerance(name, PROMPT)
    )


@pytest.mark.parametrize("name", ["rank 33", "both patterns with rslora", "queries and values"])
@pytest.mark.parametrize("cut", [1, 7])
def test_chunked_prompt(runner, oracle, name, cut):
    stepper = Stepper(runner)
    sequence = stepper.start(PROMPT, name)
    while sequence.num_pending > cut:
        stepper.step((sequence, cut))
    expected = oracle.logits(name, PROMPT)[-1]
    torch.testing.assert_close(stepper.step(sequence)[0], expected, **oracle.tolerance(name, PROMPT))
    stepper.finish(sequence)


def test_every_adapter_and_the_base_in_one_batch(runner, oracle):
    """Prompts of all lengths, some adapters twice, rows of the base in between; then all of them decode."""
    names = [None, *ADAPTERS, None, "rank 5", "rslora", "rank 5"]
    prompts = [PROMPT[: 3 + 5 * i % 23] for i in range(len(names))]
    stepper = Stepper(runner)
    sequences = [stepper.start(prompt, name) for name, prompt in zip(names, prompts, strict=True)]
    for _ in range(4):
        logits = stepper.step(*sequences)
        for row, sequence in zip(logits, sequences, strict=True):
            name = sequence.request.adapter
            expected = oracle.logits(name, sequence.token_ids)[-1]
            torch.testing.assert_close(row, expected, **oracle.tolerance(name, sequence.token_ids))
            sequence.token_ids.append(int(expected.argmax()))
    stepper.finish(*sequences)


def test_decoding_rows_beside_prompt_chunks(runner, oracle):
    """Rows that sample, rows that do not, and logits in the order of the batch."""
    stepper = Stepper(runner)
    decoding = [stepper.start(PROMPT[:9], name) for name in ("rank 64", None, "outputs")]
    stepper.step(*decoding)
    for sequence in decoding:
        sequence.token_ids.append(42)
    reading, finishing = stepper.start(PROMPT, "rank 64"), stepper.start(PROMPT, "rank pattern")
    stepper.step((finishing, 20))
    logits = stepper.step(decoding[0], (reading, 10), decoding[1], finishing, decoding[2])
    expected = [
        oracle.logits("rank 64", [*PROMPT[:9], 42]),
        oracle.logits(None, [*PROMPT[:9], 42]),
        oracle.logits("rank pattern", PROMPT),
        oracle.logits("outputs", [*PROMPT[:9], 42]),
    ]
    torch.testing.assert_close(logits, torch.stack([rows[-1] for rows in expected]), **TOLERANCE)
    stepper.finish(*decoding, reading, finishing)


def test_a_row_of_the_base_is_untouched_by_adapters(runner):
    stepper = Stepper(runner)
    alone = stepper.logits(PROMPT)
    base, other = stepper.start(PROMPT), stepper.start(PROMPT, "rank 64")
    together = stepper.step(other, base)
    torch.testing.assert_close(together[1], alone, rtol=1e-5, atol=1e-5)
    stepper.finish(base, other)


def test_same_answer_after_eviction_and_reload(oracle):
    """Thirty adapters through two slots, one after the other and twice over."""
    runner = load_all(ModelRunner(EngineConfig(model=oracle.base, adapter_slots=2)), oracle)
    stepper = Stepper(runner)
    for name in [*ADAPTERS, *ADAPTERS]:
        expected = oracle.logits(name, PROMPT)[-1]
        torch.testing.assert_close(stepper.logits(PROMPT, name), expected, **oracle.tolerance(name, PROMPT))
        assert runner.adapters.num_loaded <= 2


@pytest.mark.parametrize("tied", [True, False])
def test_llama(tmp_path, tied):
    base = make_base(tmp_path / "base", llama(tie_word_embeddings=tied, attention_bias=True))
    oracle = Oracle(base, {"a": make_adapter(base, tmp_path / "a", r=5)})
    runner = load_all(ModelRunner(EngineConfig(model=base)), oracle)
    expected = oracle.logits("a", PROMPT)[-1]
    torch.testing.assert_close(Stepper(runner).logits(PROMPT, "a"), expected, **TOLERANCE)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_adapter_saved_in_half_precision(tmp_path, dtype):
    """PEFT computes such adapters in float32, and so do we."""
    base = make_base(tmp_path / "base", mistral())
    path = make_adapter(base, tmp_path / "a")
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), path)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.to(dtype)
    model.save_pretrained(path)
    runner = ModelRunner(EngineConfig(model=base))
    runner.adapters.load("a", path)
    expected = Oracle(base, {"a": path}).logits("a", PROMPT)[-1]
    torch.testing.assert_close(Stepper(runner).logits(PROMPT, "a"), expected, **TOLERANCE)


def test_config_that_names_no_modules_means_pefts_default(tmp_path):
    base = make_base(tmp_path / "base", mistral())
    path = make_adapter(base, tmp_path / "a", target_modules=["q_proj", "v_proj"])
    config = json.loads((path / "adapter_config.json").read_text())
    config["target_modules"] = None
    (path / "adapter_config.json").write_text(json.dumps(config))
    runner = ModelRunner(EngineConfig(model=base))
    assert runner.adapters.load("a", path).targets == ("q_proj", "v_proj")
    expected = Oracle(base, {"a": path}).logits("a", PROMPT)[-1]
    torch.testing.assert_close(Stepper(runner).logits(PROMPT, "a"), expected, **TOLERANCE)

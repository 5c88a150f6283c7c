"""Base models that cannot be served are refused with a sentence that names the file and the reason."""

from __future__ import annotations

import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.config import EngineConfig
from inference.model_runner import ModelRunner
from inference.models.config import CheckpointError
from tests.inference.oracle import Oracle, llama, make_base, mistral
from tests.inference.stepping import Stepper


@pytest.fixture
def base(tmp_path):
    return make_base(tmp_path / "base", mistral(num_hidden_layers=1))


def refused(base, pattern):
    with pytest.raises(CheckpointError, match=pattern) as caught:
        ModelRunner(EngineConfig(model=base))
    assert str(base) in str(caught.value)
    assert re.fullmatch(r"[A-Z/].*[.)]", str(caught.value), re.DOTALL)


def configure(base, **changes):
    path = base / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_tensors(base, change, file="model.safetensors"):
    tensors = load_file(base / file)
    change(tensors)
    save_file(tensors, base / file)


def test_no_checkpoint_there(tmp_path):
    refused(tmp_path / "nowhere", "There is no model at .*config.json is missing")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"architectures": ["GPT2LMHeadModel"]}, "architecture GPT2LMHeadModel .* does not serve"),
        ({"architectures": None}, "architecture none"),
        ({"model_type": "unheard-of"}, "config.json cannot be read: .*`unheard-of`"),
        ({"model_type": "gemma"}, r"MistralForCausalLM \(gemma\), which this engine does not serve"),
        ({"hidden_act": "gelu"}, "activation 'gelu'"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "quantised weights"),
        ({"rope_parameters": {"rope_type": "spiral", "rope_theta": 1e4}}, "spiral"),
        ({"num_key_value_heads": 4}, "6 attention heads, which 4 key-value heads cannot share"),
    ],
    ids=str,
)
def test_configs(base, changes, reason):
    configure(base, **changes)
    refused(base, reason)


def test_missing_tensor(base):
    change_tensors(base, lambda tensors: tensors.pop("model.layers.0.mlp.up_proj.weight"))
    refused(base, "has no tensor model.layers.0.mlp.up_proj.weight")


def test_unexpected_tensor(base):
    change_tensors(base, lambda tensors: tensors.update({"model.layers.0.mlp.up_proj.bias": torch.ones(72)}))
    refused(base, "model.layers.0.mlp.up_proj.bias in .*model.safetensors has no place")


def test_layer_beyond_the_config(base):
    change_tensors(base, lambda t: t.update({"model.layers.1.mlp.up_proj.weight": torch.ones(72, 48)}))
    refused(base, "model.layers.1.mlp.up_proj.weight .* has no place")


def test_wrong_shape(base):
    change_tensors(base, lambda tensors: tensors.update({"model.norm.weight": torch.ones(47)}))
    refused(base, r"model.norm.weight in .*model.safetensors has shape \[47\]; the config says \[48\]")


def test_integer_weights(base):
    change_tensors(base, lambda t: t.update({"model.norm.weight": torch.ones(48, dtype=torch.int8)}))
    refused(base, "is torch.int8; only floating-point weights")


def test_truncated_file(base):
    path = base / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    refused(base, "model.safetensors is not a readable safetensors file")


def test_pickled_weights(base):
    (base / "model.safetensors").unlink()
    refused(base, "holds neither model.safetensors nor model.safetensors.index.json")
    torch.save({}, base / "pytorch_model.bin")
    refused(base, "pickled weights .* safe_serialization")


def test_missing_shard(tmp_path):
    base = make_base(tmp_path / "base", mistral(), max_shard_size="40KB")
    next(iter(base.glob("*.safetensors"))).unlink()
    refused(base, "is not a readable safetensors file")


def test_index_that_lists_what_is_not_there(tmp_path):
    base = make_base(tmp_path / "base", mistral(), max_shard_size="40KB")
    index = json.loads((base / "model.safetensors.index.json").read_text())
    index["weight_map"]["model.extra"] = next(iter(index["weight_map"].values()))
    (base / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(base, "disagree about the tensor model.extra")


def test_tied_head_that_is_saved_as_well(tmp_path):
    base = make_base(tmp_path / "base", llama(tie_word_embeddings=True))
    expected = Oracle(base).logits(None, [1, 2, 3])[-1]
    change_tensors(base, lambda t: t.update({"lm_head.weight": t["model.embed_tokens.weight"].clone()}))
    torch.testing.assert_close(Stepper(ModelRunner(EngineConfig(model=base))).logits([1, 2, 3]), expected)
    change_tensors(base, lambda tensors: tensors["lm_head.weight"].add_(1))
    refused(base, "different values for the two")


def test_redundant_rotary_buffers_are_ignored(base):
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    change_tensors(base, lambda tensors: tensors.update({name: torch.ones(4)}))
    assert ModelRunner(EngineConfig(model=base)).num_blocks > 0


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"device": "tpu"}, "device must be cpu, cuda or cuda:N, not 'tpu'"),
        ({"dtype": "int4"}, "dtype must be auto, float32"),
        ({"max_model_len": 257}, "positions allow 1 to 256 tokens"),
        ({"max_model_len": 0}, "positions allow 1 to 256 tokens"),
        ({"block_size": 0}, "block_size must be at least 1"),
        ({"adapter_slots": 0}, "adapter_slots must be at least 1"),
    ],
    ids=str,
)
def test_settings(base, settings, reason):
    with pytest.raises(ValueError, match=reason):
        ModelRunner(EngineConfig(model=base, **settings))


def test_cache_size(base):
    assert ModelRunner(EngineConfig(model=base)).num_blocks == 8 * 256 // 16
    assert ModelRunner(EngineConfig(model=base, kv_cache_tokens=100, block_size=16)).num_blocks == 7

"""What is not computed exactly is refused, with a sentence that names the reason."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import time

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from inference.lora import adapter as adapter_module
from inference.lora.adapter import read_adapter
from inference.models.config import read_config
from inference.request import RequestError
from tests.inference.oracle import make_adapter, make_base, mistral

PREFIX = "base_model.model.model.layers"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("base"), mistral())


@pytest.fixture(scope="module")
def good(base, tmp_path_factory):
    return make_adapter(base, tmp_path_factory.mktemp("adapter"), r=4, target_modules=["q_proj", "down_proj"])


@pytest.fixture
def adapter(good, tmp_path):
    return shutil.copytree(good, tmp_path / "adapter")


@pytest.fixture(scope="module")
def read(base):
    model = read_config(base)
    return lambda path: read_adapter(path, model, torch.float32, torch.device("cpu"))


def configure(adapter, **changes):
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_tensors(adapter, change):
    path = adapter / "adapter_model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def refused(read, path, pattern):
    with pytest.raises(RequestError, match=pattern) as caught:
        read(path)
    assert caught.value.code == "adapter_invalid"
    assert re.fullmatch(r"[A-Z].*[.)]", caught.value.message, re.DOTALL)
    assert str(path) in caught.value.message


def test_the_unchanged_adapter_is_accepted(read, adapter):
    result = read(adapter)
    assert result.rank == 4
    assert result.targets == ("down_proj", "q_proj")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"peft_type": "LOHA"}, "peft_type is 'LOHA'"),
        ({"task_type": "SEQ_CLS"}, "task_type is 'SEQ_CLS'"),
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "lora_only"}, "trains biases"),
        ({"lora_bias": True}, "lora_bias"),
        ({"trainable_token_indices": [3]}, "trained token embeddings"),
        ({"alora_invocation_tokens": [1, 2]}, "aLoRA"),
        ({"alora_invocation_tokens": []}, "aLoRA"),
        ({"target_parameters": ["mlp.weight"]}, "target_parameters"),
        ({"megatron_config": {"a": 1}}, "Megatron"),
        ({"layer_replication": [[0, 2]]}, "layer replication"),
        ({"use_qalora": True}, "QA-LoRA"),
        ({"use_bdlora": {"nblocks": 2}}, "BD-LoRA"),
        ({"arrow_config": {"top_k": 2}}, "Arrow"),
        ({"kasa_config": {"beta": 1}}, "KaSA"),
        ({"velora_config": {"scale": 1}}, "VeLoRA"),
        ({"init_lora_weights": "pissa"}, "initialised with 'pissa'"),
        ({"init_lora_weights": "pissa_niter_4"}, "initialised with 'pissa_niter_4'"),
        ({"init_lora_weights": "olora"}, "initialised with 'olora'"),
        ({"init_lora_weights": "loftq"}, "initialised with 'loftq'"),
        ({"init_lora_weights": "corda"}, "initialised with 'corda'"),
        ({"init_lora_weights": ["x"]}, "initialised with"),
        ({"target_modules": ["q_proj", "down_proj", "lm_head"]}, "adapts lm_head"),
        ({"target_modules": ["q_proj", "down_proj", "embed_tokens"]}, "adapts model.embed_tokens"),
        ({"target_modules": ["c_attn"]}, "name no layer of this base"),
        ({"target_modules": "("}, "not a valid regular expression"),
        ({"target_modules": [3]}, "target_modules must be"),
        ({"target_modules": "all-linear", "layers_to_transform": [0]}, "layers_to_transform needs"),
        ({"rank_pattern": {"q_proj[": 4}}, "not a valid regular expression"),
        ({"rank_pattern": {"q_proj": 0}}, "rank_pattern"),
        ({"alpha_pattern": ["q_proj"]}, "alpha_pattern must be an object"),
        ({"r": 0}, "r must be"),
        ({"r": True}, "r must be"),
        ({"lora_alpha": "16"}, "lora_alpha must be a number from"),
        ({"lora_alpha": float("nan")}, "lora_alpha must be a number from"),
        ({"use_rslora": "yes"}, "use_rslora must be true or false"),
        ({"quantum_lora": {"spin": 1}}, "sets quantum_lora"),
    ],
    ids=lambda value: str(value)[:48],
)
def test_configurations(read, adapter, changes, reason):
    configure(adapter, **changes)
    refused(read, adapter, re.escape(reason) if "(" in reason else reason)


def test_unknown_keys_at_rest_are_accepted(read, adapter):
    """A newer PEFT writes keys that this reader does not know; switched off they say nothing."""
    configure(adapter, quantum_lora=None, spin_glass=False, orbitals={})
    assert read(adapter).rank == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"use_dora": True},
        {"modules_to_save": ["embed_tokens"]},
        {"target_modules": ["q_proj", "lm_head"]},
        {"target_modules": ["q_proj", "embed_tokens"]},
        {"bias": "all"},
        {"lora_bias": True},
        {"trainable_token_indices": {"embed_tokens": [5, 6]}},
        {"init_lora_weights": "pissa"},
        {"init_lora_weights": "olora"},
        {"target_modules": [], "target_parameters": ["self_attn.q_proj.weight"]},
        {"alora_invocation_tokens": [4, 5]},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_adapters_that_peft_makes(read, base, tmp_path, settings):
    settings = {"target_modules": ["q_proj"], "task_type": "CAUSAL_LM", **settings}
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(r=2, **settings))
    model.save_pretrained(tmp_path, save_embedding_layers=False)
    refused(read, tmp_path, "which is not served|initialised with")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"r": 5}, "lora_A of .*q_proj has shape .* the configured rank 5"),
        ({"rank_pattern": {"down_proj": 8}}, "lora_A of .*down_proj has shape"),
        ({"target_modules": ["q_proj"]}, "for a module that its configuration does not adapt"),
        (
            {"target_modules": ["q_proj", "down_proj", "up_proj"]},
            "adapts .*up_proj, but the file has no lora_A",
        ),
        ({"layers_to_transform": [0]}, "for a module that its configuration does not adapt"),
        ({"exclude_modules": ["q_proj"]}, "for a module that its configuration does not adapt"),
    ],
    ids=str,
)
def test_configuration_and_tensors_that_disagree(read, adapter, changes, reason):
    configure(adapter, **changes)
    refused(read, adapter, reason)


def put(name, tensor):
    return lambda tensors: tensors.__setitem__(f"{PREFIX}.{name}", tensor)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put("0.self_attn.q_proj.lora_A.weight", torch.ones(4, 47)), "lora_A of .*q_proj has shape"),
        (put("0.self_attn.q_proj.lora_B.weight", torch.ones(48, 3)), "lora_B of .*q_proj has shape"),
        (put("0.self_attn.q_proj.lora_A.weight", torch.full((4, 48), torch.nan)), "not finite"),
        (put("0.self_attn.q_proj.lora_B.weight", torch.full((48, 4), torch.inf)), "not finite"),
        (put("0.self_attn.q_proj.lora_A.weight", torch.ones(4, 48, dtype=torch.int8)), "is torch.int8"),
        (put("0.self_attn.q_proj.lora_B.bias", torch.ones(48)), "not part of a plain LoRA adapter"),
        (put("0.self_attn.q_proj.lora_magnitude_vector", torch.ones(48)), "DoRA"),
        (put("0.input_layernorm.weight", torch.ones(48)), "not part of a plain LoRA adapter"),
        (put("3.self_attn.q_proj.lora_A.weight", torch.ones(4, 48)), "layer 3, but this base has 3 layers"),
        (put("0.self_attn.r_proj.lora_A.weight", torch.ones(4, 48)), "does not adapt"),
        (
            lambda tensors: tensors.update({"base_model.model.lm_head.lora_A.weight": torch.ones(4, 48)}),
            "embedding or the output head",
        ),
        (lambda tensors: tensors.pop(f"{PREFIX}.1.self_attn.q_proj.lora_B.weight"), "no lora_B"),
        (lambda tensors: tensors.clear(), "no lora_A"),
    ],
)
def test_tensors(read, adapter, change, reason):
    change_tensors(adapter, change)
    refused(read, adapter, reason)


def test_value_that_only_the_computing_dtype_cannot_hold(base, adapter):
    change_tensors(adapter, put("0.self_attn.q_proj.lora_A.weight", torch.full((4, 48), 1e20)))
    assert read_adapter(adapter, read_config(base), torch.float32, torch.device("cpu")).rank == 4
    with pytest.raises(RequestError, match="not finite as float16"):
        read_adapter(adapter, read_config(base), torch.float16, torch.device("cpu"))


def test_adapter_for_a_wider_base(read, tmp_path):
    other = make_base(tmp_path / "base", mistral(hidden_size=96))
    refused(read, make_adapter(other, tmp_path / "adapter"), "has shape .* this base")


@pytest.mark.parametrize("kept", [0, 7, 100, 5000])
def test_truncated_file(read, adapter, kept):
    path = adapter / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    refused(read, adapter, "truncated or not in the safetensors format")


def test_pickle_in_disguise(read, adapter):
    torch.save({"a": torch.ones(1)}, adapter / "adapter_model.safetensors")
    refused(read, adapter, "a pickle by another name")
    (adapter / "adapter_model.safetensors").write_bytes(pickle.dumps({"a": 1}))
    refused(read, adapter, "a pickle by another name")


def test_pickled_weights(read, adapter):
    (adapter / "adapter_model.safetensors").unlink()
    torch.save({}, adapter / "adapter_model.bin")
    refused(read, adapter, "pickled, which can run code")


def test_missing_files(read, adapter, tmp_path):
    refused(read, tmp_path / "nowhere", "adapter_config.json is missing")
    (adapter / "adapter_model.safetensors").unlink()
    refused(read, adapter, "adapter_model.safetensors is missing")


@pytest.mark.parametrize(
    "text", ["{", "[]", '"LORA"', "\udcff", "[" * 100_000], ids=lambda text: repr(text)[:9]
)
def test_config_that_is_no_json_object(read, adapter, text):
    (adapter / "adapter_config.json").write_bytes(text.encode(errors="surrogateescape"))
    refused(read, adapter, "not valid JSON|must hold a JSON object")


def test_size_limits(read, adapter, monkeypatch):
    monkeypatch.setattr(adapter_module, "MAX_ADAPTER_BYTES", 1000)
    refused(read, adapter, "larger than")
    configure(adapter, base_model_name_or_path="x" * (1 << 20))
    refused(read, adapter, "adapter_config.json is larger than 1048576 bytes")


def test_content_hash_follows_what_is_computed(read, adapter, tmp_path):
    original = read(adapter).content_hash
    assert read(shutil.copytree(adapter, tmp_path / "elsewhere")).content_hash == original
    configure(adapter, lora_dropout=0.5, base_model_name_or_path="somewhere/else")
    assert read(adapter).content_hash == original
    configure(adapter, lora_alpha=9)
    assert read(adapter).content_hash != original
    configure(adapter, lora_alpha=8)
    assert read(adapter).content_hash == original
    change_tensors(adapter, lambda tensors: next(iter(tensors.values())).view(-1)[:1].add_(1e-3))
    assert read(adapter).content_hash != original


def test_all_weights_lie_in_one_slab(read, adapter):
    weights = read(adapter).weights
    start, end = weights.slab.data_ptr(), weights.slab.data_ptr() + weights.slab.nbytes
    sites = [factors for layer in weights.factors for factors in layer if factors]
    bs = [target.b for factors in sites for target in factors.targets if target.b is not None]
    views = [factors.a for factors in sites] + bs
    assert len(views) == 3 * 2 * 2
    assert all(start <= view.data_ptr() and view.data_ptr() + view.nbytes <= end for view in views)


@pytest.mark.parametrize(
    "key", ["target_modules", "exclude_modules", "rank_pattern", "alpha_pattern", "layers_pattern"]
)
def test_a_pattern_that_would_take_for_ever_is_refused_soon(read, adapter, key):
    endless = r"(.|.)*[^\w.]"
    values = {"rank_pattern": {endless: 4}, "alpha_pattern": {endless: 8}}
    changes = {key: values.get(key, endless)}
    if key == "layers_pattern":
        changes["layers_to_transform"] = [0]
    configure(adapter, **changes)
    started = time.monotonic()
    refused(read, adapter, "takes too long to match")
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("alpha", [10**400, 1e308, -1e308, float("inf")])
def test_an_alpha_beyond_all_measure_is_refused(read, adapter, alpha):
    configure(adapter, lora_alpha=alpha)
    refused(read, adapter, "lora_alpha must be")


def test_a_scale_that_overflows_the_engines_dtype_is_refused(base, adapter):
    configure(adapter, lora_alpha=1e6)
    model = read_config(base)
    assert read_adapter(adapter, model, torch.float32, torch.device("cpu")).rank == 4
    with pytest.raises(RequestError, match="scale 250000 is not finite as float16"):
        read_adapter(adapter, model, torch.float16, torch.device("cpu"))


def test_a_rank_beyond_all_measure_is_refused_in_a_short_sentence(read, adapter):
    configure(adapter, r=10**400)
    refused(read, adapter, "r must be a whole number from 1 to")


def test_files_that_cannot_be_read_are_named(read, adapter):
    path = adapter / "adapter_model.safetensors"
    path.unlink()
    path.symlink_to(path)  # opening it fails even for an administrator
    with pytest.raises(RequestError) as caught:
        read(adapter)
    assert caught.value.code == "adapter_invalid"

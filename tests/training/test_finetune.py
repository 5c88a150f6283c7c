"""A miniature fine-tuning on the CPU, from a base of random weights to an adapter that the engine serves."""

import json

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from inference import Engine, EngineConfig, GenerationRequest, SamplingParams
from tests.training.tiny import PLAN, card, data
from training.finetune import finetune
from training.schedule import learning_rate_factor
from training.synthetic import samples
from training.tasks import load_tasks


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    directory = tmp_path_factory.mktemp("adapter")
    finetune(PLAN, base, *data(validation=200), directory, "cpu")
    return directory


def test_pretraining_lowers_the_loss_and_writes_a_checkpoint_that_transformers_loads(base):
    losses = [loss for _, loss in card(base)["loss"]]
    assert losses[-1] < losses[0] - 0.2
    model = AutoModelForCausalLM.from_pretrained(base)
    assert model.config.model_type == "mistral"
    assert sum(p.numel() for p in model.parameters()) == card(base)["parameters"]
    weights = load_file(base / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}


def test_finetuning_lowers_the_loss_on_completions(adapter):
    losses = [loss for _, loss in card(adapter)["loss"]]
    assert losses[-1] < 0.7 * losses[0]
    assert card(adapter)["validation"]["exact"] > 0.25  # the form of the answer, if not its sense


def test_the_card_says_how_the_adapter_was_made(adapter):
    written = card(adapter)
    assert written["plan"]["rank"] == 4
    assert written["plan"]["seed"] == 1
    assert written["data"]["samples"] == 200
    assert len(written["data"]["sha256"]) == 64
    assert written["device"] == "cpu"
    assert written["quantization"] == "none"
    assert written["peak_memory_bytes"] > 50e6
    assert written["cost"] is None
    assert 0 <= written["validation"]["exact"] <= 1


def test_the_adapter_is_in_pefts_own_format_and_small(adapter):
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert config["r"] == 4
    assert sorted(config["target_modules"]) == ["down_proj", "q_proj", "v_proj"]
    weights = load_file(adapter / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}
    assert any(tensor.abs().max() > 0 for name, tensor in weights.items() if "lora_B" in name)
    assert {path.name for path in adapter.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "training_card.json",
    }


def test_peft_and_the_engine_answer_alike_with_the_adapter(base, adapter):
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter
    ).eval()
    prompts = [load_tasks()["glue_sst2"].render(each.variables) for each in samples("glue_sst2", "test", 4)]
    with Engine(EngineConfig(model=base)) as engine:
        engine.load_adapter("glue_sst2", adapter)
        outputs = engine.generate(
            GenerationRequest(
                prompt=prompt, adapter="glue_sst2", sampling=SamplingParams(temperature=0, max_tokens=4)
            )
            for prompt in prompts
        )
    for prompt, output in zip(prompts, outputs, strict=True):
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        assert output.prompt_token_ids == tuple(ids[0].tolist())
        expected = model.generate(input_ids=ids, max_new_tokens=4, do_sample=False)[
            0, ids.shape[1] :
        ].tolist()
        assert list(output.token_ids) == expected[: len(output.token_ids)]


def test_the_learning_rate_rises_then_falls_to_nothing():
    rates = [learning_rate_factor(step, 100, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001

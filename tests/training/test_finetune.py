"""A miniature fine-tuning on the CPU, from a base of random weights to an adapter that the engine serves."""

import json

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from inference import Engine, EngineConfig, GenerationRequest, SamplingParams
from training.finetune import AdapterPlan, finetune
from training.pretrain import BasePlan, pretrain
from training.schedule import learning_rate_factor
from training.synthetic import samples
from training.tasks import load_tasks

TINY = BasePlan(
    vocab_size=384,
    hidden=32,
    intermediate=48,
    layers=2,
    heads=4,
    kv_heads=2,
    context=256,
    tokenizer_documents=300,
    corpus_tokens=40_000,
    steps=60,
    batch=4,
    learning_rate=1e-2,
)
PLAN = AdapterPlan(
    "glue_sst2", rank=4, targets=("q_proj", "v_proj", "down_proj"), learning_rate=3e-2, steps=40, batch=16
)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    directory = tmp_path_factory.mktemp("base")
    pretrain(TINY, directory, "cpu")
    return directory


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    directory = tmp_path_factory.mktemp("adapter")
    train, validation = (list(samples("glue_sst2", split, 200)) for split in ("train", "validation"))
    finetune(PLAN, base, train, validation, directory, "cpu")
    return directory


def card(directory):
    return json.loads((directory / "training_card.json").read_text())


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

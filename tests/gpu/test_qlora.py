"""QLoRA itself: 4-bit weights, a paged 8-bit optimizer and gradient checkpointing, on a CUDA device."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.errors import TrainingStopped
from training.evaluate import evaluate, table
from training.finetune import finetune
from training.plan import read_plan
from training.synthetic import samples

DEMO = Path(__file__).parents[2] / "demo"
TASK = "glue_sst2"

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
# The paper's configuration, but for the learning rate and the number of steps that so small a base wants.
PLAN = replace(
    read_plan("paper", TASK),
    learning_rate=4e-3,
    steps=60,
    batch=4,
    accumulation=4,
    validate_every=20,
    validation_samples=100,
    checkpoint_every=10,
)


@pytest.fixture(autouse=True)
def bitsandbytes():
    return pytest.importorskip("bitsandbytes")


def data():
    return [list(samples(TASK, split, count)) for split, count in (("train", 2000), ("validation", 100))]


def test_four_bit_training_lowers_the_loss_and_the_adapter_serves(tmp_path):
    result = finetune(PLAN, DEMO / "base", *data(), tmp_path, "cuda", price_per_hour=3.0)
    losses = [loss for _, loss in result.card["loss"]]
    assert losses[-1] < 0.3 * losses[0]
    assert result.card["quantization"] == "nf4"
    assert result.card["device"] == torch.cuda.get_device_name()
    assert 0 < result.card["peak_memory_bytes"] < 4e9
    assert json.loads((tmp_path / "adapter_config.json").read_text())["r"] == 8
    scored = {TASK: list(samples(TASK, "test", 50))}
    (each,) = evaluate(DEMO / "base", {TASK: tmp_path}, scored, device="cuda")
    assert each.lift > 0.5, table([each])


def test_a_stopped_four_bit_training_goes_on_with_its_optimizer_states(tmp_path):
    whole = finetune(PLAN, DEMO / "base", *data(), tmp_path / "whole", "cuda")
    asked = []

    def stop():
        asked.append(True)
        return len(asked) == 30

    with pytest.raises(TrainingStopped):
        finetune(PLAN, DEMO / "base", *data(), tmp_path / "half", "cuda", should_stop=stop)
    half = finetune(PLAN, DEMO / "base", *data(), tmp_path / "half", "cuda")
    assert half.card["resumed"] == 1
    assert half.card["steps"] == whole.card["steps"] == 60
    # A GPU adds up in no fixed order: as good, not the same bits.
    assert half.validation.loss == pytest.approx(whole.validation.loss, abs=0.05)

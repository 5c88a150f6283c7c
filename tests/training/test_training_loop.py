"""What a fine-tuning does on the way: batches, early stopping, progress, and what it refuses."""

import io
import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from transformers import GPT2Config

from tests.training.tiny import PLAN, card, data
from training.base_model import check_architecture
from training.base_source import BaseSource
from training.errors import TrainingError
from training.finetune import finetune
from training.plan import read_plan
from training.progress import Progress, ProgressBar, Validation
from training.synthetic import Sample
from training.tasks import free_task

SHORT = replace(PLAN, steps=6)
FINE = {"sentence": "fine"}


def test_accumulated_batches_are_one_large_batch(base, tmp_path):
    """Also when completions differ in length: every token weighs the same."""
    plan = replace(PLAN, steps=4)
    train, validation = data(train=60, validation=10)
    train = [
        Sample(each.variables, " ".join([each.completion] * (1 + number % 5)))
        for number, each in enumerate(train)
    ]
    for name, batch, accumulation in (("whole", 16, 1), ("parts", 4, 4)):
        finetune(
            replace(plan, batch=batch, accumulation=accumulation),
            base,
            train,
            validation,
            tmp_path / name,
            "cpu",
        )
    whole, parts = card(tmp_path / "whole")["loss"], card(tmp_path / "parts")["loss"]
    assert [step for step, _ in whole] == [1, 2, 3, 4]
    assert [loss for _, loss in parts] == pytest.approx([loss for _, loss in whole], abs=2e-4)


def test_the_papers_configuration_runs_on_a_cpu_without_its_four_bits(base, tmp_path):
    plan = read_plan("paper", "glue_sst2", steps=3, validate_every=1)
    assert (plan.quantization, plan.optimizer, plan.gradient_checkpointing) == (
        "nf4",
        "paged_adamw_8bit",
        True,
    )
    result = finetune(plan, base, *data(train=80), tmp_path, "cpu", price_per_hour=3.6)
    assert result.card["plan"]["quantization"] == "nf4"
    assert result.card["quantization"] == "none"
    assert result.card["cost"] == pytest.approx(result.card["seconds"] / 1000, abs=1e-3)
    # The 95th percentile of the data's own lengths, and five in a hundred cut to it.
    assert result.card["data"]["limit_tokens"] < 256
    assert 1 <= result.card["data"]["cut"] <= 4
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], sorted(config["target_modules"])) == (
        8,
        16,
        ["q_proj", "v_proj"],
    )


def test_training_stops_early_and_keeps_the_best_weights(base, tmp_path):
    """Validation labels that contradict the training labels: from the first round on it only gets worse."""
    train, validation = data()
    turned = [Sample(each.variables, {"0": "1", "1": "0"}[each.completion]) for each in validation]
    plan = replace(PLAN, steps=200, validate_every=5, patience=2)
    result = finetune(plan, base, train, turned, tmp_path, "cpu")
    losses = {step: loss for step, loss, _ in result.card["validations"]}
    best = min(losses, key=losses.get)
    assert result.card["stopped_early"]
    assert result.card["best_step"] == best
    assert result.card["steps"] == best + 10 < 200
    assert result.validation.loss == pytest.approx(losses[best], rel=0.05)  # but for storing in bfloat16


def test_progress_names_every_phase_and_counts_to_the_end(base, tmp_path):
    seen: list[Progress] = []
    plan = replace(SHORT, validate_every=3)
    finetune(plan, base, *data(), tmp_path, "cpu", on_progress=seen.append)
    phases = list(dict.fromkeys(each.phase for each in seen))
    assert phases == ["preparing", "training", "validating", "saving", "done"]
    steps = [each.step for each in seen]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1], {each.steps for each in seen}) == (0, 6, {6})
    last = [each for each in seen if each.phase == "training"][-1]
    assert last.loss > 0
    assert last.seconds_left == 0
    assert isinstance(last.validation, Validation)
    assert seen[-1].validation == Validation(
        card(tmp_path)["validation"]["loss"], card(tmp_path)["validation"]["exact"]
    )


def test_progress_is_told_in_lines_where_there_is_no_terminal():
    stream = io.StringIO()
    bar = ProgressBar("glue_sst2", stream)
    bar(Progress("training", 3, 40, loss=0.5, seconds_left=12.4))
    bar(Progress("training", 4, 40, loss=0.4, seconds_left=12.0))  # within the same ten seconds
    bar(Progress("done", 40, 40, validation=Validation(0.1, 1.0)))
    assert stream.getvalue().splitlines() == [
        "glue_sst2: training, step 3/40, loss 0.5000, 12 s left",
        "glue_sst2: done, step 40/40, validation 0.1000",
    ]


def test_a_terminal_gets_a_bar_with_loss_and_time_left():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    bar = ProgressBar("glue_sst2", stream)
    bar(Progress("training", 10, 40, loss=0.5, validation=Validation(0.25, 0.9), seconds_left=12.4))
    bar(Progress("done", 40, 40))
    shown = stream.getvalue()
    assert "glue_sst2 training:  25%" in shown
    assert "loss=0.5000, validation=0.2500" in shown
    assert "40/40" in shown


def test_a_task_of_ones_own_is_trained_on_free_prompts(base, tmp_path):
    train = [Sample({"prompt": f"Ticket {number}: it broke."}, "bug") for number in range(30)]
    result = finetune(
        replace(SHORT, task="tickets", steps=30),
        base,
        train,
        train[:5],
        tmp_path,
        "cpu",
        task=free_task("tickets"),
    )
    losses = [loss for _, loss in result.card["loss"]]
    assert losses[-1] < 0.8 * losses[0]
    assert load_file(tmp_path / "adapter_model.safetensors")


def test_a_sample_that_does_not_fit_is_left_out_and_named(base, tmp_path):
    train, validation = data(train=10)
    train[3:5] = [Sample(FINE, "1" * 4000, line=17), Sample({"sentence": "dull"}, "0" * 4000)]
    result = finetune(SHORT, base, train, validation, tmp_path, "cpu")
    assert result.card["data"]["samples"] == 8
    assert result.card["data"]["left_out"] == ["line 17 of the training data", "training sample 5"]


@pytest.mark.parametrize(
    ("plan", "change", "message"),
    [
        (SHORT, {"train": []}, "There are no training samples for glue_sst2"),
        (SHORT, {"validation": []}, "There are no validation samples"),
        (
            SHORT,
            {"train": [Sample(FINE, " ")]},
            "Training sample 1 of glue_sst2 has an empty",
        ),
        (
            SHORT,
            {"train": [Sample(FINE, "1" * 4000)]},
            "None of the 1 training samples .* fits 256",
        ),
        (replace(SHORT, targets=("query",)), {}, "No adapter fits .*query.*Name modules of the base"),
        (replace(SHORT, task="sst3"), {}, "There is no task sst3; there are .*glue_sst2"),
    ],
    ids=["no data", "no validation", "empty", "too long", "targets", "task"],
)
def test_what_cannot_be_trained_is_refused_with_the_remedy(base, tmp_path, plan, change, message):
    train, validation = data()
    given = {"train": train, "validation": validation, **change}
    with pytest.raises(TrainingError, match=message):
        finetune(plan, base, given["train"], given["validation"], tmp_path, "cpu")
    assert not (tmp_path / "adapter_config.json").exists()


def test_a_base_that_is_not_there_or_not_served_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"There is no directory .*nowhere"):
        finetune(SHORT, tmp_path / "nowhere", *data(), tmp_path / "out", "cpu")
    with pytest.raises(TrainingError, match=r"There is no model in .*config\.json is missing"):
        finetune(SHORT, tmp_path, *data(), tmp_path / "out", "cpu")
    GPT2Config(architectures=["GPT2LMHeadModel"], n_layer=1, n_head=2, n_embd=16).save_pretrained(tmp_path)
    with pytest.raises(TrainingError, match=r"architecture GPT2LMHeadModel .* does not serve.*--unserved"):
        finetune(SHORT, tmp_path, *data(), tmp_path / "out", "cpu")


def test_a_base_that_need_not_be_served_reads_no_more_than_its_context_either(base, tmp_path):
    _, validation = data()
    with pytest.raises(TrainingError, match=r"None of the 1 training samples .* fits 256"):
        finetune(SHORT, base, [Sample(FINE, "1" * 4000)], validation, tmp_path, "cpu", unserved=True)
    GPT2Config(architectures=["GPT2LMHeadModel"], n_positions=64).save_pretrained(tmp_path)
    assert check_architecture(BaseSource.of(tmp_path), unserved=True) == 64


def test_weights_in_a_pickle_are_not_loaded(base, tmp_path):
    pickled = tmp_path / "pickled"
    shutil.copytree(base, pickled)
    torch.save(load_file(pickled / "model.safetensors"), pickled / "pytorch_model.bin")
    (pickled / "model.safetensors").unlink()
    with pytest.raises(TrainingError, match=r"The base .*pickled cannot be loaded: .*model\.safetensors"):
        finetune(SHORT, pickled, *data(), tmp_path / "out", "cpu")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rnak = 8", "sets rnak, which is not one of rank"),
        ("rank = 0", "rank must be at least 1"),
        ('rank = "eight"', "a value of the wrong kind"),
        ("patience = 3", "patience needs validate_every"),
        ('quantization = "int8"', 'quantization must be "none" or "nf4"'),
        ("rank = ", "is not a TOML file"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(tmp_path, text, message):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(TrainingError, match=message):
        read_plan(file, "glue_sst2")


def test_overrides_win_over_the_configuration_and_none_is_no_override():
    plan = read_plan("miniature", "viggo", rank=2, steps=None)
    assert (plan.task, plan.rank) == ("viggo", 2)
    assert plan.steps == read_plan("miniature", "viggo").steps
    with pytest.raises(TrainingError, match=r"no configuration papr; give .* or one of miniature, paper"):
        read_plan("papr", "viggo")

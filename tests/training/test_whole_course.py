"""One adapter of the miniature world from its first step to its score: the loss falls, a kill costs time
alone, the score rises."""

import signal
from pathlib import Path

from tests.training.tiny import card, checkpoint, data, in_a_process, train_and_be_killed
from training.evaluate import evaluate, table
from training.finetune import finetune
from training.plan import read_plan
from training.synthetic import samples

DEMO = Path(__file__).parents[2] / "demo"
SIZES = (600, 40)


def test_an_adapter_is_trained_killed_resumed_served_and_scored(tmp_path):
    out, task = tmp_path / "glue_sst2", "glue_sst2"
    plan = read_plan("miniature", task, steps=36, batch=8, checkpoint_every=6, validate_every=12, patience=0)
    code = in_a_process(train_and_be_killed, plan, DEMO / "base", out, 20, SIZES)
    assert code == -signal.SIGKILL
    assert checkpoint(out).exists()
    assert not (out / "adapter_model.safetensors").exists()

    seen = []
    finetune(plan, DEMO / "base", *data(task, *SIZES), out, "cpu", on_progress=seen.append)
    assert next(each.step for each in seen if each.phase == "training") == 18
    written = card(out)
    losses = [loss for _, loss in written["loss"]]
    assert [step for step, _ in written["loss"]] == list(range(1, 37))  # the curve of both halves
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    assert (written["steps"], written["resumed"]) == (36, 1)

    (each,) = evaluate(DEMO / "base", {task: out}, {task: list(samples(task, "test", 24))})
    assert each.lift >= 0.3, table([each])
    assert each.scores["adapter"]["strict"].mean > each.scores["base"]["strict"].mean

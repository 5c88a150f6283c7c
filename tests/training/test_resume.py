"""A fine-tuning that is killed, stopped or runs out of disk goes on where it was, with the same result."""

import signal
from dataclasses import replace

import pytest
import torch

from tests.training.tiny import (
    PLAN,
    card,
    checkpoint,
    data,
    in_a_process,
    train_and_be_killed,
    train_on_a_small_disk,
    weights,
)
from training.errors import TrainingError, TrainingStopped
from training.finetune import finetune

# Dropout draws from the random state, which therefore must be restored too.
RESUMED = replace(PLAN, steps=24, dropout=0.1, checkpoint_every=5, validate_every=6, accumulation=2, batch=4)


@pytest.fixture(scope="module")
def uninterrupted(base, tmp_path_factory):
    directory = tmp_path_factory.mktemp("uninterrupted")
    finetune(RESUMED, base, *data(), directory, "cpu")
    return directory


def test_a_killed_training_ends_with_the_same_weights_bit_for_bit(base, uninterrupted, tmp_path):
    out = tmp_path / "adapter"
    code = in_a_process(train_and_be_killed, RESUMED, base, out, 13, (200, 60))
    assert code == -signal.SIGKILL
    assert checkpoint(out).exists()
    assert not (out / "adapter_config.json").exists()

    finetune(RESUMED, base, *data(), out, "cpu")
    assert weights(out) == weights(uninterrupted)
    assert card(out)["loss"] == card(uninterrupted)["loss"]
    assert card(out)["validations"] == card(uninterrupted)["validations"]
    assert (card(out)["resumed"], card(uninterrupted)["resumed"]) == (1, 0)
    assert not checkpoint(out).parent.exists()


def test_a_stopped_training_says_where_and_goes_on(base, uninterrupted, tmp_path):
    asked = []

    def stop():
        asked.append(True)
        return len(asked) == 8

    with pytest.raises(TrainingStopped, match="Stopped after step 8 of 24") as stopped:
        finetune(RESUMED, base, *data(), tmp_path, "cpu", should_stop=stop)
    assert stopped.value.step == 8
    seen = []
    finetune(RESUMED, base, *data(), tmp_path, "cpu", on_progress=seen.append)
    assert next(each.step for each in seen if each.phase == "training") == 8
    assert weights(tmp_path) == weights(uninterrupted)


def test_a_checkpoint_of_another_training_is_refused_and_kept(base, tmp_path):
    with pytest.raises(TrainingStopped):
        finetune(RESUMED, base, *data(), tmp_path, "cpu", should_stop=lambda: True)
    before = checkpoint(tmp_path).read_bytes()
    other = replace(RESUMED, learning_rate=1e-3)
    with pytest.raises(TrainingError, match=r"its learning_rate was 0\.03, now it is 0\.001"):
        finetune(other, base, *data(), tmp_path, "cpu")
    with pytest.raises(TrainingError, match="its training data was"):
        finetune(RESUMED, base, *data(train=199), tmp_path, "cpu")
    assert checkpoint(tmp_path).read_bytes() == before


def test_a_checkpoint_may_be_written_more_or_less_often_than_before(base, uninterrupted, tmp_path):
    with pytest.raises(TrainingStopped):
        finetune(RESUMED, base, *data(), tmp_path, "cpu", should_stop=lambda: True)
    finetune(replace(RESUMED, checkpoint_every=0), base, *data(), tmp_path, "cpu")
    assert weights(tmp_path) == weights(uninterrupted)


def test_a_checkpoint_that_is_no_checkpoint_is_named(base, tmp_path):
    checkpoint(tmp_path).parent.mkdir()
    checkpoint(tmp_path).write_bytes(b"half a file")
    with pytest.raises(TrainingError, match=r"state\.pt cannot be read .* Delete .*checkpoint"):
        finetune(RESUMED, base, *data(), tmp_path, "cpu")


def test_on_a_full_disk_what_was_written_before_stays_whole(base, tmp_path):
    half, old, said = tmp_path / "half", tmp_path / "old", tmp_path / "said.txt"
    plan = replace(RESUMED, validate_every=0)
    with pytest.raises(TrainingStopped):
        finetune(plan, base, *data(), half, "cpu", should_stop=lambda: True)
    finetune(replace(PLAN, steps=2), base, *data(), old, "cpu")
    before = weights(old), card(old)
    size = checkpoint(half).stat().st_size // 2
    in_a_process(train_on_a_small_disk, base, [(plan, half, size), (replace(PLAN, steps=3), old, 2000)], said)

    checkpointing, saving = said.read_text().splitlines()
    assert "The checkpoint of step 5 could not be written to" in checkpointing
    assert "The one before it is kept; make room and start the same training again." in checkpointing
    assert [path.name for path in checkpoint(half).parent.iterdir()] == ["state.pt"]
    assert torch.load(checkpoint(half), weights_only=True)["state"]["step"] == 1
    finetune(plan, base, *data(), half, "cpu")
    assert card(half)["steps"] == 24

    assert f"The adapter could not be written to {old}" in saving
    assert (weights(old), card(old)) == before

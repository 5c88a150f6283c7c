"""What can go wrong in a training that a person can do something about."""

from __future__ import annotations


class TrainingError(ValueError):
    """A fine-tuning or an evaluation that cannot go on. The message is a sentence with the remedy."""


class DatasetError(TrainingError):
    """A file of examples that cannot be used at all. The message names the file, the line and the remedy."""


class TrainingStopped(TrainingError):
    """Stopped by `should_stop`. What was done is in the checkpoint: the same call goes on from there."""

    def __init__(self, message: str, step: int):
        super().__init__(message)
        self.step = step

"""The tasks of LoRA Land (arXiv 2405.00732): one TOML file each in `data/`, read by `load_tasks`."""

from training.tasks.free import free_task
from training.tasks.source import DataSource, Shot
from training.tasks.task import Example, Field, PaperScores, Task, load_tasks

__all__ = ["DataSource", "Example", "Field", "PaperScores", "Shot", "Task", "free_task", "load_tasks"]

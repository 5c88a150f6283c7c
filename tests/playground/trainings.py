"""Files to train from, and users who do."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from playground.finetuning import services
from playground.finetuning.models import TrainingJob
from tests.playground.moods import rows


def csv_file(extra: bytes = b"", count: int = 40, name: str = "moods.csv") -> SimpleUploadedFile:
    lines = "".join(f'"{prompt}",{completion}\n' for prompt, completion in rows(count))
    return SimpleUploadedFile(name, b"prompt,completion\n" + lines.encode() + extra, "text/csv")


def user(name: str, **fields) -> User:
    return User.objects.create_user(name, password="a long password", **fields)


def checked_job(owner: User, **options) -> TrainingJob:
    return services.check_upload(owner, csv_file(**options))

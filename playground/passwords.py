"""The first administrator of a demo: made once, with a random password that its owner can look up again."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model

USERNAME = "admin"


def password_file() -> Path:
    return Path(settings.DATA_DIR) / "admin-password"


def ensure_admin() -> str | None:
    """Makes the administrator on the first call and returns the password; None when there is one already."""
    if get_user_model().objects.filter(username=USERNAME).exists():
        return None
    return set_admin_password()


def set_admin_password() -> str:
    """Gives the administrator a new random password, kept in a file that only this system user can read."""
    password = secrets.token_urlsafe(15)
    user, _ = get_user_model().objects.get_or_create(
        username=USERNAME, defaults={"is_staff": True, "is_superuser": True}
    )
    user.set_password(password)
    user.save()
    file = password_file()
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(password + "\n")
    return password


def stored_password() -> str | None:
    """The password that was set last by this module, if it still is the administrator's."""
    try:
        password = password_file().read_text().strip()
    except FileNotFoundError:
        return None
    user = get_user_model().objects.filter(username=USERNAME).first()
    return password if user is not None and user.check_password(password) else None

"""Typed environment variables. A value that cannot be read stops the start with a sentence naming it."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str) -> str:
    return os.environ.get(name, "").strip() or default


def boolean(name: str, default: bool) -> bool:
    value = text(name, "").lower()
    if not value:
        return default
    if value in TRUE or value in FALSE:
        return value in TRUE
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def integer(name: str, default: int | None, *, least: int, most: int) -> int | None:
    value = text(name, "")
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if not least <= number <= most:
        raise ImproperlyConfigured(f"{name} must be from {least} to {most}, not {number}.")
    return number


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value


def words(name: str) -> list[str]:
    """A comma-separated list, empty parts left out."""
    return [part.strip() for part in text(name, "").split(",") if part.strip()]


def origins(name: str) -> list[str]:
    """Full origins such as `https://example.org` or `http://10.0.0.5:8000`."""
    values = words(name)
    for value in values:
        scheme, separator, host = value.partition("://")
        if scheme not in ("http", "https") or not separator or not host or "/" in host or "*" in host:
            raise ImproperlyConfigured(
                f"{name} must list full origins such as https://example.org, not {value!r}."
            )
    return values


def directory(name: str, default: Path) -> Path:
    return Path(text(name, str(default))).expanduser().resolve()


def secret(name: str, file: Path) -> str:
    """The variable's value or, without one, a random secret made on first use and kept in `file`."""
    value = text(name, "")
    if value:
        return value
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        pass
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(secrets.token_urlsafe(64))
    # A link appears whole or not at all; of processes starting together the first one's secret counts.
    with contextlib.suppress(FileExistsError):
        os.link(draft, file)
    os.unlink(draft)
    return file.read_text().strip()

"""Who is asking: a random name kept in the session, and the signed-in user if there is one.

The name, unlike the session key, survives signing in and is worth nothing to whoever reads the database.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from channels.auth import get_user
from django.conf import settings
from django.http import HttpRequest

SESSION_KEY = "visitor"


@dataclass(frozen=True, slots=True)
class Visitor:
    name: str
    user_id: int | None = None


def remember_visitor(request: HttpRequest) -> None:
    """Gives this browser a name, so that the socket its page opens can own runs."""
    if SESSION_KEY not in request.session:
        request.session[SESSION_KEY] = uuid.uuid4().hex


async def visitor_of(scope: dict[str, Any]) -> Visitor | None:
    """The visitor behind an open socket, read afresh: a session that has ended since gives None."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    session = store(scope["cookies"].get(settings.SESSION_COOKIE_NAME))
    name = await session.aget(SESSION_KEY)
    if not isinstance(name, str):
        return None
    user = await get_user({"session": session})
    return Visitor(name, user.pk if user.is_authenticated else None)

"""Who may open a WebSocket: exact origins, known paths."""

from __future__ import annotations

from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import validate_host

DEFAULT_PORTS = {"http": 80, "https": 443}


def _origin(value: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an origin, or None when it is not one."""
    try:
        parts = urlsplit(value)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or port is None:
        return None
    return parts.scheme, parts.hostname.lower(), port


class SameOriginOnly:
    """Refuses (403) a handshake whose Origin is not exactly this site's own, or one of `LORALAND_ORIGINS`.

    Browsers send cookies with cross-site WebSocket handshakes and no preflight, so the Origin is all that
    keeps another site's page from acting as the visitor. Scheme, host and port must all agree.
    """

    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        application = self.application if self.allows(scope) else WebsocketDenier()
        return await application(scope, receive, send)

    @staticmethod
    def allows(scope) -> bool:
        headers = {name.lower(): value.decode("latin1") for name, value in scope.get("headers", [])}
        origin = _origin(headers.get(b"origin", ""))
        if origin is None:
            return False
        if origin in {_origin(trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS}:
            return True
        scheme = "https" if scope.get("scheme") in ("wss", "https") or _proxied_tls(headers) else "http"
        own = _origin(f"{scheme}://{headers.get(b'host', '')}")
        return own == origin and validate_host(bracketed(own[1]), settings.ALLOWED_HOSTS)


def _proxied_tls(headers: dict[bytes, str]) -> bool:
    """Whether a proxy that we trust says that the visitor came over TLS."""
    if not settings.SECURE_PROXY_SSL_HEADER:
        return False
    name, secure = settings.SECURE_PROXY_SSL_HEADER
    return headers.get(name.removeprefix("HTTP_").replace("_", "-").lower().encode()) == secure


def bracketed(host: str) -> str:
    """`validate_host` knows IPv6 addresses in brackets, `urlsplit` gives them without."""
    return f"[{host}]" if ":" in host else host


class KnownPathOnly:
    """Refuses a handshake to a path nobody serves, instead of failing with a traceback."""

    def __init__(self, application, paths: set[str]):
        self.application = application
        self.paths = paths

    async def __call__(self, scope, receive, send):
        application = self.application if scope["path"] in self.paths else WebsocketDenier()
        return await application(scope, receive, send)

"""The ASGI application: pages and API, the playground's WebSocket, and the engine's life beside them."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loraland_site.settings")
http = get_asgi_application()  # sets Django up, so it comes before the imports below

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402
from django.urls import path  # noqa: E402

from playground.consumers import PlaygroundConsumer  # noqa: E402
from playground.lifespan import Lifespan  # noqa: E402
from playground.sockets import KnownPathOnly, SameOriginOnly  # noqa: E402

sockets = URLRouter([path("ws/playground/", PlaygroundConsumer.as_asgi())])

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": SameOriginOnly(KnownPathOnly(CookieMiddleware(sockets), paths={"/ws/playground/"})),
        "lifespan": Lifespan(),
    }
)

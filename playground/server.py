"""The web server process: uvicorn with the limits this site needs."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable

import uvicorn

from playground.protocol import MAX_FRAME_BYTES

APPLICATION = "loraland_site.asgi:application"
GRACEFUL_SECONDS = 5


class PortError(Exception):
    """The address cannot be listened on; the message says what to do."""


class Server(uvicorn.Server):
    """uvicorn that calls `announce` once its socket answers."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]):
        super().__init__(config)
        self.announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.announce()


def build_server(host: str, port: int, announce: Callable[[], None] = lambda: None) -> Server:
    return Server(
        uvicorn.Config(
            APPLICATION,
            host=host,
            port=port,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            # The reader of a token stream is slow and many: no compression state per socket, no large frames.
            ws_max_size=MAX_FRAME_BYTES,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        ),
        announce,
    )


def check_port(host: str, port: int) -> None:
    """Raises `PortError` when nothing can listen on the address."""
    if not 0 <= port <= 65535:
        raise PortError(f"{port} is not a port; choose one from 1 to 65535 with PORT=...")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        match error.errno:
            case errno.EADDRINUSE:
                sentence = (
                    f"Port {port} is busy. Stop what uses it, or choose another: make demo PORT={port + 1}"
                )
            case errno.EACCES:
                sentence = f"Port {port} needs more rights. Choose one above 1023: make demo PORT=8000"
            case _:
                sentence = f"{host} is no address of this machine ({error}). Try: make demo HOST=127.0.0.1"
        raise PortError(sentence) from None


def own_hosts(host: str) -> list[str]:
    """The names under which a site listening on `host` is reached: for a wildcard, all of this machine's."""
    if host not in ("0.0.0.0", "::", ""):  # noqa: S104  compared with, not listened on
        return [f"[{host}]" if ":" in host else host]
    name = socket.gethostname().lower()
    found = {name, f"{name}.local"}
    with contextlib.suppress(OSError):  # a machine that does not know its own name still has an address
        found |= {info[4][0] for info in socket.getaddrinfo(name, None)}
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            # Connecting a datagram socket sends nothing; it only asks which of our addresses faces outwards.
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far, 9))
                found.add(probe.getsockname()[0])
        except OSError:
            continue
    return sorted(f"[{each.partition('%')[0]}]" if ":" in each else each for each in found)

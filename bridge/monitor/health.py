"""Which parts work at this moment, and the small web server that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.monitor.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Part:
    """The state of one part."""

    ok: bool
    detail: str = ""


class Health:
    """The parts by name.

    `needed` are those without which no transaction can be taken; they alone decide about readiness.
    """

    def __init__(self, needed: frozenset[str]) -> None:
        self.parts: dict[str, Part] = dict.fromkeys(sorted(needed), Part(ok=False, detail="starting"))
        self._needed = needed

    def set(self, name: str, ok: bool, detail: str = "") -> None:
        """Say how a part is."""
        self.parts[name] = Part(ok, detail)

    @property
    def ready(self) -> bool:
        """Whether all needed parts work."""
        return all(self.parts[name].ok for name in self._needed)


def application(health: Health, metrics: Metrics, refresh: Callable[[], Awaitable[None]]) -> web.Application:
    """GET /health (the process lives), /ready (200 or 503, with each part) and /metrics (Prometheus).

    Args:
        refresh: brings `health` and `metrics` up to date.
    """

    async def alive(request: web.Request) -> web.Response:
        del request
        return web.json_response({"status": "ok"})

    async def ready(request: web.Request) -> web.Response:
        del request
        await refresh()
        parts = {name: {"ok": part.ok, "detail": part.detail} for name, part in health.parts.items()}
        return web.json_response({"ready": health.ready, "parts": parts}, status=200 if health.ready else 503)

    async def numbers(request: web.Request) -> web.Response:
        del request
        await refresh()
        for name, part in health.parts.items():
            metrics.ready.labels(name).set(part.ok)
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.add_routes([web.get("/health", alive), web.get("/ready", ready), web.get("/metrics", numbers)])
    return app

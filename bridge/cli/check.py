"""`postkamer check`: every problem of config, bots, database, homeserver and registration, each with what to do."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from bridge import log as logs
from bridge.cli.check_bots import check_bots
from bridge.cli.common import migrated
from bridge.cli.report import Report
from bridge.config import registration
from bridge.config.loader import ConfigError, load, warnings
from bridge.config.users import bot_ids
from bridge.errors import PostkamerError
from bridge.matrix.homeserver import Homeserver, HomeserverError, homeserver, problem
from bridge.matrix.inbox import shown_token, token_matches
from bridge.storage.db import open_db
from bridge.storage.trouble import left_over

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Sequence

    from bridge.config.checks import HostPort
    from bridge.config.schema import Config
    from bridge.storage.db import Connection

PING_PAUSES = (0.2, 1.0)  # seconds


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("check", help="find every problem of config, bots, database, homeserver and registration")
    command.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="config.yaml")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look at everything, and say 0 when it is fit to run."""
    logs.configure("error", "text")
    report = Report(print)
    try:
        config = load(args.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    report.good(f"config {args.config}")
    for text in warnings(args.config):
        report.warn(text)
    check_bots(config, report)
    asyncio.run(_look(config, args.config, report))
    print("fit to run" if not report.problems else f"problems: {report.problems}")
    return 1 if report.problems else 0


async def _look(config: Config, path: Path, report: Report) -> None:
    await _database(config, report)
    _registration_file(config, path.parent / "registration.yaml", report)
    async with aiohttp.ClientSession() as session:
        runs = await _runs_already(session, config)
        if runs:
            report.good(f"Postkamer runs on {config.appservice.listen}")
            free = False
        else:
            await _port(config.monitoring.listen, "monitoring.listen", "", report)
            free = await _port(config.appservice.listen, "appservice.listen", " (and the registration)", report)
        await _homeserver(config, homeserver(session, config), report, runs=runs, free=free)


async def _database(config: Config, report: Report) -> None:
    try:
        async with migrated(config) as url, open_db(url, size=1) as db, db.connection() as connection:
            report.good("database")
            await look_for_left_over(connection, bot_ids(config), report)
    except PostkamerError as error:
        report.bad(f"database: {error.message}", error.hint)


async def look_for_left_over(db: Connection, users: Sequence[str], report: Report) -> None:
    """Warn of what a bot user has still to do that is not in the config (any more)."""
    for one in await left_over(db, users):
        report.warn(
            f"{one.who} is not in bots.users, and has left over questions and messages: {one.count}, the newest of "
            f"{one.newest:%Y-%m-%d %H:%M} UTC: put it back, or they are given up a day after they came"
        )


def _registration_file(config: Config, path: Path, report: Report) -> None:
    try:
        installed = registration.read(path)
    except FileNotFoundError:
        report.warn(f"{path} is not here; what the homeserver has installed is compared below as far as it tells")
        return
    except PostkamerError as error:
        report.bad(error.message, error.hint)
        return
    differences = registration.differences(config, installed)
    for text in differences:
        report.bad(f"registration differs from the config: {text}", f"correct {path} and install it again")
    if not differences:
        report.good(f"registration {path}")


async def _runs_already(session: aiohttp.ClientSession, config: Config) -> bool:
    try:
        timeout = aiohttp.ClientTimeout(total=10)
        async with session.get(f"http://{config.monitoring.listen}/ready", timeout=timeout) as response:
            return "inbox" in (await response.json())["parts"]
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError):
        return False


async def _port(listen: HostPort, what: str, also: str, report: Report) -> bool:
    try:
        (await asyncio.start_server(lambda *_: None, listen.host, listen.port)).close()
    except OSError as error:
        hint = f"another program has this port: stop it, or change {what}{also}"
        report.bad(f"{what}: cannot listen on {listen}: {error.strerror}", hint)
        return False
    return True


async def _homeserver(config: Config, server: Homeserver, report: Report, *, runs: bool, free: bool) -> None:
    try:
        await server.versions()
        report.good(f"homeserver {config.homeserver.address}")
        me = await server.whoami()
        expected = f"@{config.appservice.sender_localpart}:{config.homeserver.server_name}"
        if me != expected:
            report.bad(
                f"registration differs from the config: the homeserver calls us {me}, the config says {expected}",
                "make homeserver.server_name and appservice.sender_localpart the same as in the installed registration",
            )
        if runs:
            await _ping(server)
        elif not free:
            return
        else:
            async with _answering(config) as refused:
                await _call_back(server, refused)
    except HomeserverError as error:
        report.bad(*problem(error, config))
    except PostkamerError as error:
        report.bad(error.message, error.hint)
    else:
        report.good("registration installed, and the homeserver reaches us")


async def _ping(server: Homeserver) -> None:
    """Let the homeserver call us; it may first try a connection that it kept from before we were started again."""
    for pause in PING_PAUSES:
        try:
            await server.ping()
        except HomeserverError as error:
            if error.errcode != "M_CONNECTION_FAILED":
                raise
        else:
            return
        await asyncio.sleep(pause)
    await server.ping()


async def _call_back(server: Homeserver, refused: list[str]) -> None:
    try:
        await _ping(server)
    except HomeserverError as error:
        if refused:
            raise HomeserverError(error.status, "M_BAD_STATUS", {"status": 403}) from error
        raise


@asynccontextmanager
async def _answering(config: Config) -> AsyncIterator[list[str]]:
    """Answer the homeserver's ping in place of a Postkamer that does not run; transactions are to be sent again.

    Yields:
        the paths that were refused because of a wrong token.
    """
    refused: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        if not token_matches(shown_token(request), config.appservice.hs_token.reveal()):
            refused.append(request.path)
            return web.json_response({"errcode": "M_FORBIDDEN"}, status=403)
        if request.path.endswith("/ping"):
            return web.json_response({})
        return web.json_response({"errcode": "M_UNKNOWN", "error": "Postkamer does not run"}, status=503)

    listen = config.appservice.listen
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, listen.host, listen.port).start()
        except OSError as error:
            raise PostkamerError(
                f"appservice.listen: cannot listen on {listen}: {error.strerror}",
                "another program has this port: stop it, or change appservice.listen (and the registration)",
            ) from error
        yield refused
    finally:
        await runner.cleanup()

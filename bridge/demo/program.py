"""The demo: a homeserver, Postkamer, and a small company, all on this machine and in one folder."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import shlex
import sys
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

import aiohttp

from bridge.app import application
from bridge.archive.backfill import Backfill
from bridge.archive.coverage import measure
from bridge.cli import init
from bridge.cli.coverage import table
from bridge.config.checks import HostPort
from bridge.config.ids import MatrixId
from bridge.config.loader import load
from bridge.config.registration import dump, registration
from bridge.config.users import bot_ids
from bridge.demo.days import working_days
from bridge.demo.owner import Owner, owner_registration
from bridge.demo.progress import Progress, open_progress
from bridge.demo.replay import Replay, messages, open_lines
from bridge.demo.script import load_company
from bridge.demo.seeding import Seeding
from bridge.demo.synapse import DEFAULT_SERVER_NAME, free_port, local_synapse
from bridge.matrix.admin import AdminHistory
from bridge.storage import inbox
from bridge.storage.claim import claim
from bridge.storage.export import snapshot
from bridge.storage.numbers import numbers

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import App
    from bridge.archive.coverage import Coverage
    from bridge.config.schema import Config
    from bridge.demo.script import Company
    from bridge.demo.synapse import LocalSynapse

CAUGHT_UP_SECONDS = 120.0
POLL_SECONDS = 0.2
_PORTS = {"synapse": 8008, "postkamer": 29350, "webhooks": 29351}
_PROBE = 64 * 1024
_WORKING, _IDLE = "working", "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the demo was called."""

    folder: Path
    seed: int
    messages: Path | None
    leave: bool  # after showing coverage
    command: str  # how `postkamer` is called


async def run(options: Options, stop: asyncio.Event) -> int:
    """The demo until `stop`, or until everything was shown.

    Returns:
        0, or 1 when the archive lacks something at that moment.

    Raises:
        PostkamerError
    """
    if options.messages:
        next(messages(options.messages), None)  # that it is chat is better known before all is started
    async with AsyncExitStack() as up:
        up.enter_context(claim(options.folder, name="demo.lock"))
        progress = up.enter_context(open_progress(options.folder / "progress.jsonl"))
        ports = progress.once("ports", lambda: {name: free_port(wanted) for name, wanted in _PORTS.items()})
        config = _config(options.folder / "postkamer", ports)
        ours = [str(config.appservice.sender_localpart), *(str(user.localpart) for user in config.bots.users)]
        owner_file = options.folder / "owner-registration.yaml"
        as_token = owner_registration(owner_file, DEFAULT_SERVER_NAME, not_ours=ours)
        _say("Starting the homeserver and Postkamer ...")
        registrations = [options.folder / "postkamer" / init.REGISTRATION, owner_file]
        folder = options.folder / "synapse"
        synapse = await up.enter_async_context(
            local_synapse(folder, registrations=registrations, port=ports["synapse"])
        )
        app = await up.enter_async_context(application(config))
        session = await up.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        owner = Owner(session, synapse.url, synapse.server_name, as_token)
        found = await _fill(options, progress, synapse, owner, app)
        print("\n".join(table(found)), flush=True)
        if options.leave:
            return 0 if found.complete else 1
        bot = synapse.user_id(config.bots.users[0].localpart)
        print(welcome(options, synapse, bot=bot, password=progress["password"]), flush=True)
        await stop.wait()
        return 0


def _config(folder: Path, ports: dict[str, int]) -> Config:
    """The settings of Postkamer, made at the first start."""
    path, other = folder / init.CONFIG, folder / init.REGISTRATION
    if not path.exists():
        other.unlink(missing_ok=True)
        rights = {
            f"rights.{role}": tuple(MatrixId.parse(f"@{who}:{DEFAULT_SERVER_NAME}") for who in people)
            for role, people in load_company().rights.items()
        }
        init.write(
            folder,
            {
                "homeserver.address": f"http://127.0.0.1:{ports['synapse']}",
                "homeserver.server_name": DEFAULT_SERVER_NAME,
                "appservice.listen": HostPort("127.0.0.1", ports["postkamer"]),
                "webhooks.listen": HostPort("127.0.0.1", ports["webhooks"]),
                "logging.level": "error",  # of the indexer, which logs by itself between our lines
                **rights,
            },
        )
    config = load(path)
    if not other.exists():
        other.touch(mode=0o600)
        other.write_text(dump(registration(config)))
    return config


async def _fill(options: Options, progress: Progress, synapse: LocalSynapse, owner: Owner, app: App) -> Coverage:
    """Make the company, replay what is to be replayed, wait for the archive, and look at it."""
    company = load_company(progress.once("seed", lambda: options.seed))
    await _people(company, progress, synapse, owner)
    if progress.get("state") == _WORKING:
        admin = next(who for who, employee in company.people.items() if employee.admin)
        token = await synapse.register(admin, progress["password"])
        await _make_up(app, AdminHistory(owner.session, owner.url, token))
    progress.done("state", _WORKING)
    bot = str(app.config.bots.users[0].localpart)
    days = progress.once("days", lambda: working_days(datetime.now()))  # noqa: DTZ005 (office hours are local)
    with _Meter() as meter:
        seeding = Seeding(owner, company, progress, days=days, bot=bot, on_step=lambda done: meter.show("events", done))
        meter.total = seeding.total
        await seeding.run()
    last = [progress[plan.steps[-1].key] for plan in company.rooms]
    if options.messages:
        last += await _replay(options.messages, options.folder, owner)
    await _caught_up(app, last)
    progress.done("state", _IDLE)
    async with snapshot(app.db) as tx:
        return await measure(tx, bot_ids(app.config))


async def _make_up(app: App, history: AdminHistory) -> None:
    """Read what was never sent to us: Synapse forgets what waits in its memory when it is killed (its issue 11637)."""
    backfill = Backfill(app.db, history, lambda *_: None)
    async for room_id in history.rooms():
        await backfill.room(room_id, again=True)


async def _people(company: Company, progress: Progress, synapse: LocalSynapse, owner: Owner) -> None:
    password = progress.once("password", lambda: f"demo-{secrets.token_hex(3)}")
    for who, employee in company.people.items():
        if f"user-{who}" not in progress:
            await synapse.register(who, password, admin=employee.admin)
            await owner.set_name(who, employee.name)
            progress.done(f"user-{who}")


async def _replay(path: Path, folder: Path, owner: Owner) -> list[str]:
    name = await asyncio.to_thread(_name_of, path)
    with ExitStack() as up:
        threads = up.enter_context(open_progress(folder / f"{name}.threads.jsonl"))
        lines = up.enter_context(open_lines(folder / f"{name}.lines"))
        meter = up.enter_context(_Meter())
        return await Replay(owner, threads, lines, lambda number: meter.show("lines", number)).run(path)


def _name_of(path: Path) -> str:
    """The file by how it begins: the same one goes on, another one begins."""
    with path.open("rb") as file:
        return f"replay-{hashlib.sha256(file.read(_PROBE)).hexdigest()[:16]}"


async def _caught_up(app: App, last: list[str]) -> None:
    """Wait until the archive has the last event of each room and has worked everything off; not for ever."""
    waiting = set(last)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CAUGHT_UP_SECONDS):
            while waiting or not await _idle(app):
                async with app.db.connection() as connection:
                    waiting -= {row.key for row in await inbox.by_key(connection, "event", sorted(waiting))}
                await asyncio.sleep(POLL_SECONDS)


async def _idle(app: App) -> bool:
    async with app.db.connection() as connection:
        now = await numbers(connection)
    return not any(now.behind.values()) and not now.media["pending"] and not now.undecrypted


def welcome(options: Options, synapse: LocalSynapse, *, bot: str, password: str) -> str:
    """What there is to do now, for somebody who sees the demo for the first time.

    Args:
        bot: the user id of the bot that reads encrypted rooms.
    """
    command = shlex.quote(options.command)
    config = shlex.quote(str(options.folder / "postkamer" / init.CONFIG))
    export = shlex.quote(f"{options.folder / 'export'}/")  # a folder, so that the attachments come too
    company = load_company()
    people = "\n".join(
        f"    {who:8} {company.new_names.get(who, employee.name)}, {employee.role}"
        for who, employee in company.people.items()
    )
    asker = f"@{next(iter(company.people))}:{bot.partition(':')[2]}"
    who_may = {role: " and ".join(people) for role, people in company.rights.items()}
    asked = f"""\
  !archief export           all of a room in a file ({who_may["managers"]}, who manages)
  !webhook nieuw Storingen  messages of other programs come in ({who_may["managers"]})
  !archief inzage           look into a room, on record ({who_may["auditors"]}, who audits)
"""
    return f"""
{company.name} is at work. Log in with any Matrix client, for instance
https://app.element.io:
  homeserver  http://localhost:{synapse.port}
  password    {password} (of everybody)
{people}
Everybody's rooms are in the space "{company.name}".

Things to ask in a room, or in a chat with
{bot}, there without the `!`:
  !help                     what you can do; in English too (!taal en)
  !zoek offerte             who said what about it (!zoek uitleg: how to ask)
  !zoek type:pdf levertijd  the text inside files is searched too
  !archief status           what the archive has of a room, and what it has not
  !archief terug 3 dagen    what was said, in a chat with you alone
  !archief bijlagen         the files of a room
{asked}
Things to try in a second terminal, while this goes on:
  {command} coverage -c {config}
  {command} search -c {config} --as {asker} cel
  {command} export -c {config} --format jsonl | less
  {command} export -c {config} --format jsonl -o {export}
Write, edit or remove a message in the client, and export again.

The room "Directie & HR" is encrypted: a new log-in cannot read what was
written there before, but the archive can, since the bot was invited. Invite
{bot} to an encrypted room of your own, and the
archive reads what is written there from then on.

Everything is in {options.folder}; remove that folder to begin anew.
Ctrl-C ends the demo."""


def _say(text: str) -> None:
    print(text, file=sys.stderr)


class _Meter:
    """How far it is, on a terminal."""

    def __init__(self) -> None:
        self.total = 0
        self._shows = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def show(self, what: str, done: int) -> None:
        """Replace what stands there."""
        if self._shows:
            of = f" of {self.total:,}" if self.total else ""
            print(f"\r{done:,}{of} {what} sent to the homeserver ", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        if self._shows:
            print(file=sys.stderr)

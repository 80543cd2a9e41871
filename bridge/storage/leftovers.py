"""What an embedded PostgreSQL leaves behind when it, or we, were killed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.storage.account import Account

log = structlog.get_logger(__name__)

# How long what is left over gets to end. A server that was asked to stop writes out its memory first. Backends without
# their postmaster end by themselves, unless they are in a long statement.
_SERVER_STEPS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_BACKEND_STEPS = ((None, 1.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_POLL_SECONDS = 0.02
_PROC = Path("/proc")


async def clear(account: Account, data: Path, sockets: Path, cluster: str) -> None:
    """Make sure that nothing of an earlier server runs on a data directory, and that none of its files is in the way.

    The caller holds the claim on the folder, so whatever still runs there is an orphan. On systems without /proc
    PostgreSQL's own checks have to do.

    Args:
        account: the user it runs as.
        data: the data directory.
        sockets: the folder of its socket.
        cluster: `cluster_name`, which the processes of the server show in their titles.
    """
    if not _PROC.joinpath("self").exists():
        return

    def left(*, servers: bool) -> list[int]:
        return [pid for pid, is_server in _processes(account, data, cluster) if is_server or not servers]

    for number, seconds in _SERVER_STEPS:
        await _end(lambda: left(servers=True), number, seconds)
    for step, seconds in _BACKEND_STEPS:
        await _end(lambda: left(servers=False), step, seconds)
    for path in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
        _drop_stale(account, path)


async def _end(find: Callable[[], list[int]], number: signal.Signals | None, seconds: float) -> None:
    """Send a signal to processes and wait until there are none."""
    pids = find()
    if pids and number is not None:
        log.warning("an earlier database server is still there; stopping it", pids=pids, signal=number.name)
        for pid in pids:
            _send(pid, number)
    deadline = asyncio.get_running_loop().time() + seconds
    while find() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - they are no children of ours
        await asyncio.sleep(_POLL_SECONDS)


def _processes(account: Account, data: Path, cluster: str) -> Iterator[tuple[int, bool]]:
    """(process id, is it the server itself, the postmaster).

    By the command line, which also a root without the rights of root, as in containers, may read.
    """
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if folder.stat().st_uid != account.uid:
                continue
            line = folder.joinpath("cmdline").read_bytes()
        except OSError:  # it has just ended
            continue
        words = line.split(b"\0")
        if words[0].endswith(b"/postgres") and os.fsencode(data) in words:
            yield int(folder.name), True
        elif line.startswith(f"postgres: {cluster}: ".encode()):
            yield int(folder.name), False


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        log.warning("no right to stop the earlier database server", pid=pid)


def _drop_stale(account: Account, path: Path) -> None:
    """Remove a lock file that PostgreSQL would not get over by itself.

    That is an empty one (killed before it was written), and one with the process id of something else of the same user,
    which it would take for a running server: in a container the same low ids come back at every start.
    """
    try:
        pid = abs(int(path.read_text().partition("\n")[0]))
        stale = _PROC.joinpath(str(pid)).stat().st_uid == account.uid
    except ValueError:
        stale = True
    except FileNotFoundError:  # no such file, or no such process
        return
    if stale:
        log.info("removing a stale lock file of the database server", file=path.name)
        path.unlink(missing_ok=True)

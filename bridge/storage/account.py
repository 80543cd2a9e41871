"""Which user the embedded PostgreSQL runs as, and what it may reach. PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = structlog.get_logger(__name__)

PREFERRED = ("postkamer", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An ordinary user of this machine."""

    uid: int
    gid: int

    @property
    def is_us(self) -> bool:
        return self.uid == os.geteuid()


def choose(folders: tuple[Path, ...]) -> Account:
    """The user to run as: we ourselves, or when we are root an ordinary one that is there already.

    Args:
        folders: whoever owns the first of these that is there and not root's is taken, so that a server that was made
            by one user stays that user's.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    owners = [folder.stat().st_uid for folder in folders if folder.exists()]
    candidates: list[int | str] = [*(uid for uid in owners if uid != 0), *PREFERRED]
    for wanted in candidates:
        try:
            entry = pwd.getpwuid(wanted) if isinstance(wanted, int) else pwd.getpwnam(wanted)
        except KeyError:  # initdb wants a user with a name
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PostkamerError(
        "we run as root, PostgreSQL must not, and there is no ordinary user to run it as",
        f"make one ({' or '.join(PREFERRED)}), or run Postkamer as an ordinary user",
    )


def let_through(account: Account, path: Path) -> None:
    """Let a user walk to `path`, by adding the right to walk through (not to read) to the folders above it.

    A server needs to reach its own folder by name, and root's folders are often closed (/root, mkdtemp). The ways that
    leave them closed are less certain: a bind mount needs a right that containers lack, access lists need a file system
    that has them, and a server that keeps root's right to pass everything is worse.
    """
    if account.is_us:
        return
    for folder in reversed(path.resolve().parents):
        _allow(account, folder, stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def let_read(account: Account, tree: Path) -> None:
    """Let a user read a tree and run what is in it; a strict umask may have kept that to root when it was installed."""
    if account.is_us:
        return
    let_through(account, tree)
    for path in _walk(tree):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode) or mode & stat.S_IXUSR:
            _allow(account, path, 0o555)
        elif stat.S_ISREG(mode):
            _allow(account, path, 0o444)


def own(account: Account, tree: Path) -> None:
    """Give a tree to a user, when it is not theirs: it may have been copied back from a backup by root."""
    if account.is_us or tree.stat().st_uid == account.uid:
        return
    for path in reversed(list(_walk(tree))):  # the top last: when this is interrupted it is done again
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _walk(tree: Path) -> Iterator[Path]:
    yield tree
    for entry in os.scandir(tree):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(tree / entry.name)
        else:
            yield tree / entry.name


def _allow(account: Account, path: Path, wanted: int) -> None:
    """Add the bits of `wanted` for the class (owner, group, others) in which this user falls."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return
    if status.st_uid == account.uid:
        wanted &= stat.S_IRWXU
    elif status.st_gid == account.gid:
        wanted &= stat.S_IRWXG
    else:
        wanted &= stat.S_IRWXO
    if status.st_mode & wanted == wanted:
        return
    try:
        path.chmod(stat.S_IMODE(status.st_mode) | wanted)
    except OSError as error:
        raise PostkamerError(
            f"user {account.uid}, as whom PostgreSQL runs, cannot reach {path}: {error.strerror}",
            "choose a data_dir, and a place for the program, that ordinary users can walk to",
        ) from error
    log.info("permission added, so that PostgreSQL can run as an ordinary user", path=str(path), uid=account.uid)

"""The part of `postkamer check` that looks at the bots and at their Matrix users."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

from bots import BOTS
from bridge.config.users import bot_id
from bridge.engine.loading import load, runner
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bridge.botapi.bot import Bot
    from bridge.cli.report import Report
    from bridge.config.schema import Config
    from bridge.engine.loading import Found


def check_bots(config: Config, report: Report, ours: Sequence[type[Bot]] = BOTS) -> None:
    """List the users with their bots, ours and those of installed packages, and what is wrong with them."""
    loaded = load(config, ours)
    for problem in loaded.problems:
        report.bad(problem.message, problem.hint)
    for user in config.bots.users:
        user_id = bot_id(config, user)
        missing = [
            f"{name}, which is not installed" + (f" (did you mean {near}?)" if near else "")
            for owner, name, near in loaded.missing
            if owner == user
        ]
        if user in loaded.users:
            _hosted(user_id, loaded.users[user], report)
            for what in missing:
                report.note(f"{user_id} lists the bot {what}")
        else:
            why = f"lists only {'; '.join(missing)}" if missing else "has no bots"
            report.note(f"{user_id} {why}: it is in the registration, and not started")
        if user.avatar is not None:
            _avatar(user.avatar, user_id, report)


def _hosted(user_id: str, bots: Sequence[Found], report: Report) -> None:
    try:
        runner(bots)
    except PostkamerError as error:
        report.bad(f"bots of {user_id}: {error.message}", error.hint)
    else:
        report.good(f"bots of {user_id}: {', '.join(map(str, bots))}")


def _avatar(path: Path, user_id: str, report: Report) -> None:
    kind = mimetypes.guess_type(path.name)[0] or ""
    try:
        path.read_bytes()
    except OSError as error:
        report.bad(f"avatar of {user_id}: {path} cannot be read ({error.strerror})", "correct avatar in bots.users")
    else:
        if not kind.startswith("image/"):
            report.bad(f"avatar of {user_id}: {path} is no picture by its name", "take a .png, .jpg, .gif or .webp")

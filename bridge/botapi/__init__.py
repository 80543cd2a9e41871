"""All that a bot may import: `from bridge.botapi import Bot, command, say, …`."""

from __future__ import annotations

from bridge.botapi.ask import Ask, Effects, NewJob, NewSetting, Person, Room
from bridge.botapi.bot import Bot, Command, Words, button, command, job
from bridge.botapi.catalog import Catalog, Entry, Meets, Setting
from bridge.botapi.errors import BotError, BusyError, DeniedError, UsageError, UserError
from bridge.botapi.help import help_on
from bridge.botapi.kinds import Here, Past, Rest, Target
from bridge.botapi.ports import (
    MISSING,
    Archive,
    Cursor,
    Directory,
    Exported,
    Files,
    Footprint,
    FoundFile,
    FoundMessage,
    Messages,
    Named,
    RoomStatus,
    SettingsStore,
    Webhook,
    Webhooks,
)
from bridge.botapi.readers import read
from bridge.botapi.render import Answer, Rendered
from bridge.botapi.reply import (
    Block,
    Button,
    Bytes,
    Code,
    File,
    Link,
    Marked,
    Reply,
    Say,
    User,
    Value,
    excerpt,
    line,
    say,
)
from bridge.botapi.rights import ROLES, Role, may
from bridge.botapi.runner import Runner
from bridge.botapi.settings import read as read_settings
from bridge.botapi.settings import write as write_setting
from bridge.botapi.strings import Strings
from bridge.botapi.words import plain_word
from bridge.links import Permalink, event_link, permalink

__all__ = [
    "MISSING",
    "ROLES",
    "Answer",
    "Archive",
    "Ask",
    "Block",
    "Bot",
    "BotError",
    "BusyError",
    "Button",
    "Bytes",
    "Catalog",
    "Code",
    "Command",
    "Cursor",
    "DeniedError",
    "Directory",
    "Effects",
    "Entry",
    "Exported",
    "File",
    "Files",
    "Footprint",
    "FoundFile",
    "FoundMessage",
    "Here",
    "Link",
    "Marked",
    "Meets",
    "Messages",
    "Named",
    "NewJob",
    "NewSetting",
    "Past",
    "Permalink",
    "Person",
    "Rendered",
    "Reply",
    "Rest",
    "Role",
    "Room",
    "RoomStatus",
    "Runner",
    "Say",
    "Setting",
    "SettingsStore",
    "Strings",
    "Target",
    "UsageError",
    "User",
    "UserError",
    "Value",
    "Webhook",
    "Webhooks",
    "Words",
    "button",
    "command",
    "event_link",
    "excerpt",
    "help_on",
    "job",
    "line",
    "may",
    "permalink",
    "plain_word",
    "read",
    "read_settings",
    "say",
    "write_setting",
]

"""How the archive bot writes what it found."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from bridge.botapi import Bytes, Code, File, Link, TooLarge, event_link, line, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from bridge.botapi import Ask, Exported, Files, Footprint, FoundFile, FoundMessage, Messages, Reply, RoomStatus, Say

LONGEST, MOST_LINES = 500, 12  # of one message; all of it is behind its link


def status(room: str, found: RoomStatus) -> Reply:
    """What the archive has of a room, and what it has not."""
    if found.first_at is None or found.last_at is None:
        return say("status.nothing", room=room)
    reply = say(
        "status.top",
        room=room,
        messages=line("status.messages", count=found.messages),
        files=line("status.files", count=found.files),
        first=found.first_at,
        last=found.last_at,
    )
    if found.missing:
        lines = (line(f"missing.{what}", count=count) for what, count in found.missing)
        reply = reply.and_say("status.missing").items(lines)
    elif found.complete:
        reply = reply.and_say("status.complete")
    return reply.and_say("status.behind", count=found.behind) if found.behind else reply


def files(room: str, name: str | None, found: Files, *, page: int) -> Reply:
    """A page of files."""
    if not found.found and page == 1:
        return say("files.none_named", room=room, name=name) if name else say("files.none", room=room)
    top = say("files.named", room=room, name=name) if name else say("files.top", room=room)
    reply = top.items(_file(one) for one in found.found)
    return reply.and_say("files.page", page=page) if page > 1 or found.next else reply


def _file(one: FoundFile) -> Say:
    return line(
        "files.line" if one.held else "files.line_not_held",
        file=Link(event_link(one.room_id, one.event_id, one.sender), one.name),
        size=Bytes(one.size) if one.size is not None else line("files.no_size"),
        who=one.sender_name,
        at=one.sent_at,
    )


def begin(key: str, room: str, since: datetime, found: Messages, ask: Ask, **values: str) -> Reply:
    """The first page of what was said, with what is not in it."""
    reply = say(key, room=room, since=since, **values)
    limits = [_withheld(*period) for period in found.withheld]
    if found.held_from is not None:
        limits.append(line("back.held_from", at=found.held_from))
    if limits:
        reply = reply.items(limits)
    if not found.found:
        return reply.and_say("back.nothing")
    return _said(reply, found, ask)


def further(room: str, found: Messages, ask: Ask) -> Reply:
    """A later page."""
    return _said(say("back.further", room=room), found, ask)


def _withheld(start: datetime | None, end: datetime | None) -> Say:
    if start is None:
        return line("back.withheld_all") if end is None else line("back.withheld_before", until=end)
    return line("back.withheld_after", start=start) if end is None else line("back.withheld", start=start, until=end)


def _said(reply: Reply, found: Messages, ask: Ask) -> Reply:
    for day, messages in groupby(found.found, key=lambda one: one.sent_at.astimezone(ask.timezone).date()):
        reply = reply.and_say("back.day", day=day).items(_lines(list(messages), ask))
    return reply if found.next is not None else reply.and_say("back.end")


def _lines(messages: Sequence[FoundMessage], ask: Ask) -> Iterator[Say]:
    """One line each; what could not be read is only counted, where it stands."""
    for unread, some in groupby(messages, key=lambda one: one.kind == "unread" and not one.removed):
        if unread:
            yield line("back.unread", count=len(list(some)))
        else:
            yield from (_line(one, ask) for one in some)


def _line(one: FoundMessage, ask: Ask) -> Say:
    marks = [mark for mark, wanted in (("thread", one.in_thread), ("edited", one.edited)) if wanted]
    key = "_".join(["back.line", *marks])
    values: dict[str, Any] = {
        "at": Link(event_link(one.room_id, one.event_id, one.sender), f"{one.sent_at.astimezone(ask.timezone):%H:%M}"),
        "who": one.sender_name,
        "text": _text(one),
    }
    return line("back.removed", message=line(key, **values)) if one.removed else line(key, **values)


def _text(one: FoundMessage) -> Say:
    return line(f"kind.{one.kind}", text=shortened(one.text))


def shortened(text: str) -> str:
    """The beginning of a long text."""
    lines = text.strip().split("\n")
    short = "\n".join(lines[:MOST_LINES])[:LONGEST].rstrip()
    return short if short == text.strip() else f"{short}…"


def exported(room_id: str, room: str, fmt: str, since: datetime | None, made: Exported | TooLarge) -> Reply:
    """The file with what was said, or why there is none."""
    if isinstance(made, TooLarge):
        command = Code(f"postkamer export -c config.yaml --format {fmt} --room '{room_id}' -o export.{fmt}")
        reply = say("export.too_large", room=room, most=Bytes(made.most))
        return reply.and_say("export.shorter" if since else "export.period", command=command)
    reply = say(f"export.{fmt}_made", room=room, count=made.messages)
    if since is not None:
        reply = reply.and_say("export.made_since", since=since)
    if made.packed:
        reply = reply.and_say("export.packed")
    file = File(made.path, made.name, made.mimetype)
    return replace(reply.and_say("export.careful").attach(file), sealed=made.encrypted)


def footprint(found: Footprint) -> Reply:
    """What is kept of the asker, in plain words; what there is none of is not said."""
    reply = say("privacy.top_since", since=found.since) if found.since else say("privacy.top")
    counted = {
        "messages": line("privacy.messages", count=found.messages, rooms=line("privacy.rooms", count=found.rooms)),
        "edits": line("privacy.edits", count=found.edits),
        "reactions": line("privacy.reactions", count=found.reactions),
        "files": line("privacy.files", count=found.files, size=Bytes(found.file_bytes)),
        "receipts": line("privacy.receipts", count=found.receipts),
    }
    what = [said for name, said in counted.items() if getattr(found, name)]
    what.append(line("privacy.names", names=", ".join(found.names)) if found.names else line("privacy.no_names"))
    what.append(line("privacy.settings"))
    reply = reply.items(what).and_say("privacy.why").and_say("privacy.how_long", days=found.retention_days)
    if found.removed_waiting:
        reply = reply.and_say("privacy.removed", count=found.removed_waiting, days=found.retention_days)
    return _lookers(reply, found).and_say("privacy.rights")


def _lookers(reply: Reply, found: Footprint) -> Reply:
    """Who may look, and how often that was done; those who looked may not be appointed any more."""
    if found.auditors:
        looked = line("privacy.looked", count=found.looked_into) if found.looked_into else line("privacy.not_looked")
        reply = reply.and_say("privacy.who", count=found.auditors, looked=looked)
    else:
        reply = reply.and_say("privacy.who_members")
        if found.looked_into:
            reply = reply.and_say("privacy.looked_before", count=found.looked_into)
    if found.searched:
        reply = reply.and_say("privacy.searched", count=found.searched)
    elif found.auditors:
        reply = reply.and_say("privacy.not_searched")
    return reply.and_say("privacy.searched_as", count=found.searched_as) if found.searched_as else reply

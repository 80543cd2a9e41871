"""How the search bot writes what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bots.search import lines
from bridge.botapi import Block, Bytes, Code, Link, Reply, User, event_link, excerpt, line, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.botapi import (
        Alert,
        Alerted,
        Found,
        Hit,
        KnownPerson,
        Mistake,
        NotSearched,
        OtherLine,
        Remark,
        SavedLine,
        Say,
        Value,
    )

MOST_NUMBERED: Final = 9
_MOST_MISTAKES: Final = 3
_FEW_BEHIND: Final = 200  # events; the index is always some behind
_LONGEST_LINE: Final = 100
_ICONS: Final = {"image": "🖼️", "video": "🎬", "audio": "🎵", "voice": "🎤", "sticker": "🏷️"}
_MOST_TOLD: Final = 20  # messages of one alert


def number_key(number: int) -> str:
    """1️⃣ to 9️⃣."""
    return f"{number}\ufe0f\u20e3"


def found(asked: str, page_: Found, *, page: int, shared: bool, purpose: str | None) -> Reply:
    """A page of messages."""
    shown = excerpt(asked, _LONGEST_LINE)
    if not page_.hits:
        return say("found.no_more" if page > 1 else "found.nothing", line=shown)
    here = "here" if shared else "all"
    if page_.total is None:
        reply = say(f"found.many_{here}", line=shown)
    else:
        reply = say(f"found.some_{here}", line=shown, count=page_.total)
    if purpose is not None:
        reply = reply.and_say("found.purpose", purpose=purpose)
    reply = reply.items(_hit(hit, here=shared) for hit in page_.hits)
    if page > 1 or page_.next is not None:
        reply = reply.and_say("found.page" if page_.next is not None else "found.last_page", page=page)
    return reply.and_say("standing.behind", count=page_.behind) if page_.behind > _FEW_BEHIND else reply


def _hit(hit: Hit, *, here: bool) -> Say:
    values: dict[str, Value] = {
        "at": Link(event_link(hit.room_id, hit.event_id, hit.sender), hit.sent_at),
        "who": hit.sender_name,
        "what": _what(hit),
    }
    room = hit.room or line("hit.no_name")
    shown = line("hit.here", **values) if here else line("hit.in_room", room=room, **values)
    return line("hit.removed", message=shown) if hit.removed else shown


def _what(hit: Hit) -> Say:
    if hit.file is None:
        return line("hit.edited" if hit.edited else "hit.text", text=hit.excerpt)
    size = Bytes(hit.file_size) if hit.file_size is not None else line("hit.no_size")
    if hit.in_file:
        return line("hit.in_file", file=hit.file, size=size, text=hit.excerpt)
    return line("hit.file", icon=_ICONS.get(hit.kind, "📎"), text=hit.excerpt, size=size)


def not_searched(reply: Reply, lacking: NotSearched, page: Found, *, shared: bool) -> Reply:
    """What could not be searched, below an answer without messages."""
    if not page.ready:
        key = "standing.making" if page.percent is None else "standing.percent"
        return reply.and_say(key, percent=page.percent)
    some = [line("standing.behind", count=page.behind)] if page.behind else []
    if lacking.rooms_no_bot:
        some.append(line("lacking.rooms_no_bot", count=lacking.rooms_no_bot))
    rest = ("no_bot", "no_key", "files_waiting", "files_unreadable")
    some += [line(f"lacking.{what}", count=count) for what in rest if (count := getattr(lacking, what))]
    if not some:
        # In a shared room not all was searched, and the answer says so anyway.
        return reply if shared else reply.and_say("lacking.nothing")
    return reply.and_say("lacking.top").items(some)


def proposed(reply: Reply, others: Sequence[OtherLine], button: str) -> Reply:
    """Words that are like those that were typed."""
    if not others:
        return reply
    reply = reply.and_say("proposed.first", word=Code(others[0].word), button=button)
    more = [line("proposed.more", word=Code(one.word), line=Code(one.line)) for one in others[1:]]
    return reply.items(more) if more else reply


def understood(reply: Reply, asked: str, page: Found) -> Reply:
    """What was not understood, or only by a guess."""
    for mistake in page.mistakes[:_MOST_MISTAKES]:
        reply = reply.and_say("query.line", line=Code(lines.marked(asked, mistake)))
        reply = _join(reply, _mistake(mistake))
    if lines.corrected(asked, page.mistakes) is not None:
        reply = reply.and_say("query.again")
    remarks = [_remark(one) for one in page.remarks]
    return reply.items(remarks) if remarks else reply


def _mistake(mistake: Mistake) -> Say:
    return line(f"query.{mistake.key}", got=excerpt(mistake.got), proposal=Code(mistake.proposal))


def _remark(remark: Remark) -> Say:
    names = ", ".join(remark.names) + (", …" if remark.count > len(remark.names) else "")
    return line(f"query.{remark.key}", got=excerpt(remark.got), names=names, count=remark.count)


def people(name: str, known: Sequence[KnownPerson]) -> Reply:
    """Who somebody may be."""
    if not known:
        return say("who.nobody", name=excerpt(name))
    return say("who.found", name=excerpt(name)).items(_person(one) for one in known)


def _person(one: KnownPerson) -> Say:
    name, *others = one.names or (one.user_id,)
    values: dict[str, Value] = {"person": User(one.user_id, name), "id": Code(one.user_id)}
    if not one.rooms:
        rooms = line("who.no_rooms")
    else:
        names = ", ".join(room.name for room in one.rooms)
        more = one.room_count - len(one.rooms)
        rooms = line("who.rooms_more" if more else "who.rooms", rooms=names, more=more)
    if others:
        return line("who.line_others", others=", ".join(others[:3]), where=rooms, **values)
    return line("who.line", where=rooms, **values)


def kept(saved: Sequence[SavedLine], alerts: Sequence[Alert], word: str) -> Reply:
    """What somebody has saved."""
    if not saved and not alerts:
        return say("saved.nothing")
    reply = say("saved.top") if saved else Reply(())
    if saved:
        reply = reply.items(
            line("saved.line", again=Code(f"!{word} {one.name}"), line=excerpt(one.line, _LONGEST_LINE))
            for one in saved
        )
    if alerts:
        numbered = [
            line("saved.alert", number=number, line=excerpt(one.line, _LONGEST_LINE))
            for number, one in enumerate(alerts, 1)
        ]
        reply = reply.and_say("saved.alerts")
        reply = Reply((*reply.blocks, Block(tuple(numbered))))
    return reply


def alerted(found: Sequence[Alerted], button: str) -> Reply:
    """What alerts have found."""
    reply = Reply(())
    for one in found:
        reply = reply.and_say("tell.top", line=excerpt(one.alert.line, _LONGEST_LINE), count=len(one.hits))
        reply = reply.items(_hit(hit, here=False) for hit in one.hits[:_MOST_TOLD])
        if len(one.hits) > _MOST_TOLD:
            reply = reply.and_say("tell.more", count=len(one.hits) - _MOST_TOLD)
    return reply.and_say("tell.stop", button=button, count=len(found))


def _join(reply: Reply, more: Say) -> Reply:
    """One more line in a paragraph of its own."""
    return Reply((*reply.blocks, Block((more,))))

"""`!zoek`: finding, saved searches and alerts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bots.search import lines, pages
from bridge.botapi import Bot, Code, Rest, UsageError, UserError, Words, button, command, job, plain_phrase, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.botapi import Alert, Ask, Cursor, Found, Reply

PAGE: Final = 10  # messages
NEXT, BACK, PRIVATE, OTHER, STOP = "➡️", "⬅️", "📬", "🔁", "🔕"
MORE: Final = ("meer", "more")
_NAMED: Final = re.compile(r"\s*([^:\n]+?)\s*:\s+(\S.*)", re.DOTALL)
_LAST: Final = "last"  # what is kept for the asker: where the last search goes on


@dataclass(frozen=True, slots=True)
class _Question:
    """A search.

    Attributes:
        shared: only what everybody in the room may see.
        purpose: an auditor's.
        before: where each page before this one ended.
    """

    line: str
    shared: bool
    purpose: str | None = None
    before: Sequence[Cursor] = ()

    def args(self, before: Sequence[Cursor]) -> dict[str, Any]:
        """For the button of another page."""
        return {"line": self.line, "shared": self.shared, "purpose": self.purpose, "before": list(before)}


class SearchBot(Bot):
    """In a shared room it shows what everybody there may see; all else goes to the direct chat with the asker."""

    name = "search"
    words = Words(nl="zoek", en="search")

    @command()
    async def find(self, ask: Ask, line: Rest) -> Reply:
        """What a line finds; or the line that was saved under this name."""
        named = {plain_phrase(one.name): one.line for one in await ask.search.saved()}
        wanted = named.get(plain_phrase(line), line)
        return await self._answer(ask, _Question(wanted, shared=not ask.room.direct))

    @command("meer", "more")
    async def further(self, ask: Ask) -> Reply:
        """The next page of what the asker searched last in this room."""
        last = await self.remembered(ask, _LAST)
        if not isinstance(last, dict) or last.get("room") != ask.room.room_id:
            raise UserError("further.nothing")
        return await self._answer(ask, _Question(**last["question"]))

    @command("wie is", "who is")
    async def who(self, ask: Ask, name: Rest) -> Reply:
        """People that the asker knows, by a name."""
        reply = pages.people(name, await ask.search.people(name.rstrip("?")))
        return reply if ask.room.direct else reply.in_private()

    @command("bewaar", "save")
    async def save(self, ask: Ask, what: Rest) -> Reply:
        """Give a line a name."""
        found = _NAMED.fullmatch(what)
        if found is None:
            raise UsageError("save.form")
        name, line = found[1], found[2].strip()
        await ask.search.save(name, line)
        return say("save.done", name=Code(name), line=Code(line), again=Code(f"!{self._word(ask)} {name}"))

    @command("bewaard", "saved")
    async def saved(self, ask: Ask) -> Reply:
        """What the asker has saved, and the alerts."""
        return self._kept(ask, await self._all_kept(ask))

    @command("vergeet", "forget")
    async def forget(self, ask: Ask, name: Rest) -> Reply:
        """Drop what was saved under a name."""
        if not await ask.search.forget(name):
            raise UserError("forget.nothing", name=Code(name))
        return say("forget.done", name=Code(name))

    @command("waarschuw mij", "alert me")
    async def alert(self, ask: Ask, line: Rest) -> Reply:
        """Tell the asker of each new message that a line finds."""
        line_ = line.lstrip(": ")
        made = await ask.search.alert(line_, cause=ask.cause)
        found = await ask.search.find(line_, everyone=not ask.room.direct, limit=1)
        reply = pages.understood(say("alert.done", line=Code(line_), button=STOP), line_, found)
        return reply.button(STOP, self.stop, alert_ids=[made.id])

    @command("uitleg", "explain")
    async def explain(self, ask: Ask) -> Reply:
        """The language on one screen."""
        del ask
        return say("more")

    @command("inzage", "inspect", allow="auditor")
    async def inspect(self, ask: Ask, purpose: str, line: Rest) -> Reply:
        """Search everything, for a purpose; it is written down."""
        return await self._answer(ask, _Question(line, shared=False, purpose=purpose))

    @button
    async def turn(self, ask: Ask, line: str, shared: bool, purpose: str | None, before: list[Cursor]) -> Reply:
        """Another page, in the place of this one."""
        return (await self._answer(ask, _Question(line, shared, purpose, before))).in_place()

    @button
    async def other(self, ask: Ask, line: str, shared: bool) -> Reply:
        """Another line, in the place of the one that found nothing or was not understood."""
        return (await self._answer(ask, _Question(line, shared))).in_place()

    @button
    async def everywhere(self, ask: Ask, line: str) -> Reply:
        """All that the asker may see, in the direct chat."""
        return await self._answer(ask, _Question(line, shared=False))

    @button
    async def stop(self, ask: Ask, alert_ids: list[int]) -> Reply:
        """No more of these alerts."""
        count = await ask.search.stop(alert_ids)
        return say("stop.done") if count else say("stop.nothing")

    @button
    async def stop_one(self, ask: Ask, alert_id: int) -> Reply:
        """One of the list less."""
        await ask.search.stop([alert_id])
        return self._kept(ask, await self._all_kept(ask)).in_place()

    @job
    async def tell(self, ask: Ask) -> Reply | None:
        """What alerts have found since the last time."""
        found = await ask.search.alerted(cause=ask.cause)
        if not found:
            return None
        reply = pages.alerted(found, STOP)
        sealed = any(hit.encrypted for one in found for hit in one.hits)
        reply = reply.button(STOP, self.stop, alert_ids=[one.alert.id for one in found])
        return reply.in_private(sealed=sealed)

    async def _answer(self, ask: Ask, question: _Question) -> Reply:
        before, shared = list(question.before), question.shared
        after = before[-1] if before else None
        found = await ask.search.find(question.line, everyone=shared, purpose=question.purpose, after=after, limit=PAGE)
        if found.asks_nothing:
            return pages.understood(say("find.nothing_asked", help=Code(self._help(ask))), question.line, found)
        reply = pages.found(question.line, found, page=len(before) + 1, shared=shared, purpose=question.purpose)
        other = lines.corrected(question.line, found.mistakes)
        if not found.hits and not before:
            lacking = await ask.search.not_searched(everyone=shared)
            reply = pages.not_searched(reply, lacking, found, shared=shared)
            others = await ask.search.proposals(question.line, everyone=shared) if question.purpose is None else ()
            reply = pages.proposed(reply, others, OTHER)
            other = other or next((one.line for one in others), None)
        reply = pages.understood(reply, question.line, found)
        return self._sent(ask, question, found, reply, other)

    def _sent(self, ask: Ask, question: _Question, found: Found, reply: Reply, other: str | None) -> Reply:
        """With its buttons, to where it belongs."""
        before = list(question.before)
        following = [*before, found.next] if found.next is not None else None
        if before:
            reply = reply.button(BACK, self.turn, **question.args(before[:-1]))
        if following is not None:
            reply = reply.button(NEXT, self.turn, said=MORE, **question.args(following))
        if other is not None and question.purpose is None:
            reply = reply.button(OTHER, self.other, line=other, shared=question.shared)
        if question.shared:
            reply = reply.and_say("find.everywhere", button=PRIVATE)
            reply = reply.button(PRIVATE, self.everywhere, line=question.line)
        last = {"room": ask.room.room_id, "question": question.args(following)} if following is not None else None
        self.remember(ask, _LAST, last)
        reply = replace(reply, sealed=found.encrypted)
        return reply if question.shared or ask.room.direct else reply.in_private(sealed=found.encrypted)

    async def _all_kept(self, ask: Ask) -> tuple[Reply, Sequence[Alert]]:
        alerts = await ask.search.alerts()
        return pages.kept(await ask.search.saved(), alerts, self._word(ask)), alerts

    def _kept(self, ask: Ask, kept: tuple[Reply, Sequence[Alert]]) -> Reply:
        reply, alerts = kept
        for number, alert in enumerate(alerts[: pages.MOST_NUMBERED], 1):
            reply = reply.button(pages.number_key(number), self.stop_one, alert_id=alert.id)
        return reply if ask.room.direct else reply.in_private()

    def _word(self, ask: Ask) -> str:
        return self.words.nl if ask.language == "nl" else self.words.en

    def _help(self, ask: Ask) -> str:
        return f"!{self._word(ask)} {'uitleg' if ask.language == 'nl' else 'explain'}"

"""From an answer to the posts of the outbox: contents, where they go, what they reply to or replace, their buttons."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from bridge.storage.outbox import MESSAGE, REACTION, REDACTION, NewPost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.botapi.render import Answer, Rendered
    from bridge.botapi.reply import File
    from bridge.storage.outbox import DuePost, Posted


@dataclass(frozen=True, slots=True)
class Origin:
    """What is answered.

    Attributes:
        key: what the transaction ids are made from, different for each row that is worked off.
        cause: what the answer is found by later: of an edited command the event id of the command itself.
        room_id: where it was asked; None: nowhere, so that all goes to the direct chat with `person`.
        direct: nobody but the bot and `person` is in that room.
        reply_to: the event that the answer is a reply to.
        thread: the root of the thread that the answer belongs in.
        pressed: the message whose button was pressed.
        earlier: what was answered before the command was edited.
    """

    key: str
    cause: str
    bot_user: str
    person: str | None
    room_id: str | None
    direct: bool = False
    encrypted: bool = False
    reply_to: str | None = None
    thread: str | None = None
    pressed: Posted | None = None
    earlier: Sequence[Posted] = ()


@dataclass(slots=True)
class _Posts:
    origin: Origin
    found: list[NewPost] = field(default_factory=list)

    def add(
        self, kind: str, content: dict[str, Any], *, private: bool, sealed: bool, on: str | None = None, **more: Any
    ) -> str:
        origin = self.origin
        txn_id = _txn_id(origin, len(self.found))
        self.found.append(
            NewPost(
                txn_id,
                origin.cause,
                origin.bot_user,
                None if private else origin.room_id,
                origin.person if private else None,
                sealed,
                kind,
                json.dumps(content, ensure_ascii=False),
                file=_json(more.get("file")),
                action=_json(more.get("action")),
                on=on,
            )
        )
        return txn_id


def posts(answer: Answer, origin: Origin) -> list[NewPost]:
    """All that is to be sent, in order.

    Raises:
        ValueError: it is for one person alone, and there is none.
    """
    made = _Posts(origin)
    private = _is_private(answer, origin)
    replaced = _replaced(answer, origin, private=private)
    _write(made, answer.messages, replaced, private=private, sealed=answer.sealed)
    told = answer.told if private and origin.room_id is not None else None
    there = [one for one in origin.earlier if one.person is None] if private else []
    _write(made, (told,) if told else (), there, private=False, sealed=False)
    if not private:
        _remove(made, [one for one in origin.earlier if one.person is not None], private=True)
    return made.found


def _is_private(answer: Answer, origin: Origin) -> bool:
    """Whether it goes to the direct chat with the person, and that is not the room where it was asked."""
    fits = origin.encrypted or not answer.sealed
    private = origin.room_id is None or not fits or (answer.private and not origin.direct)
    if private and origin.person is None:
        raise ValueError("an answer for one person, and nobody has asked")
    return private


def _replaced(answer: Answer, origin: Origin, *, private: bool) -> Sequence[Posted]:
    """The messages whose places the answer takes, one after the other."""
    if answer.replaces and origin.pressed is not None and not private:
        return [origin.pressed]
    return [one for one in origin.earlier if (one.person is not None) == private and (one.sealed or not answer.sealed)]


def _write(
    made: _Posts, messages: Sequence[Rendered], replaced: Sequence[Posted], *, private: bool, sealed: bool
) -> None:
    left = [one for one in replaced if not one.is_file]
    first = True
    for message in messages:
        if left and message.file is None:
            one = left.pop(0)
            on, buttons = one.txn_id, [key for key in message.buttons if key not in one.buttons]
            content = _replacement(_content(message))
            made.add(MESSAGE, content, private=private, sealed=sealed, on=on, action=message.action)
        else:
            relation = None if private else _relation(made.origin, first=first)
            content = _content(message) | ({"m.relates_to": relation} if relation else {})
            file = message.file
            path = _file(file, message.otherwise) if file else None
            on = made.add(MESSAGE, content, private=private, sealed=sealed, file=path, action=message.action)
            buttons = list(message.buttons)
        for key in dict.fromkeys(buttons):
            reaction = {"m.relates_to": {"rel_type": "m.annotation", "key": key}}
            made.add(REACTION, reaction, private=private, sealed=sealed, on=on)
        first = False
    if made.origin.pressed is None:
        _remove(made, [one for one in replaced if one.is_file] + left, private=private)


def _remove(made: _Posts, left: Sequence[Posted], *, private: bool) -> None:
    """Nothing takes the place of these, as the answer became shorter or goes elsewhere."""
    for one in left:
        made.add(REDACTION, {}, private=private, sealed=one.sealed, on=one.txn_id)


def _file(file: File, otherwise: str | None) -> dict[str, str]:
    described = {"path": str(file.path), "name": file.name, "mimetype": file.mimetype}
    return described | ({"otherwise": otherwise} if otherwise else {})


def instead_of_file(row: DuePost) -> list[NewPost]:
    """What is said in the place of a file that cannot be sent."""
    said = json.loads(row.file or "{}").get("otherwise")
    if said is None:
        return []
    relation = json.loads(row.content).get("m.relates_to")
    content = {"msgtype": "m.notice", "body": said, "m.mentions": {}}
    content |= {"m.relates_to": relation} if relation else {}
    where = (row.user_id, row.room_id, row.person, row.sealed)
    return [NewPost(f"{row.txn_id}.0", row.cause, *where, MESSAGE, json.dumps(content, ensure_ascii=False))]


def _content(message: Rendered) -> dict[str, Any]:
    """The content of m.room.message (Client-Server API, "m.room.message msgtypes")."""
    content: dict[str, Any] = {"msgtype": "m.text" if message.notify else "m.notice", "body": message.body}
    if message.file is not None:
        content |= {"msgtype": "m.file", "body": message.body or message.file.name, "filename": message.file.name}
    if message.html is not None:
        content |= {"format": "org.matrix.custom.html", "formatted_body": message.html}
    content["m.mentions"] = {"user_ids": list(message.notify)} if message.notify else {}
    return content


def _replacement(content: dict[str, Any]) -> dict[str, Any]:
    """An edit; what it replaces is added when it is sent (Client-Server API, "Event replacements")."""
    starred = {name: f"* {content[name]}" for name in ("body", "formatted_body") if name in content}
    return content | starred | {"m.new_content": content, "m.relates_to": {"rel_type": "m.replace"}}


def _relation(origin: Origin, *, first: bool) -> dict[str, Any] | None:
    """The thread that it was asked in, else a reply to the question; in a direct chat neither is needed."""
    reply = {"m.in_reply_to": {"event_id": origin.reply_to}} if origin.reply_to else {}
    if origin.thread is not None:
        thread = {"rel_type": "m.thread", "event_id": origin.thread, "is_falling_back": True}
        return thread | (reply or {"m.in_reply_to": {"event_id": origin.thread}})
    return reply if first and not origin.direct and reply else None


def _txn_id(origin: Origin, index: int) -> str:
    """The same for the same cause, also after a crash; different for all else that we send."""
    made_from = json.dumps([origin.bot_user, origin.key, index])
    return sha256(made_from.encode()).hexdigest()[:32]


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)

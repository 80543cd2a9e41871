"""From the archive to the documents of the index: each message as it stands now, and the text of its files.

A message that was edited has a document for each of its texts, so that who left the room before an edit finds it by the
text that stood there. All but the last are `old`; see `bridge.search.permitted` for who finds which.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from tantivy import Document

from bridge.archive.reading import without_quote
from bridge.links import permalink
from bridge.search import schema
from bridge.search.analysis import number_forms
from bridge.search.folding import emoji, fold
from bridge.search.folding import words as words_of
from bridge.storage import indexing, messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from bridge.search.analysis import Analysis
    from bridge.storage.db import Connection
    from bridge.storage.indexing import FileRow, MessageRow
    from bridge.storage.messages import Revision
    from bridge.storage.readable import Place

OLD: Final = "old"
_UNREAD: Final = "m.room.encrypted"
_LINK: Final = re.compile(r"https?://|\bwww\.", re.IGNORECASE)
_PERSON: Final = re.compile(r"href=[\"']((?:https?://[^\"'\s]*#/(?:user/)?(?:@|%40)|matrix:u)[^\"'\s]*)", re.IGNORECASE)
_LABEL: Final = re.compile(r"(?:^|(?<=[\s(\[{]))#(?=[^\W\d])[\w-]+")
_COMMAND: Final = re.compile(r"\A\s*!+\s*([^\W\d_]{1,40})\b")
_TAG: Final = re.compile(r"<[^>]*>")
_IBAN: Final = re.compile(r"[a-z]{2}\d\d")
_HAS: Final = {"file": (), "image": ("image",), "video": ("video",), "audio": ("audio",), "voice": ("voice", "audio")}


@dataclass(frozen=True, slots=True)
class _Version:
    """One text of a message.

    Attributes:
        edit: the edit that it comes from; None: it is the first one.
        later: the places of the edits that followed; without any it stands.
    """

    body: str
    html: str
    msgtype: str | None
    detail: dict[str, Any]
    edit: Revision | None
    later: Sequence[Place]


class Documents:
    """Makes documents. One thread at a time."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    async def of(self, db: Connection, event_ids: Sequence[str]) -> AsyncIterator[Document]:
        """The documents of these messages; what is no message, or holds nothing to find, has none."""
        rows = [row for row in await indexing.messages(db, event_ids) if row.type != _UNREAD]
        if not rows:
            return
        revisions: dict[str, list[Revision]] = {}
        for removed in (False, True):
            ids = [row.event_id for row in rows if row.removed is removed]
            for edit in await messages.revisions_of(db, ids, removed=removed) if ids else ():
                revisions.setdefault(edit.target_id, []).append(edit)
        ids = [row.event_id for row in rows]
        reactions: dict[str, set[str]] = {}
        for reaction in await messages.reactions_of(db, ids):
            reactions.setdefault(reaction.target_id, set()).add(emoji(reaction.key))
        files = await _files(db, ids, revisions)
        for row in rows:
            versions = _versions(row, revisions.get(row.event_id, []))
            for version in versions:
                named_by = (row.event_id, version.edit.event_id if version.edit else row.event_id)
                found = [file for file in files.get(row.event_id, ()) if file.named_by in named_by]
                document = self._message(row, version, found, reactions.get(row.event_id, ()))
                if document is not None:
                    yield document
                if not version.later:
                    for n, file in enumerate(found):
                        if file.has_text and file.sha256 is not None:
                            text = await indexing.text_of(db, file.sha256)
                            of_message = reactions.get(row.event_id, ())
                            yield self._file(row, version, file, n=n, text=text, reactions=of_message)

    def _message(
        self, row: MessageRow, version: _Version, files: Sequence[FileRow], reactions: Iterable[str]
    ) -> Document | None:
        texts = [text for text in _texts(row, version, files) if text.strip()]
        if not texts and not version.detail:
            return None
        document = _common(row, version)
        document.add_integer(schema.N, schema.MESSAGE)
        numbers, labels = self._add_texts(document, texts)
        _add_all(document, "label", sorted(labels))
        _add_all(document, "has", sorted({*_holds(row, version, files, numbers), *(["reaction"] if reactions else ())}))
        _add_all(document, "mentions", sorted(_mentions(version)))
        _add_all(document, "is", sorted(_talk(row, version)))
        _add_all(document, "reaction", sorted(reactions))
        _add_files(document, files)
        return document

    def _file(
        self, row: MessageRow, version: _Version, file: FileRow, *, n: int, text: str, reactions: Iterable[str]
    ) -> Document:
        """The text of a file, with its name; it may be read by who may read the event that names it."""
        edit = version.edit if file.named_by != row.event_id else None
        document = _common(row, _Version("", "", None, {}, edit, ()))
        document.add_integer(schema.N, n)
        numbers, _ = self._add_texts(document, [file.name, text])
        _add_all(document, "has", sorted({*_kinds([file]), *_numbers(numbers), *(["reaction"] if reactions else ())}))
        _add_all(document, "reaction", sorted(reactions))
        _add_files(document, [file])
        return document

    def _add_texts(self, document: Document, texts: Sequence[str]) -> tuple[list[str], set[str]]:
        """Each as a value of its own, so that no phrase goes over its end.

        Returns:
            the telephone numbers and IBANs in them, and the labels.
        """
        numbers: dict[str, None] = {}
        labels: set[str] = set()
        for text in texts:
            tokens = self._analysis.tokens(text)
            document.add_text("words", tokens.words)
            document.add_text("nl", tokens.nl)
            document.add_text("en", tokens.en)
            for code in tokens.code:
                document.add_text(schema.CODE, code)
            document.add_text("parts", tokens.parts)
            document.add_text("ends", tokens.ends)
            numbers |= dict.fromkeys(number_forms(text))
            if "#" in tokens.folded:
                labels.update(label[1:] for label in _LABEL.findall(tokens.folded))
        _add_all(document, "numbers", numbers)
        return list(numbers), labels


async def _files(db: Connection, ids: Sequence[str], revisions: dict[str, list[Revision]]) -> dict[str, list[FileRow]]:
    edits = [(edit.target_id, edit.event_id) for those in revisions.values() for edit in those]
    found: dict[str, list[FileRow]] = {}
    for file in await indexing.files(db, [*((event_id, event_id) for event_id in ids), *edits]):
        found.setdefault(file.message_id, []).append(file)
    return found


def _versions(row: MessageRow, edits: Sequence[Revision]) -> list[_Version]:
    """All texts, oldest first; of what was removed only the last one."""
    places = [edit.place for edit in edits]
    found = [_Version(row.body or "", row.formatted_body or "", row.msgtype, _detail(row.detail), None, places)]
    for number, edit in enumerate(edits, 1):
        html, detail = edit.formatted_body or "", _detail(edit.detail)
        found.append(_Version(edit.body, html, edit.msgtype, detail, edit, places[number:]))
    return found[-1:] if row.removed else found


def _detail(text: str | None) -> dict[str, Any]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _texts(row: MessageRow, version: _Version, files: Sequence[FileRow]) -> list[str]:
    """What is searched of a message: its text, the answers of a poll, where a place is, and the names of files."""
    body = version.body or unescape(_TAG.sub(" ", version.html))
    answers = _object(version.detail, "poll").get("answers")
    found = [
        without_quote(body, is_reply=row.reply_to is not None),
        *(str(answer.get("text") or "") for answer in (answers if isinstance(answers, list) else ())),
        str(_object(version.detail, "location").get("description") or ""),
        *(file.name for file in files),
    ]
    return list(dict.fromkeys(found))


def _common(row: MessageRow, version: _Version) -> Document:
    document = Document()
    document.add_integer(schema.SEQ, row.seq)
    document.add_integer(schema.SENT, schema.sent_key(row.sent_at, row.ord, row.sub))
    document.add_text("room", row.room_id)
    document.add_text("sender", row.sender)
    if row.thread_id is not None:
        document.add_text("thread", row.thread_id)
    if row.removed:
        document.add_text("is", "deleted")
    place = schema.place_key((row.ord, row.sub))
    _add_place(document, schema.PLACE, place)
    if version.edit is not None:
        document.add_text("is", "edited")
        edit = schema.place_key(version.edit.place)
        _add_place(document, schema.EDIT, edit)
        _add_place(document, schema.LOW, None if place is None or edit is None else min(place, edit))
    else:
        _add_place(document, schema.LOW, place)
    if version.later:
        document.add_text("is", OLD)
        for place_later in version.later:
            _add_place(document, schema.LATER, schema.place_key(place_later))
    return document


def _add_place(document: Document, field: str, key: int | None) -> None:
    """Without its place, a document is found only by who may read the whole room."""
    if key is not None:
        document.add_integer(field, key)


def _add_files(document: Document, files: Sequence[FileRow]) -> None:
    kinds: set[str] = set()
    for file in files:
        name = fold(file.name)
        document.add_text("filename", " ".join(words_of(name)))
        document.add_text("name", name)
        if file.size is not None:
            document.add_integer(schema.SIZE, file.size)
        mimetype = fold(file.mimetype or "").partition(";")[0].strip()
        kinds.update((file.kind, mimetype, *mimetype.split("/"), *_ending(name)))
    _add_all(document, "type", sorted(kinds - {""}))


def _ending(name: str) -> tuple[str, ...]:
    _, point, ending = name.rpartition(".")
    return (ending,) if point and ending.isalnum() else ()


def _talk(row: MessageRow, version: _Version) -> set[str]:
    """What is said to bots, and what they answer."""
    found = {f"!{word}" for word in _COMMAND.findall(fold(version.body))}
    if version.msgtype == "m.notice" and (row.reply_to is not None or row.thread_id is not None):
        found.add(schema.ANSWER)
    return found


def _holds(row: MessageRow, version: _Version, files: Sequence[FileRow], numbers: Iterable[str]) -> set[str]:
    found = {*_kinds(files), *_numbers(numbers)}
    if row.type == "m.poll.start":
        found.add("poll")
    if version.msgtype == "m.location" or "location" in version.detail:
        found.add("location")
    if _has_link(version.body) or _has_link(_PERSON.sub("", version.html)):
        found.add("link")
    return found


def _has_link(text: str) -> bool:
    return ("://" in text or "www." in text) and _LINK.search(text) is not None


def _kinds(files: Sequence[FileRow]) -> set[str]:
    """`has` of files; a sticker is none."""
    found: set[str] = set()
    for file in files:
        if file.kind in _HAS:
            half = (file.mimetype or "").partition("/")[0]
            found.update(("file", *_HAS[file.kind], *((half,) if half in _HAS else ())))
    return found


def _numbers(forms: Iterable[str]) -> set[str]:
    return {"iban" if _IBAN.match(form) else "phone" for form in forms}


def _mentions(version: _Version) -> set[str]:
    """Who is mentioned: as the client says (`m.mentions`), and whom the text links to."""
    listed = version.detail.get("mentions")
    found = {one for one in listed if isinstance(one, str)} if isinstance(listed, list) else set()
    for link in _PERSON.findall(version.html):
        person = permalink(unescape(link))
        if person is not None and person.id.startswith("@"):
            found.add(person.id)
    return found


def _object(detail: dict[str, Any], name: str) -> dict[str, Any]:
    found = detail.get(name)
    return found if isinstance(found, dict) else {}


def _add_all(document: Document, field: str, values: Iterable[str]) -> None:
    for value in values:
        document.add_text(field, value)

"""From events to rows of the archive's tables."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.archive.attachments import EVENT_TYPES, attachments_of
from bridge.archive.events import REDACTION, fit, object_of, text_of
from bridge.archive.recorder.texts import MESSAGE_TYPES, Text, text
from bridge.storage.events import EventRow
from bridge.storage.members import MembershipRow
from bridge.storage.readable import FIRST
from bridge.storage.recording import (
    AttachmentRow,
    MessageRow,
    PollEndRow,
    ReactionRow,
    RedactionRow,
    RevisionRow,
    VoteRow,
)
from bridge.storage.rooms import StateRow
from bridge.storage.visibility import VISIBILITIES, VisibilityRow

if TYPE_CHECKING:
    from bridge.archive.events import Event
    from bridge.storage.visibility import Visibility

_ANNOTATION, _EDIT, _REFERENCE, _THREAD = "m.annotation", "m.replace", "m.reference", "m.thread"
_VOTES = ("m.poll.response", "org.matrix.msc3381.poll.response")
_POLL_ENDS = ("m.poll.end", "org.matrix.msc3381.poll.end")
_VISIBILITY_TYPES = ("m.room.create", "m.room.history_visibility")
_NO_TEXT = Text(None, None, None, None)


@dataclass(slots=True)
class Rows:
    """What a batch of events comes to."""

    events: list[EventRow] = field(default_factory=list)
    messages: list[MessageRow] = field(default_factory=list)
    revisions: list[RevisionRow] = field(default_factory=list)
    reactions: list[ReactionRow] = field(default_factory=list)
    redactions: list[RedactionRow] = field(default_factory=list)
    votes: list[VoteRow] = field(default_factory=list)
    poll_ends: list[PollEndRow] = field(default_factory=list)
    attachments: list[AttachmentRow] = field(default_factory=list)
    memberships: list[MembershipRow] = field(default_factory=list)
    visibilities: list[VisibilityRow] = field(default_factory=list)
    state: dict[tuple[str, str, str], StateRow] = field(default_factory=dict)  # the last one of each

    def add(self, event: Event) -> None:
        """Add an event, each id once."""
        relation, target_id = event.relation, event.redacts or event.relation.target_id
        self.events.append(
            EventRow(
                event.event_id,
                event.seq,
                event.ord,
                event.sub,
                event.room_id,
                event.sender,
                event.type,
                event.state_key,
                event.sent_at,
                relation.rel_type if event.redacts is None else None,
                target_id,
                event.encrypted,
                event.decrypted,
            )
        )
        if event.redacts is not None:
            reason = text_of(event.content.get("reason"))
            self.redactions.append(
                RedactionRow(
                    event.event_id,
                    event.redacts,
                    event.room_id,
                    event.sender,
                    reason,
                    event.sent_at,
                    event.received_at,
                )
            )
        if event.state_key is not None:
            self._add_state(event, event.state_key)
        elif event.type in MESSAGE_TYPES:
            self._add_message(event)
        elif target_id is not None and event.type != REDACTION:
            self._add_related(event, target_id)

    def _add_state(self, event: Event, state_key: str) -> None:
        row = StateRow(
            event.room_id,
            event.type,
            state_key,
            event.event_id,
            event.sender,
            event.ord,
            event.sub,
            event.sent_at,
            json.dumps(event.content, ensure_ascii=False),
        )
        held = self.state.get(row[:3])
        if held is None or row.place > held.place:
            self.state[row[:3]] = row
        if event.type in _VISIBILITY_TYPES and not state_key:
            self._add_visibility(event)
        membership = event.content.get("membership")
        if event.type == "m.room.member" and isinstance(membership, str):
            self.memberships.append(
                MembershipRow(
                    event.room_id,
                    state_key,
                    event.ord,
                    event.sub,
                    event.event_id,
                    fit(membership),
                    event.sender,
                    text_of(event.content.get("displayname")),
                    text_of(event.content.get("avatar_url")),
                    text_of(event.content.get("reason")),
                    event.sent_at,
                )
            )

    def _add_visibility(self, event: Event) -> None:
        """`shared` from the beginning, and where the setting is not understood (as the specification says)."""
        begins = event.type == "m.room.create"
        said = None if begins else event.content.get("history_visibility")
        visibility: Visibility = next((one for one in VISIBILITIES if one == said), "shared")
        place = FIRST if begins else (event.ord, event.sub)
        self.visibilities.append(VisibilityRow(event.room_id, *place, event.event_id, visibility))

    def _add_message(self, event: Event) -> None:
        unread = event.encrypted and not event.decrypted
        kind, relation, new = MESSAGE_TYPES[event.type], event.relation, event.content.get("m.new_content")
        if relation.rel_type == _EDIT and relation.target_id is not None and (unread or isinstance(new, dict)):
            says = _NO_TEXT if unread else text(event.type, object_of(new))
            self.revisions.append(
                RevisionRow(
                    event.event_id,
                    relation.target_id,
                    event.room_id,
                    event.ord,
                    event.sub,
                    event.sender,
                    event.sent_at,
                    kind,
                    *says,
                )
            )
        else:
            says = _NO_TEXT if unread else text(event.type, event.content)
            threaded = relation.rel_type == _THREAD
            self.messages.append(
                MessageRow(
                    event.event_id,
                    event.room_id,
                    event.ord,
                    event.sub,
                    event.sender,
                    event.sent_at,
                    kind,
                    says.msgtype,
                    says.body,
                    says.formatted_body,
                    None if threaded and relation.falling_back else relation.reply_to,
                    relation.target_id if threaded else None,
                    says.detail,
                )
            )
        if event.type in EVENT_TYPES:
            self._add_attachments(event)

    def _add_attachments(self, event: Event) -> None:
        self.attachments.extend(
            AttachmentRow(event.event_id, n, event.room_id, ref.media_id, ref.kind, ref.name, ref.mimetype, ref.size)
            for n, ref in enumerate(attachments_of(event.content, event.type))
        )

    def _add_related(self, event: Event, target_id: str) -> None:
        head = (event.event_id, target_id, event.room_id, event.sender)
        rel_type = event.relation.rel_type
        if event.type == "m.reaction" and rel_type == _ANNOTATION:
            key = text_of(object_of(event.content.get("m.relates_to")).get("key"))
            if key is not None:
                self.reactions.append(ReactionRow(*head, key, event.sent_at))
        elif event.type in _VOTES and rel_type == _REFERENCE:
            answers = json.dumps(_answers(event.content), ensure_ascii=False)
            self.votes.append(VoteRow(*head, answers, event.sent_at))
        elif event.type in _POLL_ENDS and rel_type == _REFERENCE:
            self.poll_ends.append(PollEndRow(*head, event.sent_at))


def _answers(content: dict[str, Any]) -> list[str]:
    """The ids of the answers of a vote; none when it is spoiled (MSC3381)."""
    found = content.get("m.selections")
    if found is None:
        found = object_of(content.get("org.matrix.msc3381.poll.response")).get("answers")
    if not isinstance(found, list) or not all(isinstance(answer, str) for answer in found):
        return []
    return found

"""The content of the events of a script, as Element sends them."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.demo.files import MadeFile
    from bridge.demo.script import Employee, Step

# Element still sends polls under the names of the proposal (MSC3381).
POLL_START, POLL_RESPONSE, POLL_END = (f"org.matrix.msc3381.poll.{name}" for name in ("start", "response", "end"))
_TEXT = "org.matrix.msc1767.text"
_MENTION = re.compile(r"@(\w+)")


@dataclass(frozen=True, slots=True)
class Names:
    """What is needed to speak of people and of earlier events."""

    people: Mapping[str, Employee]
    user_id: Callable[[str], str]  # of a localpart
    event_id: Callable[[str], str]  # of the key of an earlier step


def event_of(step: Step, names: Names) -> tuple[str, dict[str, Any]]:
    """(type, content) of a step without a file.

    Raises:
        KeyError: the step is of another kind.
    """
    event_type, content = _BUILDERS[step.kind](step, names)
    return event_type, content | _relation(step, names)


def file_event(step: Step, made: MadeFile, where: Mapping[str, Any], names: Names) -> tuple[str, dict[str, Any]]:
    """(type, content) of a step with a file.

    Args:
        where: `{"url": ...}`, or `{"file": {...}}` in an encrypted room.
    """
    info: dict[str, Any] = {"mimetype": made.mimetype, "size": len(made.data), **made.info}
    body = str(step.data.get("name") or step.data.get("text") or made.name)
    content: dict[str, Any] = {"body": body, "info": info, **where}
    if step.kind == "sticker":
        return "m.sticker", content
    kinds = {"file": "m.file", "image": "m.image", "voice": "m.audio"}
    content["msgtype"] = kinds[step.kind]
    if step.kind == "voice":
        content["org.matrix.msc1767.audio"] = {"duration": made.info["duration"], "waveform": list(made.waveform)}
        content["org.matrix.msc3245.voice"] = {}
    else:
        content["filename"] = body
    return "m.room.message", content | _relation(step, names)


def _relation(step: Step, names: Names) -> dict[str, Any]:
    if step.thread:
        root = names.event_id(step.thread)
        fallback = {"is_falling_back": True, "m.in_reply_to": {"event_id": root}}
        return {"m.relates_to": {"rel_type": "m.thread", "event_id": root, **fallback}}
    if step.reply:
        return {"m.relates_to": {"m.in_reply_to": {"event_id": names.event_id(step.reply)}}}
    return {}


def _words(text: str, names: Names) -> dict[str, Any]:
    """A text in which `@localpart` mentions somebody."""
    mentioned = [who for who in _MENTION.findall(text) if who in names.people]
    content: dict[str, Any] = {"msgtype": "m.text", "m.mentions": {}}
    if not mentioned:
        return content | {"body": text}

    def plain(match: re.Match[str]) -> str:
        return names.people[match[1]].name if match[1] in names.people else match[0]

    def pill(match: re.Match[str]) -> str:
        if match[1] not in names.people:
            return match[0]
        link = f"https://matrix.to/#/{names.user_id(match[1])}"
        return f'<a href="{link}">{html.escape(names.people[match[1]].name)}</a>'

    return content | {
        "body": _MENTION.sub(plain, text),
        "format": "org.matrix.custom.html",
        "formatted_body": _MENTION.sub(pill, html.escape(text)).replace("\n", "<br>"),
        "m.mentions": {"user_ids": [names.user_id(who) for who in mentioned]},
    }


def _text(step: Step, names: Names) -> tuple[str, dict[str, Any]]:
    return "m.room.message", _words(step.data["text"], names)


def _edit(step: Step, names: Names) -> tuple[str, dict[str, Any]]:
    new = _words(step.data["text"], names)
    target = {"rel_type": "m.replace", "event_id": names.event_id(step.data["target"])}
    return "m.room.message", {**new, "body": f"* {new['body']}", "m.new_content": new, "m.relates_to": target}


def _redact(step: Step, names: Names) -> tuple[str, dict[str, Any]]:
    content = {"redacts": names.event_id(step.data["target"])}
    return "m.room.redaction", content | ({"reason": step.data["reason"]} if "reason" in step.data else {})


def _react(step: Step, names: Names) -> tuple[str, dict[str, Any]]:
    target = names.event_id(step.data["target"])
    return "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": step.data["emoji"]}}


def _location(step: Step, names: Names) -> tuple[str, dict[str, Any]]:
    del names
    uri, text = step.data["uri"], step.data["text"]
    return "m.room.message", {
        "msgtype": "m.location",
        "body": f"{text} ({uri})",
        "geo_uri": uri,
        "org.matrix.msc3488.location": {"uri": uri, "description": text},
        "org.matrix.msc3488.asset": {"type": "m.pin"},
        _TEXT: text,
    }


def _poll(step: Step, names: Names) -> tuple[str, dict[str, Any]]:
    del names
    answers = [{"id": str(number), _TEXT: text} for number, text in enumerate(step.data["answers"], 1)]
    question = step.data["question"]
    lines = [question, *(f"{number}. {answer[_TEXT]}" for number, answer in enumerate(answers, 1))]
    return POLL_START, {
        POLL_START: {
            "kind": "org.matrix.msc3381.poll.disclosed",
            "max_selections": 1,
            "question": {_TEXT: question, "body": question, "msgtype": "m.text"},
            "answers": answers,
        },
        _TEXT: "\n".join(lines),
    }


def _vote(step: Step, names: Names) -> tuple[str, dict[str, Any]]:
    target = {"rel_type": "m.reference", "event_id": names.event_id(step.data["target"])}
    return POLL_RESPONSE, {POLL_RESPONSE: {"answers": [str(step.data["answer"])]}, "m.relates_to": target}


def _end_poll(step: Step, names: Names) -> tuple[str, dict[str, Any]]:
    target = {"rel_type": "m.reference", "event_id": names.event_id(step.data["target"])}
    return POLL_END, {POLL_END: {}, "m.relates_to": target, _TEXT: "De stemming is gesloten."}


_BUILDERS: Mapping[str, Callable[[Step, Names], tuple[str, dict[str, Any]]]] = {
    "text": _text,
    "edit": _edit,
    "redact": _redact,
    "react": _react,
    "location": _location,
    "poll": _poll,
    "vote": _vote,
    "end_poll": _end_poll,
}

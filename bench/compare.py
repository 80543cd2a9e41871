"""Whether an export holds what the homeserver says: every event once, and in the right state."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def differences(events: Iterable[dict[str, Any]], lines: Iterable[dict[str, Any]]) -> list[str]:
    """What is lost, doubled or wrong; nothing when both are the same.

    Args:
        events: from the homeserver's `/messages`.
        lines: of `postkamer export`.
    """
    by_id = {event["event_id"]: event for event in events}
    lines = list(lines)
    exported = Counter(line["event_id"] for line in lines)
    line_of = {line["event_id"]: line for line in lines}
    exported.update(edit["event_id"] for line in lines for edit in line["edits"])
    found = [f"doubled: {event_id}" for event_id, times in exported.items() if times > 1]
    found += [f"not on the homeserver: {event_id}" for event_id in exported if event_id not in by_id]
    redactions = {_redacts(event): event for event in by_id.values() if event["type"] == "m.room.redaction"}
    reactions: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for event_id, event in by_id.items():
        relation = event["content"].get("m.relates_to", {})
        if event["type"] == "m.room.redaction":
            target = line_of.get(_redacts(event))
            if target is not None and (not target["redacted"] or target["redacted"]["by"] != event["sender"]):
                found.append(f"redaction lost: {event_id}")
        elif event["type"] == "m.reaction":
            if event_id not in redactions and "key" in relation:
                reactions[relation["event_id"]][event["sender"], relation["key"]] += 1
        elif event_id not in exported:
            if relation.get("rel_type") == "m.replace" and relation["event_id"] in redactions:
                continue
            found.append(f"lost: {event['type']} {event_id}")
        elif (
            event_id in line_of
            and relation.get("rel_type") != "m.replace"
            and line_of[event_id]["body"] != event["content"].get("body")
        ):
            found.append(f"other text: {event_id}")
    for target_id, expected in reactions.items():
        line = line_of.get(target_id)
        if line is None or line["redacted"]:
            continue
        held = Counter((reaction["sender"], reaction["key"]) for reaction in line["reactions"])
        if held != expected:
            found.append(f"reactions differ: {target_id}")
    return found


def _redacts(event: dict[str, Any]) -> str:
    return str(event.get("redacts") or event["content"].get("redacts"))

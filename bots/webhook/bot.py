"""`!webhook nieuw`, `lijst` and `weg`, for managers of the room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bridge.botapi import Bot, Code, User, UserError, Words, button, command, line, plain_word, say

if TYPE_CHECKING:
    from bridge.botapi import Ask, Reply, Say, Webhook

LONGEST = 40  # characters of a name


class WebhookBot(Bot):
    """The URL of a webhook is told to who made it, once, and to nobody else."""

    name = "webhook"
    words = Words(nl="webhook", en="webhook", also=("webhooks",))

    @command("nieuw", "new", allow="manager")
    async def new(self, ask: Ask, name: str, signed: Literal["signed"] | None = None) -> Reply:
        """Make one for this room; with `signed` it takes only what is signed with its key."""
        name = " ".join(name.split())
        if len(name) > LONGEST:
            raise UserError("new.long", most=LONGEST)
        made, url, key = await ask.webhooks.create(name, signed=signed is not None, cause=ask.cause)
        reply = say("new.made", name=made.name, room=ask.room.name).and_say("new.url", url=Code(url))
        if key is not None:
            reply = reply.and_say("new.key", key=Code(key))
        told = line("new.told", name=made.name, who=User(ask.sender.user_id, ask.sender.name))
        return reply.and_say("new.try", curl=Code(_curl(url, key))).and_say("new.secret").in_private(told=told)

    @command("lijst", "list", allow="manager")
    async def show(self, ask: Ask) -> Reply:
        """Those of this room, without their secrets."""
        found = await ask.webhooks.all()
        if not found:
            return say(
                "show.none", example=Code(f"!{'webhook nieuw' if ask.language == 'nl' else 'webhook new'} Grafana")
            )
        return say("show.top", count=len(found)).items(_item(one) for one in found)

    @command("weg", "remove", allow="manager")
    async def remove(self, ask: Ask, name: str) -> Reply:
        """Ask whether it is meant, since who posts to it is told nothing."""
        found = next((one for one in await ask.webhooks.all() if plain_word(name) == plain_word(one.name)), None)
        if found is None:
            raise UserError("remove.unknown", name=name)
        return (
            say("remove.sure", name=found.name)
            .button("✅", self.confirm, webhook_id=found.id, name=found.name)
            .button("❌", self.keep, name=found.name)
        )

    @button
    async def confirm(self, ask: Ask, webhook_id: str, name: str) -> Reply:
        """Remove it."""
        await ask.webhooks.remove(webhook_id)
        return say("remove.done", name=name, who=User(ask.sender.user_id, ask.sender.name)).in_place()

    @button
    async def keep(self, ask: Ask, name: str) -> Reply:
        """Leave it as it is."""
        del ask
        return say("remove.kept", name=name).in_place()


def _item(one: Webhook) -> Say:
    used = line("show.used", count=one.uses, at=one.used_at) if one.used_at else line("show.unused")
    key = "show.signed" if one.signed else "show.item"
    return line(key, name=one.name, by=User(one.created_by, ""), at=one.created_at, used=used)


def _curl(url: str, key: str | None) -> str:
    """A line for the shell that posts something."""
    plain = f"curl -H 'Content-Type: application/json' -d \"$BODY\" '{url}'"
    body = """BODY='{"text": "Hallo!"}'"""
    if key is None:
        return f"{body}; {plain}"
    signed = f"printf %s \"$BODY\" | openssl dgst -sha256 -hmac '{key}' -r | cut -d' ' -f1"
    return f'{body}; SUM=$({signed}); {plain} -H "X-Hub-Signature-256: sha256=$SUM"'

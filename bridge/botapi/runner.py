"""From a question to an answer: which command, may they, arguments, handler, reply. Here errors become replies.

Language: `ask.language` is the person's setting, else the company's. A person who has set none and uses a word that
only the other language has (`!archive`) gets that one.
"""

from __future__ import annotations

import inspect
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from bridge.botapi import help as helper
from bridge.botapi.actions import Action, Choice, Press, number_of, plain_key
from bridge.botapi.catalog import HELP, Catalog, Meets, in_language
from bridge.botapi.convert import Binder, QuestionError
from bridge.botapi.errors import BotError, BusyError, DeniedError, UsageError, UserError
from bridge.botapi.render import Renderer
from bridge.botapi.reply import Block, Reply, Say, line, say
from bridge.botapi.rights import may
from bridge.botapi.strings import LANGUAGES
from bridge.botapi.values import Reader
from bridge.botapi.words import plain_phrase, plain_word, split, without_bang

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bridge.botapi.ask import Ask
    from bridge.botapi.bot import Bot
    from bridge.botapi.catalog import Entry
    from bridge.botapi.render import Answer
    from bridge.botapi.rights import Role
    from bridge.botapi.words import Line, Word

log = structlog.get_logger(__name__)

CORE: Final = "core"  # the bot that keeps the language of a person, and greets first
_HELP: Final = frozenset(HELP)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is answered, before it is written out.

    Attributes:
        parts: replies with the name of the bot whose strings they use; None: the framework's alone.
        entry: the command that they come from.
        choices: the answers to the question that it is.
    """

    ask: Ask
    parts: tuple[tuple[str | None, Reply], ...]
    bot: str | None = None
    entry: Entry | None = None
    choices: tuple[Choice, ...] = ()


class Runner:
    """The bots that share one Matrix user.

    Raises (constructor): PostkamerError when two bots claim a word, or a bot lacks strings.
    """

    def __init__(self, bots: Sequence[Bot]) -> None:
        self.bots = bots
        self.catalog = Catalog(bots)
        self._renderer = Renderer(self.catalog.lexicon)
        for bot in bots:
            if isinstance(bot, Meets):
                bot.meet(self.catalog)

    async def message(self, ask: Ask, text: str, *, addressed: bool) -> Answer | None:
        """Answer a message.

        Args:
            text: without a reply's quotation, and without the bot's name in front. A link to a person or a room in its
                HTML stands in it as that link.
            addressed: it is for us also without a `!`: in a direct chat, or the bot was named in front.

        Returns:
            None when it is none of ours (no `!`, not addressed), or there is nothing to say. Never raises: an
            unexpected error is logged with `ask.cause` and answered with a reference.
        """
        said = without_bang(text)
        if said is None and not addressed:
            return None
        return await self._answer(ask, lambda: self._message(ask, text if said is None else said, addressed))

    async def reply(self, ask: Ask, action: Mapping[str, Any], text: str) -> Answer | None:
        """Somebody replied to a message of ours that has this `action`: with the number of an answer, with the answer,
        or with a word that presses a button.

        In a direct chat that is also whoever wrote something after it.

        Returns:
            None when it is none of that: then it is a message like any other.
        """
        kept = Action.from_json(action)
        if kept is None or kept.asker != ask.sender.user_id:
            return None
        word = plain_word(text)
        if pressed := next((press for press in kept.buttons.values() if word in press.said), None):
            return await self._answer(ask, lambda: self._pressed(ask, kept, pressed))
        if not kept.choices:
            return None
        number = number_of(text)
        if number is None:
            labels = [plain_word(choice.label) for choice in kept.choices]
            number = labels.index(word) + 1 if word in labels else None
        if number is None:
            return None
        if not 1 <= number <= len(kept.choices):
            outcome = Outcome(ask, ((None, say("error.out_of_range", most=len(kept.choices))),))
            return self._written(outcome)
        return await self._answer(ask, lambda: self._chosen(ask, kept, number))

    async def press(self, ask: Ask, action: Mapping[str, Any], key: str) -> Answer | None:
        """Somebody reacted with `key` to a message of ours that has this `action`; None when that means nothing."""
        kept = Action.from_json(action)
        if kept is None:
            return None
        is_asker = kept.asker == ask.sender.user_id
        number = number_of(key) if plain_key(key).endswith("\u20e3") else None
        if number is not None and is_asker and 1 <= number <= len(kept.choices):
            return await self._answer(ask, lambda: self._chosen(ask, kept, number))
        pressed = next((press for emoji, press in kept.buttons.items() if plain_key(emoji) == plain_key(key)), None)
        if pressed is None or not ask.roles or (pressed.only_asker and not is_asker):
            return None
        return await self._answer(ask, lambda: self._pressed(ask, kept, pressed))

    async def joined(self, ask: Ask) -> Answer | None:
        """Greet a room that the bot has joined; None when no bot has anything to say."""

        async def greet() -> Outcome | None:
            first = sorted(self.bots, key=lambda bot: bot.name != CORE)
            greetings = [(bot.name, await bot.greeting(ask)) for bot in first]
            return Outcome(ask, tuple((name, reply) for name, reply in greetings if reply is not None))

        return await self._answer(ask, greet)

    async def job(self, ask: Ask, bot: str, action: str, args: Mapping[str, Any]) -> Answer | None:
        """Do what is due.

        What a bot refuses is told to the person alone: nobody in the room has just asked.

        Raises:
            Exception: of any kind; the job is tried again later. LookupError: no bot of ours has such a job.
        """
        found = self.catalog.bot(bot)
        if found is None or not found.is_job(action):
            raise LookupError(f"there is no job {bot}.{action}")
        try:
            reply = await getattr(found, action)(ask, **args)
        except BusyError:
            raise
        except BotError as error:
            refused = self._refused(ask, bot, None, error)
            parts = tuple((name, one.in_private()) for name, one in refused.parts)
            return self._written(replace(refused, parts=parts))
        return None if reply is None else self._written(Outcome(ask, ((bot, reply),), bot))

    def refuse(self, ask: Ask, error: BotError) -> Answer:
        """An error of the framework's as an answer: `BusyError` from the limit per person."""
        return self._written(Outcome(ask, ((None, _error_reply(error)),)))

    async def _answer(self, ask: Ask, work: Callable[[], Awaitable[Outcome | None]]) -> Answer | None:
        try:
            outcome = await work()
            return self._written(outcome) if outcome is not None and outcome.parts else None
        except Exception:
            ask.effects.clear()
            reference = secrets.token_hex(4)
            log.exception("a question could not be answered", cause=ask.cause, reference=reference)
            return self._written(Outcome(ask, ((None, say("error.broken", reference=reference)),)))

    async def _message(self, ask: Ask, text: str, addressed: bool) -> Outcome | None:
        if not ask.roles:
            return Outcome(ask, ((None, say("error.stranger")),)) if addressed else None
        said = split(text)
        if not said.words:
            return self._help(ask, "") if addressed else None
        first = said.words[0].text
        group = self.catalog.groups.get(plain_word(first))
        if group is not None:
            return await self._in_group(ask, group, said)
        if match := self.catalog.match(None, said.words):
            entry, count = match
            ask = await self._in_language_of(ask, [(_phrase(said.words[:count]), entry.command.words)])
            return await self._run(ask, entry, said.after(count))
        if addressed and (short := self.catalog.short(first)):
            ask = await self._in_language_of(ask, [(first, short.command.words)])
            return await self._run(ask, short, said.after(1))
        return self._not_found(ask, said, addressed)

    def _not_found(self, ask: Ask, said: Line, addressed: bool) -> Outcome | None:
        """Another bot may be meant, when we are not addressed and it is like nothing of ours."""
        text = said.text
        if plain_word(said.words[0].text) in _HELP and addressed:
            return self._help(ask, said.rest(1))
        if not addressed and helper.nearest(self.catalog, ask, text) is None:
            return None
        return Outcome(ask, ((None, helper.unknown(self.catalog, ask, text)),))

    async def _in_group(self, ask: Ask, group: Bot, said: Line) -> Outcome:
        first, *words = said.words
        assert group.words is not None  # noqa: S101 - it was found by them
        own = self.catalog.own(group)
        entry, count = self.catalog.match(group, words) or (None, 0)
        if own is not None and entry is not None and (words[0].quoted or (not entry.params and count < len(words))):
            entry, count = None, 0
        used = [(first.text, group.words), *([(_phrase(words[:count]), entry.command.words)] if entry else [])]
        ask = await self._in_language_of(ask, used)
        if entry is not None:
            return await self._run(ask, entry, said.after(1 + count))
        if not words and own is not None and not any(param.required for param in own.params):
            return await self._run(ask, own, said.after(1))
        if not words or (plain_word(words[0].text) in _HELP and not (own and (words[0].quoted or len(words) > 1))):
            return self._help(ask, said.text)
        if own is not None:
            return await self._run(ask, own, said.after(1))
        return Outcome(ask, ((None, helper.unknown(self.catalog, ask, said.rest(1), group)),))

    def _help(self, ask: Ask, about: str) -> Outcome:
        return Outcome(ask, ((None, helper.help_on(self.catalog, ask, about)),))

    async def _run(self, ask: Ask, entry: Entry, args: Line) -> Outcome:
        """Check the right, convert, and run a command; its errors become replies."""
        name = entry.bot.name
        try:
            if not may(ask.roles, entry.allow):
                return _lacks_role(ask, entry.allow, name)
            values = await Binder(entry, ask, args).bind()
            reply = await getattr(entry.bot, entry.method)(ask, **values)
        except QuestionError as question:
            return _question(ask, entry, question)
        except BotError as error:
            return self._refused(ask, name, entry, error)
        return Outcome(ask, ((name, reply),) if reply is not None else (), name, entry)

    def _refused(self, ask: Ask, bot: str, entry: Entry | None, error: BotError) -> Outcome:
        ask.effects.clear()
        if isinstance(error, DeniedError):
            log.info("refused", cause=ask.cause, bot=bot, reason=error.reason)
        parts: list[tuple[str | None, Reply]] = [(bot, _error_reply(error))]
        if isinstance(error, UsageError) and entry is not None:
            parts.append((bot, helper.usage_lines(entry, ask)))
        return Outcome(ask, tuple(parts))

    async def _chosen(self, ask: Ask, kept: Action, number: int) -> Outcome:
        entry = self.catalog.entry(kept.bot, kept.command)
        if entry is None:
            return Outcome(ask, ((None, say("error.old_button")),))
        ask = replace(ask, target=kept.target)
        return await self._run(ask, entry, split(kept.choices[number - 1].line))

    async def _pressed(self, ask: Ask, kept: Action, pressed: Press) -> Outcome:
        bot = self.catalog.bot(kept.bot)
        entry = self.catalog.entry(kept.bot, kept.command)
        gone = kept.command is not None and entry is None
        if bot is None or gone or not bot.is_button(pressed.handler):
            return Outcome(ask, ((None, say("error.old_button")),))
        handler = getattr(bot, pressed.handler)
        try:
            inspect.signature(handler).bind(ask, **pressed.args)
        except TypeError:
            return Outcome(ask, ((None, say("error.old_button")),))
        try:
            allow: Role = entry.allow if entry else "staff"
            if not may(ask.roles, allow):
                return _lacks_role(ask, allow, kept.bot)
            reply = await handler(replace(ask, target=kept.target), **pressed.args)
        except BotError as error:
            return self._refused(ask, kept.bot, None, error)
        return Outcome(ask, ((kept.bot, reply),) if reply is not None else (), kept.bot, entry)

    async def _in_language_of(self, ask: Ask, used: Sequence[tuple[str, Any]]) -> Ask:
        """The ask, in the language of its words when these are of one language and the person has set none."""
        spoken = set(LANGUAGES)
        for word, words in used:
            plain = plain_phrase(word)
            spoken &= {one for one in LANGUAGES if plain_phrase(in_language(words, one)) == plain} or spoken
        if len(spoken) != 1 or ask.language in spoken:
            return ask
        stored = await ask.stored.get(CORE, "person", ask.sender.user_id)
        return ask if stored.get("language") in LANGUAGES else replace(ask, language=spoken.pop())

    def _written(self, outcome: Outcome) -> Answer:
        ask = outcome.ask
        action = _action(outcome)
        return self._renderer.answer(
            outcome.parts,
            Reader(_language_of(outcome), ask.timezone, ask.now),
            action=action.to_json() if action else None,
            choices=len(outcome.choices),
            direct=ask.room.direct,
        )


def _phrase(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _lacks_role(ask: Ask, role: Role, bot: str) -> Outcome:
    """Who may not is told who may."""
    log.info("refused", cause=ask.cause, bot=bot, reason=f"needs {role}")
    return Outcome(ask, ((None, helper.needs(role)),))


def _question(ask: Ask, entry: Entry, question: QuestionError) -> Outcome:
    lines = tuple(
        line("question.choice", number=number, label=choice.label) for number, choice in enumerate(question.choices, 1)
    )
    top = say("question.choose", what=question.what)
    reply = Reply((*top.blocks, Block(lines)))
    return Outcome(ask, ((None, reply),), entry.bot.name, entry, question.choices)


def _action(outcome: Outcome) -> Action | None:
    """What is kept with the answer; None when it has no buttons and asks nothing."""
    buttons = {
        button.key: Press(button.handler, button.args, button.only_asker, button.said)
        for _, reply in outcome.parts
        for button in reply.buttons
    }
    if outcome.bot is None or not (buttons or outcome.choices):
        return None
    ask = outcome.ask
    command = outcome.entry.method if outcome.entry else None
    return Action(outcome.bot, command, ask.sender.user_id, ask.target, buttons, outcome.choices)


def _language_of(outcome: Outcome) -> str:
    """What a reply says of it, else that of the ask, unless this very ask has set it."""
    ask = outcome.ask
    wanted = next((reply.language for _, reply in outcome.parts if reply.language), None)
    if wanted is not None:
        return wanted
    own = (CORE, "person", ask.sender.user_id, "language")
    chosen = [new.value for new in ask.effects.settings if (new.bot, new.scope, new.subject, new.name) == own]
    return str(chosen[-1]) if chosen and chosen[-1] in LANGUAGES else ask.language


def _error_reply(error: BotError) -> Reply:
    what = Say(error.key, dict(error.values))
    if isinstance(error, UsageError):
        return say("error.usage", what=what)
    if isinstance(error, UserError):
        return say("error.user", what=what)
    return Reply((Block((what,)),))

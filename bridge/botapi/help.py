"""What the asker may do, written out; and what they may have meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from bridge.botapi.catalog import HELP, in_language
from bridge.botapi.reply import Block, Code, Reply, Say, excerpt, line, say
from bridge.botapi.rights import may
from bridge.botapi.strings import LANGUAGES
from bridge.botapi.words import Word, plain_word, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.botapi.ask import Ask
    from bridge.botapi.bot import Bot
    from bridge.botapi.catalog import Catalog, Entry
    from bridge.botapi.rights import Role

_NEAR: Final = 0.78  # of 1: how alike a word must be to be proposed
_OTHER: Final = {"nl": "en", "en": "nl"}


def help_on(catalog: Catalog, ask: Ask, about: str) -> Reply:
    """Help on all, on a bot (`archief`), or on a command (`archief terug`, `terug`), in words of either language."""
    words = [word.text.lstrip("!") for word in split(about).words]
    words = [word for word in words if plain_word(word) not in set(HELP)]
    if not words:
        return overview(catalog, ask)
    group = catalog.groups.get(plain_word(words[0]))
    if group is not None and (closed := _closed(catalog, ask, group)):
        return closed
    if group is not None and len(words) == 1:
        return help_of_bot(catalog, ask, group)
    wanted = words[1:] if group else words
    bots = (group,) if group else (None, *(bot for bot in catalog.bots if bot.words))
    matched = [match[0] for bot in bots if (match := catalog.match(bot, [Word(word, 0, 0) for word in wanted]))]
    found = [entry for entry in matched if may(ask.roles, entry.allow)]
    if found:
        return _join([help_of_command(entry, ask) for entry in found])
    if matched:
        return needs(matched[0].allow)
    return unknown(catalog, ask, about, group)


def overview(catalog: Catalog, ask: Ask) -> Reply:
    """All that the asker may do, by bot."""
    reply = say("guide.top_direct" if ask.room.direct else "guide.top")
    for bot in catalog.bots:
        entries = list(_allowed(catalog, ask, bot))
        if entries:
            reply = _join([reply, _heading(bot, ask.language)]).items(_lines(entries, ask.language))
    return reply.and_say("guide.more", example=Code(f"!{in_language(HELP, ask.language)} {_first(catalog, ask)}"))


def help_of_bot(catalog: Catalog, ask: Ask, bot: Bot) -> Reply:
    """What the asker may do with one bot, and what else it wants to be known (`more`)."""
    reply = _heading(bot, ask.language).items(_lines(_allowed(catalog, ask, bot), ask.language))
    return reply.and_say(f"{bot.name}:more") if catalog.strings[bot.name].has("more") else reply


def help_of_command(entry: Entry, ask: Ask) -> Reply:
    """All about a command."""
    reply = Reply((Block(tuple(_lines([entry], ask.language))),))
    if any(param.kind.name == "target" for param in entry.params):
        reply = reply.and_say("guide.target")
    if example := entry.example(ask.language):
        reply = reply.and_say("guide.example", example=Code(example))
    other = entry.phrase(_OTHER[ask.language])
    return reply if other == entry.phrase(ask.language) else reply.and_say("guide.in_other", command=Code(f"!{other}"))


def usage_lines(entry: Entry, ask: Ask) -> Reply:
    """What is shown below the reason when a command was not understood."""
    reply = say("guide.usage", usage=Code(entry.usage(ask.language)))
    example = entry.example(ask.language)
    return reply.and_say("guide.example", example=Code(example)) if example else reply


def unknown(catalog: Catalog, ask: Ask, text: str, group: Bot | None = None) -> Reply:
    """It is no command; the nearest that the asker may use, and where to find the rest."""
    if group is not None and (closed := _closed(catalog, ask, group)):
        return closed
    near = nearest(catalog, ask, text, group)
    if near:
        return say("unknown.near", given=_given(text), near=Code(f"!{near}"), help=_help(ask))
    if group is not None:
        return _join([say("unknown.in_group", given=_given(text)), help_of_bot(catalog, ask, group)])
    return say("unknown.nothing", given=_given(text), help=_help(ask))


def needs(role: Role) -> Reply:
    """Who may do it. That there is such a command is no secret."""
    return say(f"error.needs.{role}")


def nearest(catalog: Catalog, ask: Ask, text: str, group: Bot | None = None) -> str | None:
    """The words of the nearest command or bot that the asker may use, in the language that was nearest."""
    words = [plain_word(word.text.lstrip("!")) for word in split(text).words[:2]]
    if not words:
        return None
    candidates: dict[str, str] = {}
    for bot in catalog.bots:
        for entry in _allowed(catalog, ask, bot):
            for language in LANGUAGES:
                phrase = entry.phrase(language)
                if group is None and bot.words:
                    candidates.setdefault(in_language(bot.words, language), in_language(bot.words, language))
                if group in {None, bot}:
                    candidates[phrase] = phrase
                    candidates.setdefault(in_language(entry.command.words, language) or phrase, phrase)
    tries = (" ".join(words), *words[:1]) if group is None else words[:1]
    for attempt in tries:
        swapped = [one for one in candidates if sorted(one) == sorted(attempt)]
        if found := swapped or difflib.get_close_matches(attempt, candidates, n=1, cutoff=_NEAR):
            return candidates[found[0]]
    return None


def _allowed(catalog: Catalog, ask: Ask, bot: Bot) -> Iterator[Entry]:
    return (entry for entry in catalog.of(bot) if may(ask.roles, entry.allow))


def _closed(catalog: Catalog, ask: Ask, bot: Bot) -> Reply | None:
    """What is said when the asker may use nothing of a bot."""
    entries = list(catalog.of(bot))
    if not entries or any(may(ask.roles, entry.allow) for entry in entries):
        return None
    return needs(entries[0].allow)


def _heading(bot: Bot, language: str) -> Reply:
    about = line(f"{bot.name}:about")
    if bot.words is None:
        return say("guide.bot", about=about)
    word, other = in_language(bot.words, language), in_language(bot.words, _OTHER[language])
    if word == other:
        return say("guide.group", word=Code(f"!{word}"), about=about)
    return say("guide.group_both", word=Code(f"!{word}"), other=Code(f"!{other}"), about=about)


def _lines(entries: Iterator[Entry] | Sequence[Entry], language: str) -> Iterator[Say]:
    for entry in entries:
        yield line("guide.line", usage=Code(entry.usage(language)), help=line(f"{entry.bot.name}:{entry.method}.help"))


def _first(catalog: Catalog, ask: Ask) -> str:
    entries = [entry for bot in catalog.bots for entry in _allowed(catalog, ask, bot)]
    return next((entry.phrase(ask.language) for entry in entries if not set(entry.command.words) & set(HELP)), "")


def _help(ask: Ask) -> Code:
    return Code(in_language(HELP, ask.language) if ask.room.direct else f"!{in_language(HELP, ask.language)}")


def _given(text: str) -> Code:
    """A command as it was written, without what follows it."""
    return excerpt(" ".join(word.text for word in split(text).words[:2]))


def _join(replies: Sequence[Reply]) -> Reply:
    return Reply(tuple(block for reply in replies for block in reply.blocks))

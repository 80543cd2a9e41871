"""All settings of all bots, as people see and change them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final, cast

from bridge.botapi import (
    Block,
    Code,
    DeniedError,
    Reply,
    UsageError,
    excerpt,
    line,
    may,
    plain_word,
    read,
    read_settings,
    say,
    write_setting,
)

if TYPE_CHECKING:
    from bridge.botapi import Ask, Bot, Catalog, Say, Setting, Value

_DEFAULT: Final = frozenset(("standaard", "default"))


class Panel:
    """The settings of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._settings = catalog.settings

    def of(self, bot: Bot, name: str) -> Setting:
        """One that is known to be there."""
        return next(one for one in self._settings if one.bot is bot and one.name == name)

    def named(self, ask: Ask, word: str) -> Setting:
        """The setting that somebody means, by its word in either language.

        Raises:
            UsageError: there is none.
        """
        by_word = {plain_word(one.word(language)): one for one in self._settings for language in ("nl", "en")}
        wanted = plain_word(word)
        if wanted in by_word:
            return by_word[wanted]
        near = difflib.get_close_matches(wanted, by_word, n=1)
        if near:
            raise UsageError("no_setting_near", given=excerpt(word), near=Code(by_word[near[0]].word(ask.language)))
        names = ", ".join(one.word(ask.language) for one in self._settings)
        raise UsageError("no_setting", given=excerpt(word), names=names)

    async def show_all(self, ask: Ask) -> Reply:
        """What is set for this room and for the asker."""
        reply = say("panel.top", example=Code(f"!{'instellingen' if ask.language == 'nl' else 'settings'}"))
        for scope in ("room", "person"):
            some = [one for one in self._settings if one.scope == scope]
            if some and not (scope == "room" and ask.room.direct):
                lines = [await self._line(ask, one) for one in some]
                reply = reply.and_say(f"panel.{scope}").items(lines)
        return reply

    async def show(self, ask: Ask, setting: Setting) -> Reply:
        """One setting, and what it may be."""
        shown = await self._line(ask, setting)
        reply = Reply((Block((shown,)),))
        if setting.kind.name == "choice":
            words = setting.choices()[ask.language].values()
            reply = reply.and_say("panel.choices", choices=", ".join(spellings[0] for spellings in words))
        return reply

    def set(self, ask: Ask, setting: Setting, text: str) -> Reply:
        """Set what somebody wrote; `standaard` takes back what was set.

        Raises:
            UsageError: it cannot be that.
            DeniedError: the asker does not manage the room.
        """
        if plain_word(text) in _DEFAULT:
            return self.put(ask, setting, None)
        return self.put(ask, setting, read(setting.kind, text.strip(), setting.choices(), ask.language))

    def put(self, ask: Ask, setting: Setting, value: object) -> Reply:
        """Set a value."""
        if setting.scope == "room" and not may(ask.roles, "manager"):
            raise DeniedError(f"the setting {setting.name} is for managers of the room")
        write_setting(ask, setting.bot.name, setting.scope, setting.name, value)
        shown = _shown(setting, setting.default if value is None else value, ask.language)
        name = line(f"{setting.bot.name}:settings.{setting.name}")  # a new language counts at once
        return say(f"panel.set_{setting.scope}", name=name, value=shown)

    async def _line(self, ask: Ask, setting: Setting) -> Say:
        value = getattr(await read_settings(ask, setting.bot.name, setting.scope, setting.cls), setting.name)
        return line(
            "panel.line",
            name=Code(setting.word(ask.language)),
            value=_shown(setting, value, ask.language),
            help=line(f"{setting.bot.name}:settings.{setting.name}.help"),
        )


def _shown(setting: Setting, value: object, language: str) -> Value:
    if value is None:
        return line("panel.unset")
    if setting.kind.name == "choice":
        return setting.choices()[language][str(value)][0]
    return cast("Value", value)

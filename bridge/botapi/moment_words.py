"""How people write days, times and lengths of time in Dutch and English, brought down to a small English of our own:

    "overmorgen om kwart voor drie"  →  "+2 at quarter to 3"
    "vrijdagmiddag half 3"           →  "friday @afternoon half 3"
    "over anderhalf uur"             →  "over 1.5 uur"

`uur` stays a word of its own: "9 uur" may be a time and a length of time, "9 hours" is a length.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_DUTCH_NUMBERS: Final = (
    "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien "
    "achttien negentien twintig"
)
_ENGLISH_NUMBERS: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_TENS: Final = {"dertig": 30, "veertig": 40, "vijftig": 50, "zestig": 60, "negentig": 90, "thirty": 30, "forty": 40}
_MORE: Final = {"fifty": 50, "sixty": 60, "ninety": 90, "vijfentwintig": 25, "vijfenveertig": 45, "a": 1, "an": 1}
ENGLISH_NUMBERS: Final = {word: number for number, word in enumerate(_ENGLISH_NUMBERS.split())}
_NUMBERS: Final = {
    **{word: number for number, word in enumerate(_DUTCH_NUMBERS.split())},
    **ENGLISH_NUMBERS,
    **_TENS,
    **_MORE,
}

# What is written in one of these ways becomes the first of them.
_WORDS: Final = (
    "monday maandag ma mon",
    "tuesday dinsdag di tue tues",
    "wednesday woensdag wo wed",
    "thursday donderdag do thu thur thurs",
    "friday vrijdag vr vrij fri",
    "saturday zaterdag za zat sat",
    "sunday zondag zo zon sun",
    "january januari jan",
    "february februari feb febr",
    "march maart mrt mar",
    "april apr",
    "may mei",
    "june juni jun",
    "july juli jul",
    "august augustus aug",
    "september sep sept",
    "october oktober okt oct",
    "november nov",
    "december dec",
    "second seconde seconden seconds sec secs s",
    "minute minuut minuten minuutje minuutjes minutes min mins",
    "hour hours hr hrs h",
    "uur uren u uurtje",
    "day dag dagen days d",
    "week weken weeks",
    "month maand maanden months",
    "year jaar jaren years",
    "kwartier kwartiertje kwartieren",
    "quarter kwart",
    "at om",
    "on op",
    "and en",
    "to voor before",
    "past",
    "ago geleden terug",
    "since sinds vanaf from",
    "now nu",
    "this deze dit",
    "next volgende volgend",
    "coming komende komend aanstaande aankomende as",
    "last vorige vorig afgelopen laatste",
    "today vandaag",
    "+1 morgen tomorrow tmrw",
    "+2 overmorgen",
    "-1 gisteren yesterday",
    "-2 eergisteren",
    "noon midday",
    "midnight middernacht",
    "oclock o'clock",
    "@morning ochtend morning 's_ochtends 's_morgens ochtends",
    "@afternoon middag afternoon 's_middags middags",
    "@evening avond evening 's_avonds avonds night",
    "@night 's_nachts nachts",
    "@nightof nacht",
)
_MEANS: Final = {word: row.split()[0] for row in _WORDS for word in row.split()}
WEEKDAYS: Final = tuple(row.split()[0] for row in _WORDS[:7])
MONTHS: Final = tuple(row.split()[0] for row in _WORDS[7:19])
_DAYS: Final = "|".join(sorted((word for row in _WORDS[:7] for word in row.split()), key=len, reverse=True))

# Words that stand together, before they are looked up one by one.
_PHRASES: Final = tuple(
    (re.compile(pattern), meaning)
    for pattern, meaning in (
        (r"[‘’`´]", "'"),  # noqa: RUF001
        (r"[\u2010-\u2015]", "-"),
        (r"(?<=\d),(?=\d)", "."),
        (r"[,\s]+", " "),
        (r"\ba\.s\.?(?= |$)", "as"),
        (r"\b([ap])\.?m\b\.?", r"\1m"),
        (r"(?<=[a-z])\.(?= |$)", ""),
        (r"'s (?=ochtends|morgens|middags|avonds|nachts)", "'s_"),
        (r"\bin the (?=morning|afternoon|evening)|\bat (?=night\b)", ""),
        (r"\b(?:the )?day after tomorrow\b", "+2"),
        (r"\b(?:the )?day before yesterday\b", "-2"),
        (r"\bvan(?=ochtend|middag|avond|nacht)", "vandaag "),
        (r"\bvanmorgen\b", "vandaag ochtend"),
        (r"\bmorgenvroeg\b|\bmorgen vroeg\b", "+1 ochtend"),
        (r"\bthis (?=morning|afternoon|evening)", "today "),
        (r"\btonight\b", "today evening"),
        (rf"\b({_DAYS}|gister|morgen|overmorgen) ?(?=(?:ochtend|middag|avond|nacht)\b)", r"\1 "),
        (r"\bgister (?=ochtend|middag|avond|nacht)", "gisteren "),
        (rf"\b({_DAYS}|vandaag|gisteren) ?morgen\b", r"\1 ochtend"),
        (r"\bthree quarters of an hour\b", "45 minute"),
        (r"\b(?:a )?quarter of an hour\b", "15 minute"),
        (r"\b(?:een |an )?hour and a half\b", "1.5 hour"),
        (r"\b(\w+) (?:and|en) (?:a|een) half (?=uur|uren|dag|dagen|week|weken|hour|day|week)", r"\1.5 "),
        (r"\b(?:een )?half(?:e)? (?:an? )?(?=uur|uurtje|dag|hour|day)", "0.5 "),
        (r"\banderhal(?:f|ve)\b", "1.5"),
        (r"\bvanaf nu\b|\bfrom now\b", "hence"),
        (r"\b(?:de )?(?:afgelopen|laatste) (?=week\b|maand\b|jaar\b)", "last 1 "),
        (r"\bde (?:afgelopen|laatste) |\bthe (?:last|past) ", "last "),
        (r"\b(\d{1,2})\s?[uh]\s?(\d{2})\b", r"\1u\2"),
        (r"(?<![\w:.])(\d+(?:\.\d+)?)(?=(?:uur|uren|u|hours?|hrs?|h|minuten|min|mins|dagen|d|weken|sec|s)\b)", r"\1 "),
        (r"(?<=\d) ?(?=[ap]m\b)", ""),
        (r"(?<=\d)(?:e|de|ste|st|nd|rd|th)\b", "#"),
    )
)
_FRACTION: Final = re.compile(r"([a-z]+)\.5")


def reduced(text: str) -> str:
    """The text in that English; words that it does not have are left as they are."""
    text = unicodedata.normalize("NFC", text).casefold().replace("é", "e").replace("½", ".5").strip()
    for pattern, meaning in _PHRASES:
        text = pattern.sub(meaning, text)
    words = text.split()
    return re.sub(r"\b(?:(\d+) )?kwartier\b", _quarters, " ".join(_word(words, index) for index in range(len(words))))


def _word(words: list[str], index: int) -> str:
    word = words[index]
    if index and words[index - 1] == "half" and word in ENGLISH_NUMBERS:
        return word  # "half three" is 3:30 in Britain and 2:30 to who thinks in Dutch
    if fraction := _FRACTION.fullmatch(word):
        return f"{_NUMBERS[fraction[1]]}.5" if fraction[1] in _NUMBERS else word
    if word in {"een", "'n"}:
        return "1"
    return str(_NUMBERS[word]) if word in _NUMBERS else _MEANS.get(word, word)


def _quarters(found: re.Match[str]) -> str:
    return f"{int(found[1] or 1) * 15} minute"

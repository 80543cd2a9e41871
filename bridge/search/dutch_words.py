"""Makes `data/dutch.txt.xz` from the Dutch dictionary of OpenTaal for Hunspell.

    python -m bridge.search.dutch_words nl.aff nl.dic      (Debian has both in its package hunspell-nl)

The dictionary marks which words stand in compounds: at their beginning (`Ca`, with an s behind it `Cd` and `Ch`) and at
their end (`Cc`); it has the plurals and diminutives of nouns (`Z…`, `Y…`) and the forms of verbs (`V…`). Kept is what
`bridge.search.dutch` asks for, as lines:

    word bsenv      begins compounds, does so with an s, ends compounds, is another noun, the stem of a verb
    form=word       a form of a noun
    form~verb       a form of a verb, where the stemmer does not find that by itself
    name!           a name that is no compound, though it looks like one
"""

from __future__ import annotations

import lzma
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

from bridge.search.dutch import DATA, Dutch, Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Flags = frozenset[str]

_BEGINS: Final = frozenset({"Ca", "CA", "Ce"})
_BEGINS_WITH_S: Final = frozenset({"Cd", "Ch"})
_STEMS_OF_VERBS: Final = frozenset({"V3", "Vp", "Vq"})
_NOUN: Final = re.compile("[ZY].")
_PLAIN: Final = re.compile("[a-z]{3,25}")
_MASS: Final = "iek"  # hydrauliek: a noun without a plural, so without a flag
_FIELDS: Final = 5  # of a rule in an affix file
# Forms that stand in the dictionary by themselves.
_IRREGULAR: Final[Mapping[str, str]] = {
    "glazen": "glas", "steden": "stad", "schepen": "schip", "leden": "lid", "smeden": "smid", "graven": "graf",
    "bladeren": "blad", "kinderen": "kind", "eieren": "ei", "raderen": "rad", "goederen": "goed", "graden": "graad",
    "koeien": "koe", "vlooien": "vlo", "musea": "museum", "centra": "centrum", "dagen": "dag",
    "wegen": "weg", "daken": "dak", "gaten": "gat", "vaten": "vat", "paden": "pad", "sloten": "slot", "bladen": "blad",
    "baden": "bad", "dalen": "dal", "holen": "hol", "hoven": "hof", "loten": "lot", "spelen": "spel",
}  # fmt: skip


def read(path: Path) -> tuple[dict[str, Flags], set[str]]:
    """The plain words of a dictionary with their flags (of two characters each), and its names in small letters."""
    found: dict[str, Flags] = {}
    names: set[str] = set()
    for line in path.read_text(encoding="utf-8").replace("ĳ", "ij").splitlines()[1:]:
        word, _, flags = line.partition("/")
        if _PLAIN.fullmatch(word):
            found[word] = found.get(word, frozenset()) | {flags[at : at + 2] for at in range(0, len(flags), 2)}
        elif _PLAIN.fullmatch(word.lower()):
            names.add(word.lower())
    return found, names - found.keys()


def forms_of_nouns(path: Path, words: Mapping[str, Flags]) -> dict[str, str]:
    """Plurals and diminutives with their nouns, by the rules of an affix file."""
    rules: dict[str, list[tuple[str, str, re.Pattern[str]]]] = {}
    for line in path.read_text(encoding="utf-8").replace("ĳ", "ij").splitlines():
        parts = line.split()
        if len(parts) >= _FIELDS and parts[0] == "SFX" and _NOUN.fullmatch(parts[1]):
            strip, add = parts[2].removeprefix("0"), parts[3].partition("/")[0]
            rules.setdefault(parts[1], []).append((strip, add, re.compile(f"(?:{parts[4]})$")))
    found = dict(_IRREGULAR)
    for word, flags in words.items():
        for strip, add, ending in (rule for flag in sorted(flags) for rule in rules.get(flag, ())):
            form = word[: len(word) - len(strip)] + add
            if word.endswith(strip) and ending.search(word) and _PLAIN.fullmatch(form):
                found.setdefault(form, word)
    return {
        form: word for form, word in found.items() if form in _IRREGULAR or not _is_noun(words.get(form, frozenset()))
    }


def forms_of_verbs(words: Mapping[str, Flags]) -> Iterator[tuple[str, str]]:
    """Forms of weak verbs with their infinitives."""
    infinitives = {word for word, flags in words.items() if "Vi" in flags}
    for stem, flags in words.items():
        if not flags & _STEMS_OF_VERBS:
            continue
        infinitive = next((one for one in _infinitives(stem) if one in infinitives), None)
        if infinitive is None:
            continue
        past = "d" if "Vp" in flags else "t" if "Vq" in flags else ""
        for ending in ("t", *(past + more for more in ("", "e", "en") if past)):
            yield stem + ending, infinitive
            if past and ending != "t":
                yield f"ge{stem}{ending}", infinitive


def _infinitives(stem: str) -> Iterator[str]:
    yield stem + stem[-1] + "en"
    yield stem + "en"
    yield re.sub(r"([aeou])\1(?=[^aeiou]$)", r"\1", stem) + "en"
    voiced = {"f": "v", "s": "z"}.get(stem[-1])
    if voiced:
        yield re.sub(r"([aeou])\1(?=.$)", r"\1", stem)[:-1] + voiced + "en"
        yield stem[:-1] + voiced + "en"


def _is_noun(flags: Flags) -> bool:
    return any(_NOUN.fullmatch(flag) for flag in flags)


def _letters(flags: Flags) -> str:
    marks = {"b": _BEGINS, "s": _BEGINS_WITH_S, "e": {"Cc"}, "v": _STEMS_OF_VERBS}
    return "".join(letter for letter, those in marks.items() if flags & those) + ("n" if _is_noun(flags) else "")


def lines(affixes: Path, dictionary: Path) -> list[str]:
    """What is kept."""
    words, names = read(dictionary)
    words |= {word: frozenset({"Zb"}) for word in words if word.endswith(_MASS) and not words[word]}
    entries: list[Entry] = [Entry(word, " ", letters) for word, flags in words.items() if (letters := _letters(flags))]
    nouns = forms_of_nouns(affixes, words)
    entries += [Entry(form, "=", word) for form, word in nouns.items()]
    dutch = Dutch(entries)
    simple = [entry for entry in entries if not _is_made_of_others(dutch, entry)]
    stem = TextAnalyzerBuilder(Tokenizer.raw()).filter(Filter.stemmer("dutch")).build().analyze
    known = {entry.word for entry in simple if entry.kind == "=" or "n" in entry.value or "e" in entry.value}
    verbs = dict(forms_of_verbs(words))
    simple += [Entry(form, "~", verb) for form, verb in verbs.items() if form not in known and stem(form) != stem(verb)]
    simple += [Entry(name, "!", "") for name in names if dutch.pieces(name)]
    return sorted(f"{entry.word}{entry.kind}{entry.value}" for entry in simple)


def _is_made_of_others(dutch: Dutch, entry: Entry) -> bool:
    """A compound that the splitter takes apart needs no line of its own, unless it is a piece of others."""
    word = entry.value if entry.kind == "=" else entry.word
    return dutch.is_other_noun(word) and bool(dutch.pieces(entry.word))


def main(arguments: Iterable[str]) -> None:
    """Write the file."""
    affixes, dictionary = map(Path, arguments)
    found = lines(affixes, dictionary)
    DATA.write_bytes(lzma.compress("\n".join(found).encode(), preset=9 | lzma.PRESET_EXTREME))
    sys.stdout.write(f"{len(found)} lines, {DATA.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])

"""The text of real files of each kind."""

from __future__ import annotations

import io

import pytest

from bridge.search.extract.outcome import BROKEN, CUT, EMPTY, LOCKED, OLD_OFFICE, OTHER_KIND, PICTURES, Extracted
from bridge.search.extract.reading import extract
from bridge.search.extract.text import Text
from tests import extract_files as files
from tests.extract_files import WORDS, zipped

_HTML_PART = b"Content-Type: text/html; charset=iso-8859-1\r\n\r\n<p>caf\xe9 &amp; bar</p>"
_ODD_PART = b'Content-Type: text/plain; charset="no such thing"\nContent-Transfer-Encoding: base64\n\n!!!'


def read(data: bytes, text: Text | None = None) -> Extracted:
    return extract(io.BytesIO(data), text=text)


def text_of(data: bytes) -> str:
    found = read(data)
    assert (found.state, found.reason) == ("done", None)
    assert found.text is not None
    return found.text


@pytest.mark.parametrize(("name", "data"), files.everything().items())
def test_every_kind_is_read(name: str, data: bytes) -> None:
    assert WORDS in text_of(data), name


def test_pdf() -> None:
    found = read(files.pdf(f"{WORDS} en nog veel meer woorden die niet op een regel passen " * 3, "", "Bladzijde drie"))
    assert (found.state, found.pages, found.reason) == ("done", 3, None)
    assert found.text is not None
    assert "Bladzijde drie" in found.text


def test_what_was_filled_in_a_pdf_form() -> None:
    assert text_of(files.filled_form()).split() == ["Naam:", "Ingevuld", "door", "Bas"]


def test_words_that_lines_divide_are_whole() -> None:
    assert text_of("vergader\xad\nverslag en ver\xadslag".encode()) == "vergaderverslag en verslag"
    text = Text()
    text.add("vergader\x02\r\nverslag kozij\ufffenen  en\t\tmeer \r\n\r\n\n\n einde")
    assert text.value() == "vergaderverslag kozijnen en meer\n\neinde"


def test_docx() -> None:
    lines = text_of(files.docx()).splitlines()
    assert lines == [
        f"{WORDS} na de tab",
        "regel-twee",
        "",
        "Tekstvak",
        "cel één",
        "cel twee",
        "Opmerking",
        "Voettekst",
        "Voetnoot",
        "Koptekst",
    ]


def test_xlsx() -> None:
    found = read(files.xlsx(far=True))
    assert (found.state, found.pages) == ("done", 2)
    assert found.text is not None
    assert found.text.splitlines() == [
        "Voorraad één",
        "Onderdeel Prijs",
        f"{WORDS} 1250.5",
        "PO-2026/114 0.3",
        "Aantal 12",
        "Datum 2026-03-01 2026-03-01 08:30",
        "",
        "Tweede",
        "op het tweede blad",
        "heel ver weg",
        "",
        "Opmerking",
    ]


def test_xlsx_of_other_programs() -> None:
    """Texts in the cells themselves, parts at other places, dates since 1904, formats that only look like dates."""
    sheet = (
        '<x:worksheet xmlns:x="y"><x:row><x:c t="inlineStr"><x:is><x:t>in de cel</x:t></x:is></x:c>'
        '<x:c s="1"><x:v>1</x:v></x:c><x:c s="2"><x:v>0.5</x:v></x:c><x:c s="3"><x:v>7</x:v></x:c>'
        '<x:c t="str"><x:v>formule</x:v></x:c><x:c t="e"><x:v>#REF!</x:v></x:c><x:c t="s"><x:v>99</x:v></x:c>'
        '<x:c s="1"><x:v>9e99</x:v></x:c><x:c><x:v>geen getal</x:v></x:c></x:row></x:worksheet>'
    )
    styles = (
        '<s><numFmts><numFmt numFmtId="164" formatCode="d/m"/><numFmt numFmtId="165" formatCode="&quot;dm&quot;0"/>'
        '</numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="20"/><xf numFmtId="165"/></cellXfs></s>'
    )
    parts = {
        "xl/workbook.xml": '<w xmlns:q="z"><workbookPr date1904="1"/><sheets><sheet name="Één" q:id="r9"/>'
        '<sheet name="Grafiek" q:id="none"/></sheets></w>',
        "xl/_rels/workbook.xml.rels": '<r><Relationship Id="r9" Target="/xl/elders/blad.xml"/></r>',
        "xl/elders/blad.xml": sheet,
        "xl/styles.xml": styles,
    }
    lines = text_of(zipped(parts)).splitlines()
    assert lines == ["Één", "in de cel 1904-01-02 12:00 7 formule 9e99 geen getal", "", "Grafiek"]


def test_pptx_in_the_order_of_its_slides() -> None:
    found = read(files.pptx(*(f"Dia nummer {n}" for n in range(1, 12))))
    assert found.pages == 11
    assert found.text is not None
    lines = found.text.splitlines()
    assert lines[:11] == [f"Dia nummer {n}" for n in range(1, 12)]
    assert lines[11:] == [f"Notitie {n}" for n in range(1, 12)]


@pytest.mark.parametrize(
    ("kind", "lines", "pages"),
    [
        ("text", ["Notulen", f"{WORDS} vet na de tab", "Voettekst"], None),
        ("spreadsheet", [f"{WORDS} vet na de tab", "Voettekst"], None),
        ("presentation", [f"{WORDS} vet na de tab", "Tweede dia", "Voettekst"], 2),
    ],
)
def test_opendocument(kind: str, lines: list[str], pages: int | None) -> None:
    found = read(files.opendocument(kind))
    assert found.text is not None
    assert (found.text.splitlines(), found.pages) == (lines, pages)


def test_html_shows_what_a_browser_shows() -> None:
    lines = [line for line in text_of(files.html()).splitlines() if line]
    assert lines == ["De titel", WORDS, "regel twee", "punt één", "punt twee", "een tekeningonderdeel"]


@pytest.mark.parametrize(
    "data",
    [
        f"<p>{WORDS}</p>".encode(),
        f"\ufeff<html><p>{WORDS}".encode(),
        f'<?xml version="1.0" encoding="iso-8859-15"?><!-- a --><!-- b --><html><p>{WORDS}'.encode("iso-8859-15"),
        f'<html><meta charset="no such thing"><p>{WORDS}'.encode(),
        f'<html><meta charset="hex"><p>{WORDS}'.encode("cp1252"),
        f"<html><svg><g></svg></style></script><p>{WORDS}".encode(),
    ],
)
def test_html_of_any_make(data: bytes) -> None:
    assert WORDS in text_of(data)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "iso-8859-1"]
)
def test_text_in_any_encoding(encoding: str) -> None:
    assert text_of(f"{WORDS}\r\n".encode(encoding) * 3) == "\n".join([WORDS] * 3)


def test_text_that_is_cut_within_a_letter() -> None:
    assert text_of(b"caf\xc3") == "caf"


def test_control_characters_are_not_kept() -> None:
    assert text_of(b"log \x1b[31mrood\x1b[0m " * 20 + b"einde") == "log [31mrood [0m " * 20 + "einde"
    assert text_of("\ufeffa\ud800b".encode("utf-16-le", "surrogatepass")) == "a\ufffdb"


def test_rtf() -> None:
    assert text_of(files.rtf()).splitlines() == [WORDS, "euro €"]


def test_mail_with_its_attachments() -> None:
    inner = files.mail(("diep.txt", b"in een mail in een mail"))
    found = text_of(
        files.mail(
            ("notulen één.docx", files.docx("Uit de bijlage")),
            ("boot.zip", zipped({"a": "b"})),
            ("logo.png", files.scan("LOGO")),
            ("bladen.pdf", files.pdf("Uit de PDF")),
            ("kapot.pdf", b"%PDF-1.4 kapot"),
            ("geheim.odt", files.opendocument(locked=True)),
            ("doorgestuurd.eml", inner),
        )
    )
    lines = found.splitlines()
    assert lines[:7] == [
        "Offerte één",
        "Zoë de Vries <zoe@example.com>",
        "bas@example.com",
        "Mon, 02 Mar 2026 08:00:00 +0100",
        "",
        WORDS,
        "",
    ]
    for part in ("notulen één.docx", "boot.zip", "logo.png", "kapot.pdf", "geheim.odt", "diep.txt"):
        assert part in lines
    for part in ("Uit de bijlage", "Uit de PDF", "in een mail in een mail"):
        assert part in found
    assert "ALLEEN IN HTML" not in found
    assert read(files.mail(("bladen.pdf", files.pdf("a", "b")))).pages is None


def test_mails_of_other_programs() -> None:
    only_html = b"From: a@b.c\r\nTo: d@e.f\r\nSubject: =?iso-8859-1?Q?=E9=E9n?=\r\n" + _HTML_PART
    assert text_of(only_html).splitlines() == ["één", "a@b.c", "d@e.f", "", "café & bar"]
    assert "café" in text_of(b"From zoe Mon Mar  2 08:00:00 2026\n" + only_html)
    odd = b"From: =?no-such-thing?Q?=E9?=\nTo: <\xff>\nSubject: x\nDate: vandaag\n" + _ODD_PART
    assert "vandaag" in text_of(odd)
    forwarded = b"From: a\nTo: b\nSubject: c\nContent-Type: message/rfc822\n\nSubject: binnenin\n\ntekst"
    assert text_of(forwarded).splitlines()[-3:] == ["binnenin", "", "tekst"]


@pytest.mark.parametrize(
    ("data", "state", "reason"),
    [
        (b"", "no_text", EMPTY),
        (b" \n\t ", "no_text", EMPTY),
        (files.pdf(""), "no_text", EMPTY),
        (zipped({"a.txt": "b"}), "no_text", OTHER_KIND),
        (b"\0\0\0\x18ftypmp42" + bytes(100), "no_text", OTHER_KIND),
        (b"\0", "no_text", OTHER_KIND),
        (b"GIF89a\1\0\1\0\x80\0\0" + bytes(20), "no_text", OTHER_KIND),
        (bytes(range(256)) * 10, "no_text", OTHER_KIND),
        (files.old_office(), "no_text", OLD_OFFICE),
        (files.old_office(locked=True), "locked", LOCKED),
        (files.pdf(WORDS, password="geheim"), "locked", LOCKED),
        (files.opendocument(locked=True), "locked", LOCKED),
        (files.scan(), "no_ocr", PICTURES),
        (files.scan(form="JPEG"), "no_ocr", PICTURES),
        (files.scan(form="TIFF"), "no_ocr", PICTURES),
        (files.scanned_pdf(WORDS), "no_ocr", PICTURES),
        (b"%PDF-1.4 nonsense", "failed", BROKEN),
        (zipped({"word/document.xml": "<a><b></a>"}), "failed", BROKEN),
        (zipped({"word/document.xml": "<a>" * 3000 + "</a>" * 3000}), "failed", BROKEN),
        (files.laughs(), "failed", BROKEN),
        (zipped({"word/document.xml": f'<a b="{"x" * 2_000_000}"/>'}), "failed", BROKEN),
        (b"PK\x03\x04 nonsense", "failed", BROKEN),
    ],
)  # fmt: skip
def test_what_has_no_text_says_why(data: bytes, state: str, reason: str) -> None:
    assert read(data) == Extracted(state, None, read(data).pages, reason)  # type: ignore[arg-type]


def test_a_pdf_that_is_partly_scanned_says_so() -> None:
    found = read(files.scanned_pdf(None, "een", "twee"))
    assert found == Extracted("done", "gewone bladzijde", 3, "pages that are pictures: 2")


def test_what_was_read_of_a_damaged_file_counts() -> None:
    found = read(files.docx(**{"word/footer1.xml": "<broken"}))
    assert (found.state, found.reason) == ("done", BROKEN)
    assert found.text is not None
    assert WORDS in found.text


def test_only_so_much_is_kept() -> None:
    found = read(files.pdf("woord " * 100, "nooit gelezen"), Text(most=200))
    assert (found.state, found.reason, found.pages) == ("done", CUT, 2)
    assert found.text is not None
    assert len(found.text) <= 200
    found = read(b"x" * 9_000_000)
    assert (found.state, found.reason, len(found.text or "")) == ("done", CUT, 2_000_000)


def test_time_is_over() -> None:
    found = read(files.pdf("woord"), Text(seconds=-1))
    assert (found.state, found.reason, found.pages) == ("too_large", CUT, 1)


def test_a_zip_bomb_unpacks_to_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.search.extract.unzip.MAX_UNPACKED", 10_000_000)
    assert read(files.bomb(9_000_000)).state == "no_text"
    assert read(files.bomb(11_000_000)) == Extracted("too_large", reason="unpacks to more than 10 MB")

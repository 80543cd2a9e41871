"""Real files of every kind whose text is read, with Dutch text; and files that are meant to do harm."""

from __future__ import annotations

import io
import zipfile
import zlib
from datetime import datetime
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import openpyxl
from fpdf import FPDF
from fpdf.encryption import AccessPermission
from openpyxl.comments import Comment
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WORDS = "Vergaderverslag: offerte één, geïnstalleerd bij Zoë"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
)
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def zipped(parts: Mapping[str, str | bytes], *, stored: Sequence[str] = ()) -> bytes:
    """A ZIP file."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            how = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, how)
    return target.getvalue()


def pdf(*pages: str, password: str | None = None) -> bytes:
    """A page a text; a page without text is empty."""
    document = FPDF()
    document.set_font("Helvetica", size=11)
    if password is not None:
        document.set_encryption("owner", password, permissions=AccessPermission.none())
    for text in pages:
        document.add_page()
        if text:
            document.multi_cell(0, 6, text)
    return bytes(document.output())


def docx(text: str = WORDS, **parts: str) -> bytes:
    """As Word writes it: a text box that stands twice, a tracked deletion, a table, header and notes."""
    box = "<w:p><w:r><w:t>Tekstvak</w:t></w:r></w:p>"
    body = (
        f'<w:p><w:pPr><w:tabs><w:tab w:val="left" w:pos="720"/></w:tabs></w:pPr>'
        f"<w:r><w:t>{escape(text[:9])}</w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>{escape(text[9:])}</w:t></w:r>"
        "<w:r><w:tab/><w:t>na de tab</w:t><w:br/><w:t>regel</w:t><w:noBreakHyphen/><w:t>twee</w:t></w:r></w:p>"
        '<w:p><w:del w:id="1"><w:r><w:delText>GEWIST</w:delText></w:r></w:del>'
        '<w:moveFrom w:id="2"><w:r><w:t>VERHUISD</w:t></w:r></w:moveFrom>'
        "<w:r><w:instrText>PAGEREF</w:instrText></w:r></w:p>"
        f'<mc:AlternateContent><mc:Choice Requires="wps">{box}</mc:Choice>'
        f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>cel één</w:t></w:r></w:p></w:tc>"
        "<w:tc><w:p><w:r><w:t>cel twee</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    )
    plain = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"
    return zipped(
        {
            "[Content_Types].xml": f"{XML}<Types/>",
            "word/document.xml": f"{XML}<w:document {W} {MC}><w:body>{body}</w:body></w:document>",
            "word/header1.xml": f"{XML}<w:hdr {W}>{plain.format('Koptekst')}</w:hdr>",
            "word/footer1.xml": f"{XML}<w:ftr {W}>{plain.format('Voettekst')}</w:ftr>",
            "word/footnotes.xml": f"{XML}<w:footnotes {W}>{plain.format('Voetnoot')}</w:footnotes>",
            "word/comments.xml": f"{XML}<w:comments {W}>{plain.format('Opmerking')}</w:comments>",
            "word/styles.xml": f"{XML}<w:styles {W}><w:t>STIJL</w:t></w:styles>",
            **parts,
        }
    )


def xlsx(rows: Sequence[Sequence[Any]] = (), *, far: bool = False) -> bytes:
    """Two sheets; with `far` a cell at the very end of the second one."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Voorraad één"
    for row in rows or [["Onderdeel", "Prijs"], [WORDS, 1250.5], ["PO-2026/114", 0.1 + 0.2], ["Aantal", 12]]:
        sheet.append(list(row))
    sheet.append(["Datum", datetime(2026, 3, 1), datetime(2026, 3, 1, 8, 30), True, "=1+1"])  # noqa: DTZ001
    sheet["A1"].comment = Comment("Opmerking", "Bas")
    other = book.create_sheet("Tweede")
    other["B2"] = "op het tweede blad"
    if far:
        other["XFD1048576"] = "heel ver weg"
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def pptx(*slides: str) -> bytes:
    """A slide a text, each with a note."""
    shape = "<p:sp><p:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></p:txBody></p:sp>"
    parts: dict[str, str | bytes] = {"ppt/presentation.xml": f"{XML}<p:presentation {P}/>"}
    for number, text in enumerate(slides or (WORDS, "Tweede dia"), 1):
        parts[f"ppt/slides/slide{number}.xml"] = f"{XML}<p:sld {P} {A}>{shape.format(escape(text))}</p:sld>"
        note = shape.format(f"Notitie {number}")
        parts[f"ppt/notesSlides/notesSlide{number}.xml"] = f"{XML}<p:notes {P} {A}>{note}</p:notes>"
    return zipped(dict(reversed(parts.items())))


def opendocument(kind: str = "text", *, locked: bool = False) -> bytes:
    """ODT, ODS or ODP: kind is text, spreadsheet or presentation."""
    paragraph = f"<text:p>{escape(WORDS)}<text:s/><text:span>vet</text:span><text:tab/>na de tab</text:p>"
    deleted = "<text:tracked-changes><text:p>GEWIST</text:p></text:tracked-changes>"
    inside = {
        "text": f"{deleted}<text:h>Notulen</text:h>{paragraph}",
        "spreadsheet": f'<table:table table:name="Blad"><table:table-row><table:table-cell>{paragraph}'
        "</table:table-cell></table:table-row></table:table>",
        "presentation": f"<draw:page>{paragraph}</draw:page><draw:page><text:p>Tweede dia</text:p></draw:page>",
    }[kind]
    manifest = "<manifest><encryption-data/></manifest>" if locked else "<manifest/>"
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"{XML}<office:document-content {ODF}><office:body>{inside}</office:body>"
            "</office:document-content>",
            "styles.xml": f"{XML}<office:document-styles {ODF}><text:p>Voettekst</text:p></office:document-styles>",
            "META-INF/manifest.xml": manifest,
        },
        stored=["mimetype"],
    )


def html() -> bytes:
    """As a page of an old program: not in UTF-8."""
    source = (
        '<!DOCTYPE html><html><head><meta charset="windows-1252"><title>De titel</title><style>p {VERBORGEN}</style>'
        "<script>var VERBORGEN = '<p>';</script></head><body><!-- VERBORGEN --><p>" + WORDS + "<br>regel&nbsp;twee"
        "<ul><li>punt &eacute;&eacute;n<li>punt twee</ul><img alt='een tekening'><b>on</b>derdeel</body></html>"
    )
    return source.encode("cp1252")


def rtf() -> bytes:
    """As WordPad writes it."""
    escaped = "".join(char if ord(char) < 128 else f"\\'{char.encode('cp1252').hex()}" for char in WORDS)
    head = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil Calibri;}}{\*\generator Riched20;}"
    return f"{head}\\pard\\f0\\fs22 {escaped}\\par euro \\u8364?\\par}}".encode()


def mail(*attachments: tuple[str, bytes]) -> bytes:
    """A mail with a plain and an HTML text."""
    message = EmailMessage()
    message["Subject"] = "Offerte één"
    message["From"] = "Zoë de Vries <zoe@example.com>"
    message["To"] = "bas@example.com"
    message["Date"] = "Mon, 02 Mar 2026 08:00:00 +0100"
    message.set_content(WORDS)
    message.add_alternative(f"<p>{WORDS}</p><p>ALLEEN IN HTML</p>", subtype="html")
    for name, data in attachments:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def csv() -> bytes:
    """As Excel writes it on Windows."""
    return f"Onderdeel;Prijs\r\n{WORDS};1250,50\r\n".encode("cp1252")


def scan(text: str = WORDS, form: str = "PNG") -> bytes:
    """A picture of a text."""
    image = Image.new("L", (1240, 400), 255)
    ImageDraw.Draw(image).text((60, 120), text, fill=0, font=ImageFont.load_default(40))
    target = io.BytesIO()
    image.save(target, form)
    return target.getvalue()


def scanned_pdf(*texts: str | None) -> bytes:
    """A PDF with a picture a page; None: a page with text."""
    document = FPDF()
    for text in texts:
        document.add_page()
        if text is None:
            document.set_font("Helvetica", size=11)
            document.cell(text="gewone bladzijde")
        else:
            document.image(io.BytesIO(scan(text)), 0, 0, 200)
    return bytes(document.output())


def old_office(*, locked: bool = False) -> bytes:
    """The container of Office before 2007, which is also that of files with a password."""
    stream = "EncryptedPackage" if locked else "WordDocument"
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000_000) + stream.encode("utf-16-le") + bytes(100)


def laughs() -> bytes:
    """A billion laughs in a DOCX."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = (
        f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">{entities}]><w:document {W}><w:t>&l9;</w:t></w:document>'
    )
    return zipped({"word/document.xml": text})


def bomb(size: int) -> bytes:
    """A DOCX whose document unpacks to so many bytes without any text."""
    start, end = f"<w:document {W}>".encode(), b"</w:document>"
    return zipped({"word/document.xml": start + b" " * size + end})


def flate_bomb(size: int) -> bytes:
    """A PDF with a page that unpacks to so many bytes."""
    stream = zlib.compress(b" " * size, 9)
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n" % len(stream) + stream + b"\nendstream",
    ]
    return _pdf_of(parts)


def many_pages(count: int) -> bytes:
    """A PDF that has so many empty pages, all of them the same one."""
    kids = b"3 0 R " * count
    return _pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[" + kids + b"]/Count %d>>" % count,
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>>",
        ]
    )


def filled_form() -> bytes:
    """A PDF form in which somebody has written something."""
    look = b"BT /F 10 Tf 2 5 Td (Ingevuld door Bas) Tj ET"
    return _pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]>>>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Annots[5 0 R]/Contents 6 0 R/Resources 7 0 R>>",
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            b"<</Type/Annot/Subtype/Widget/FT/Tx/T(naam)/V(Ingevuld door Bas)/Rect[10 10 200 30]/F 4/AP<</N 8 0 R>>>>",
            b"<</Length 37>>stream\nBT /F 10 Tf 10 100 Td (Naam:) Tj ET    \nendstream",
            b"<</Font<</F 4 0 R>>>>",
            b"<</Type/XObject/Subtype/Form/BBox[0 0 190 20]/Resources 7 0 R/Length %d>>stream\n" % len(look)
            + look
            + b"\nendstream",
        ]
    )


def _pdf_of(objects: Sequence[bytes]) -> bytes:
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj" % number + content + b"\nendobj\n"
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table))


def everything() -> dict[str, bytes]:
    """One of each kind that has text, by what people call it."""
    make: dict[str, Callable[[], bytes]] = {
        "pdf": lambda: pdf(WORDS),
        "docx": docx,
        "xlsx": xlsx,
        "pptx": pptx,
        "odt": opendocument,
        "ods": lambda: opendocument("spreadsheet"),
        "odp": lambda: opendocument("presentation"),
        "html": html,
        "rtf": rtf,
        "txt": WORDS.encode,
        "csv": csv,
        "eml": mail,
    }
    return {name: one() for name, one in make.items()}

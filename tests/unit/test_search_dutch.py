"""Dutch compounds and stems: what a machine builder and its builders write."""
# ruff: noqa: SIM905 (lists of words are read more easily so)

from __future__ import annotations

from functools import cache

import pytest

from bridge.search.dutch import Dutch, parse

# a|b: `a` and `b` find it.
COMPOUNDS = """
vergaderverslag=vergader|verslag vergaderverslagen=vergader|verslag bouwverslag=bouw|verslag werkbon=werk|bon
werkbonnen=werk|bon pakbon=pak|bon bestelbon=bestel|bon urenstaat=uur|staat kozijnofferte=kozijn|offerte
offerteaanvraag=offerte|aanvraag productieplanning=productie|planning montageploeg=montage|ploeg
monteursoverleg=monteur|overleg servicemonteur=service|monteur machineonderdelen=machine|onderdeel
onderdelenlijst=onderdeel|lijst veiligheidshelm=veiligheid|helm veiligheidsschoenen=veiligheid|schoen
bouwplaats=bouw|plaats bouwput=bouw|put nieuwbouwproject=nieuwbouw|project projectleider=project|leider
projectleidersoverleg=project|leider|overleg inkooporder=inkoop|order verkoopfactuur=verkoop|factuur
factuurnummer=factuur|nummer klantgegevens=klant|gegeven storingsmelding=storing|melding
onderhoudscontract=onderhoud|contract onderhoudsbeurt=onderhoud|beurt vrachtwagen=vracht|wagen
vrachtbrief=vracht|brief leverdatum=lever|datum levertijd=lever|tijd leveringsvoorwaarden=levering|voorwaarde
staalplaat=staal|plaat staalconstructie=staal|constructie betonvloer=beton|vloer betonmolen=beton|molen
hijskraan=hijs|kraan hijsplan=hijs|plan heftruck=hef|truck kraanmachinist=kraan|machinist steigerbouw=steiger|bouw
steigerplanken=steiger|plank dakpannen=dak|pan dakgoot=dak|goot voordeur=voor|deur kunststofkozijnen=kunststof|kozijn
draaibank=draai|bank freesmachine=frees|machine boormachine=boor|machine lasrook=las|rook lasapparaat=las|apparaat
zaagblad=zaag|blad tekeningnummer=tekening|nummer werktekening=werk|tekening revisietekening=revisie|tekening
meetrapport=meet|rapport keuringsrapport=keuring|rapport kwaliteitscontrole=kwaliteit|controle
ziekmelding=ziek|melding vakantiedagen=vakantie|dag verlofaanvraag=verlof|aanvraag
personeelsvergadering=personeel|vergadering weekplanning=week|planning dagrapport=dag|rapport prijslijst=prijs|lijst
magazijnvoorraad=magazijn|voorraad gereedschapskist=gereedschap|kist parkeerplaats=parkeer|plaats
transportband=transport|band besturingskast=besturing|kast motorreductor=motor|reductor tandwielkast=tandwiel|kast
smeerolie=smeer|olie hydrauliekslang=hydrauliek|slang perslucht=pers|lucht persluchtslang=pers|lucht|slang
noodstop=nood|stop noodstopknop=nood|stop|knop aardlekschakelaar=aardlek|schakelaar stroomstoring=stroom|storing
kabelgoot=kabel|goot werkvoorbereider=werk|voorbereider bedrijfsleider=bedrijf|leider bedrijfsauto=bedrijf|auto
ondernemingsraad=onderneming|raad koffieautomaat=koffie|automaat brandblusser=brand|blusser vluchtweg=vlucht|weg
""".split()

# What only looks like one, or is one that nobody thinks of.
SIMPLE = """
verslag verslagen kantoor beton contract contracten materiaal materialen voorraad verband bedrag bedragen bestelling
bestellingen machine machines monteur factuur facturen offerte offertes kozijn kozijnen planning project projecten
product producten productie motor computer telefoon vergadering vergaderingen afspraak tekening tekeningen levering
leverancier bestuur overleg onderdeel onderhoud storing storingen kwaliteit veiligheid personeel vakantie rapport
rapporten meeting deadline management understanding implementation window button container email agenda december
september maandag vrijdag woensdag amsterdam rotterdam eindhoven apeldoorn belangrijk natuurlijk misschien
waarschijnlijk onmiddellijk bijvoorbeeld ongeveer eigenlijk gisteren morgen vandaag stappen kennis bestellen leveren
gebouw gebouwen directeur secretaris formulier reservering waardering verwarming isolatie ventilatie installatie
constructie montage building message debugging parameter platform hypothesis temperatuur architect avontuur
""".split()

# The same stem.
FAMILIES = (
    """
verslag verslagen|vergadering vergaderingen|offerte offertes|kozijn kozijnen|dag dagen|weg wegen|dak daken|glas glazen
stad steden|schip schepen|lid leden|bedrag bedragen|slot sloten|maat maten|huis huizen|brief brieven|machine machines
leveren levert leverde geleverd levering leveringen|bestellen besteld bestelling|betalen betaald betaalt
werken werkt werkte gewerkt werk|bouwen bouwt gebouwd|regelen regelt geregeld|monteren monteert gemonteerd
controleren controleert gecontroleerd|werkdag werkdagen|kunststofkozijn kunststofkozijnen|projectleider projectleiders
vergaderverslag vergaderverslagen|tekening tekeningen|factuur facturen|monteur monteurs|klant klanten
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

# Not the same stem.
STRANGERS = (
    """
gat gaat|man maan|bom boom|zak zaak|tak taak|week wekken|lot laat|plan plant|kant kan
""".strip()
    .replace("\n", "|")
    .split("|")
)


@cache
def dutch() -> Dutch:
    return Dutch(parse())


@pytest.mark.parametrize("line", COMPOUNDS)
def test_a_compound_is_found_by_its_parts(line: str) -> None:
    word, _, parts = line.partition("=")
    pieces = dutch().pieces(word)
    assert [piece.word for piece in pieces] == parts.split("|")
    assert "".join(piece.text for piece in pieces) == word
    assert {dutch().stem(part) for part in parts.split("|")} <= set(dutch().parts(word))


@pytest.mark.parametrize("word", SIMPLE)
def test_what_is_no_compound_is_left_whole(word: str) -> None:
    assert dutch().pieces(word) == ()
    assert dutch().parts(word) == []


@pytest.mark.parametrize("words", FAMILIES)
def test_forms_of_a_word_have_one_stem(words: str) -> None:
    assert len({dutch().stem(word) for word in words.split()}) == 1


@pytest.mark.parametrize("words", STRANGERS)
def test_other_words_have_another_stem(words: str) -> None:
    first, second = words.split()
    assert dutch().stem(first) != dutch().stem(second)


def test_what_neighbours_make_together_is_found_too() -> None:
    assert set(dutch().parts("projectleidersoverleg")) == {
        dutch().stem(word) for word in ("project", "leider", "overleg", "projectleider", "leidersoverleg")
    }


@pytest.mark.parametrize("word", ["", "a", "x" * 5_000, "straat" * 7, "12345678", "vergader5verslag", "überfließen"])
def test_odd_words_are_no_compounds_or_are_read_quickly(word: str) -> None:
    dutch().parts(word)
    assert isinstance(dutch().stem(word or "a"), str)

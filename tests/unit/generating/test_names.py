"""What cataloguers call things, in six languages and every spelling."""

from __future__ import annotations

import pytest

from service.control.words import DCTERMS
from worker.generating import TargetModel, TargetProperty, TargetVocabulary
from worker.generating.choosing import Catalogue, Choice
from worker.generating.identity_names import identity_ranks
from worker.generating.naming import Spoken, keys_of_synonym, spoken, sure_keys, words_of
from worker.generating.synonyms import BROADER, PERHAPS, SURE

DUBLIN_CORE = Catalogue(None, None)


@pytest.mark.parametrize(
    ("name", "term", "language"),
    [
        ("Creator", "creator", ""),
        ("Artist", "creator", ""),
        ("ARTIST(S)", "creator", ""),
        ("Maker", "creator", ""),
        ("artist_name", "creator", ""),
        ("all_artists", "creator", ""),
        ("Künstler/in", "creator", ""),
        ("Kuenstler", "creator", ""),
        ("kunstler", "creator", ""),
        ("Künstler:innen", "creator", ""),
        ("Vervaardiger", "creator", ""),
        ("Auteur", "creator", ""),
        ("Fotógrafo", "creator", ""),
        ("Artista", "creator", ""),
        ("Titel", "title", ""),
        ("Título", "title", ""),
        ("Titolo dell'opera", "title", ""),
        ("Titre de l’œuvre", "title", ""),
        ("Titel (de)", "title", "de"),
        ("title_fr", "title", "fr"),
        ("title@nl", "title", "nl"),
        ("Title German", "title", "de"),
        ("dc.title[en_US]", "title", "en-US"),
        ("Dublin Core:Title", "title", ""),
        ("dcterms:isPartOf", "isPartOf", ""),
        ("dc.contributor.author", "creator", ""),
        ("dc.date.issued", "issued", ""),
        ("dc.description.abstract[de]", "abstract", "de"),
        ("Subject 2", "subject", ""),
        ("Keywords", "subject", ""),
        ("Mots-clés", "subject", ""),
        ("Trefwoorden", "subject", ""),
        ("Schlagwörter", "subject", ""),
        ("Parole chiave", "subject", ""),
        ("Palabras clave", "subject", ""),
        ("Datierung", "date", ""),
        ("Entstehungsjahr", "created", ""),
        ("Jahr", "date", ""),
        ("Année de publication", "issued", ""),
        ("Maße (cm)", "extent", ""),
        ("Abmessungen", "extent", ""),
        ("Afmetingen", "extent", ""),
        ("Dimensiones", "extent", ""),
        ("Material/Technik", "medium", ""),
        ("Matériaux et techniques", "medium", ""),
        ("Materia e tecnica", "medium", ""),
        ("creditLine", "provenance", ""),
        ("Herkomst", "provenance", ""),
        ("Rechteinhaber", "rightsHolder", ""),
        ("Licence", "license", ""),
        ("Beschrijving", "description", ""),
        ("Sprache", "language", ""),
        ("Uitgever", "publisher", ""),
        ("foreignTitle", "alternative", ""),
    ],
)
def test_a_name_is_known_for_certain(name, term, language) -> None:
    choice = DUBLIN_CORE.choose(name)
    assert (choice.grade, choice.term, choice.language) == ("sure", f"dcterms:{term}", language)


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("Name", "title"),
        ("Bemerkungen", "description"),
        ("Location", "spatial"),
        ("Thumbnail copyright", "rights"),
        ("Year of acquisition", "provenance"),
        ("Height (mm)", "extent"),
        ("Collection", "isPartOf"),
        ("dc.date.accessioned", "date"),
    ],
)
def test_a_name_that_may_mean_something_else_is_a_question(name, term) -> None:
    choice = DUBLIN_CORE.choose(name)
    assert (choice.grade, choice.term) == ("perhaps", f"dcterms:{term}")


@pytest.mark.parametrize("name", ["xyz", "catTextResId", "", "42", "–", "foaf:name", "Feld1"])
def test_a_name_that_says_nothing_is_not_guessed(name) -> None:
    assert DUBLIN_CORE.choose(name) == Choice("none")


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("Accession no.", 0),
        ("Accession_No", 0),
        ("Object number", 0),
        ("Inv. Nr.", 0),
        ("Inv.-Nr.", 0),
        ("INVENTARNUMMER", 0),
        ("Numéro d’inventaire", 0),
        ("N° d'inventaire", 0),
        ("Nº inventario", 0),
        ("Inventarisnummer", 0),
        ("n. inv.", 0),
        ("acno", 0),
        ("Signatur", 0),
        ("Identifier", 1),
        ("UUID", 2),
        ("ID", 3),
    ],
)
def test_names_of_identifiers_have_ranks(name, rank) -> None:
    assert min(identity_ranks()[key] for key in sure_keys(name) if key in identity_ranks()) == rank


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Titel (de)", Spoken("Titel", "de")),
        ("titre_français", Spoken("titre", "fr")),
        ("Accession_no", Spoken("Accession_no")),
        ("Object it", Spoken("Object it")),
        ("Maße (cm)", Spoken("Maße (cm)")),
        ("@en", Spoken("@en")),
        ("(en)", Spoken("(en)")),
    ],
)
def test_the_mark_of_a_language(name, said) -> None:
    assert spoken(name) == said


def test_words_know_camel_case_accents_and_ligatures() -> None:
    words = ("html", "page", "date", "range", "oeuvre", "strasse", "n", "2")
    assert words_of("HTMLPage dateRange Œuvre_Straße N°2") == words


def test_the_tables_speak_of_terms_that_exist_and_of_each_name_once() -> None:
    for table in (SURE, PERHAPS):
        assert [term for term in table if term.removeprefix("dcterms:") not in DCTERMS] == []
    assert {*BROADER, *BROADER.values()} <= DCTERMS
    names = [
        (key, term)
        for term, listed in SURE.items()
        for name in listed.replace("\n", ";").split(";")
        for key in keys_of_synonym(name)
        if key
    ]
    meanings: dict[str, set[str]] = {}
    for key, term in names:
        meanings.setdefault(key, set()).add(term)
    assert {key: terms for key, terms in meanings.items() if len(terms) > 1} == {}


# --- other vocabularies ------------------------------------------------------------------------------

MODEL = TargetModel(
    "omeka-s",
    "museum",
    vocabularies=(
        TargetVocabulary(
            "dcterms",
            "Dublin Core",
            properties=(TargetProperty("dcterms:title", "Title"), TargetProperty("dcterms:date", "Date")),
        ),
        TargetVocabulary(
            "schema",
            "Schema.org",
            properties=(
                TargetProperty("schema:birthDate", "Birth date"),
                TargetProperty("schema:width", "width"),
            ),
        ),
        TargetVocabulary("ex", "Ours", properties=(TargetProperty("ex:width", "Width"),)),
    ),
)


@pytest.mark.parametrize(
    ("name", "choice"),
    [
        ("Birth date", Choice("sure", "schema:birthDate", "by the name of the property")),
        ("birth_date", Choice("sure", "schema:birthDate", "by the name of the property")),
        ("schema:birthDate", Choice("sure", "schema:birthDate", "by its term")),
        ("Width", Choice("perhaps", "schema:width", "by the name of the property", "", ("ex:width",))),
        ("Creation date", Choice("sure", "dcterms:date", "by what it is called")),
        ("Künstler", Choice("none")),
    ],
)
def test_the_vocabularies_of_the_target(name, choice) -> None:
    assert Catalogue(MODEL, None).choose(name) == choice

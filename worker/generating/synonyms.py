"""What cataloguers call the properties of Dublin Core, term by term.

English, German, French, Spanish, Dutch, Italian; separated by semicolons. Written as people write them:
case, accents and punctuation do not count when names are compared, plurals in -s are understood, and so are
`Artist name`, `Subject 2`, `all_artists` (`naming.sure_keys`). The first table is what a name certainly
means in a catalogue; the second is what it may mean: that becomes a question.
"""

from __future__ import annotations

from functools import cache

from worker.generating.naming import keys_of_synonym

SURE: dict[str, str] = {
    "dcterms:title": """
        title; work title; object title; main title; title proper; heading; headline; caption title
        title info
        Titel; Haupttitel; Werktitel; Objekttitel; Bildtitel; Sachtitel
        titre; titre principal; titre de l'œuvre; intitulé
        título; título principal; título de la obra
        titel van het werk; hoofdtitel; objecttitel
        titolo; titolo principale; titolo dell'opera
        titulo; título da obra""",
    "dcterms:alternative": """
        alternative title; alternate title; other title; variant title; subtitle; sub-title; translated title
        foreign title; former title; parallel title; uniform title; alternative; short title
        Nebentitel; Alternativtitel; Untertitel; Paralleltitel; weiterer Titel; anderer Titel
        autre titre; sous-titre; titre alternatif; titre parallèle
        subtítulo; título alternativo; otro título
        alternatieve titel; ondertitel; andere titel
        sottotitolo; titolo alternativo; altro titolo""",
    "dcterms:creator": """
        creator; artist; maker; author; photographer; painter; sculptor; composer; architect; engraver
        draughtsman; printmaker; manufacturer; artist/maker; artist or maker; created by; made by; writer
        creator name; artist name; designer; main entry; producer
        Künstler; Künstler/in; Künstler:in; Künstler/innen; Urheber; Urheber/in; Verfasser; Verfasser/in
        Autor
        Autor/in; Autoren; Hersteller; Fotograf; Fotograf/in; Maler; Schöpfer; Ersteller; Komponist; Architekt
        créateur; créatrice; artiste; auteur; autrice; photographe; peintre; fabricant; auteurs; créateurs
        creador; creadora; artista; autora; autor; autores; fotógrafo; pintor; fabricante; creadores
        maker(s); kunstenaar; kunstenaars; vervaardiger; vervaardigers; fotograaf; schilder; schrijver
        autore; autori; creatore; artisti; fotografo; pittore; fabbricante""",
    "dcterms:contributor": """
        contributor; contributors; editor; translator; illustrator; contributing artist; collaborator
        added entry
        Mitwirkende; Mitwirkende/r; Beiträger; Herausgeber; Herausgeber/in; Beteiligte; Übersetzer; Bearbeiter
        contributeur; contributrice; collaborateur; éditeur scientifique; traducteur; illustrateur
        colaborador; colaboradores; contribuidor; contribuyente; traductor; ilustrador
        bijdrager; medewerker; vertaler; redacteur
        collaboratore; collaboratori; contributore; curatore; traduttore; illustratore""",
    "dcterms:publisher": """
        publisher; published by; imprint; publishing house
        Verlag; Verleger; Herausgebende Institution; Publisher/Verlag
        éditeur; maison d'édition; éditions
        editorial; casa editorial; publicador
        uitgever; uitgeverij
        editore; casa editrice; pubblicato da""",
    "dcterms:subject": """
        subject; subject heading; topic; keyword; key word; tag; subject term; theme; descriptor; iconography
        depicted; depicts; subjects depicted; index term
        Schlagwort; Schlagwörter; Stichwort; Stichwörter; Thema; Themen; Sachgebiet; Ikonographie; Ikonografie
        Motiv
        sujet; mot-clé; mots-clés; mot clé; mots clés; matière; vedette matière; thème; descripteur
        iconographie
        tema; temas; materia; palabra clave; palabras clave; asunto; descriptores
        onderwerp; onderwerpen; trefwoord; trefwoorden; thema's; sleutelwoord
        soggetto; soggetti; parola chiave; parole chiave; argomento; iconografia""",
    "dcterms:description": """
        description; descriptive text; object description; physical description text; summary description
        general description; brief description; notes on content; content description; desc
        Beschreibung; Objektbeschreibung; Kurzbeschreibung; Bildbeschreibung; Inhaltsbeschreibung
        descriptif; description de l'objet
        descripción; descripción del objeto
        beschrijving; omschrijving; objectbeschrijving
        descrizione; descrizione dell'oggetto""",
    "dcterms:abstract": """
        abstract; summary; synopsis
        Zusammenfassung; Kurzfassung; Inhaltsangabe
        résumé; sommaire analytique
        resumen; sumario
        samenvatting
        riassunto; sommario""",
    "dcterms:tableOfContents": """
        table of contents; contents; toc
        Inhaltsverzeichnis; Inhalt
        table des matières; sommaire
        tabla de contenidos; índice de contenidos
        inhoudsopgave; inhoud
        indice dei contenuti""",
    "dcterms:date": """
        date; dating; date text; object date; date display; date of work; year; dated; date range; year made
        Datum; Datierung; Jahr; Zeit der Herstellung
        datation; année; date de l'œuvre; an
        fecha; datación; año; fecha de la obra
        datering; jaar; jaartal
        data; datazione; anno; data dell'opera""",
    "dcterms:created": """
        date created; creation date; date made; date of creation; production date; date of production; created
        date of manufacture; year created; year of production; date produced; created on; creation year
        Entstehungsdatum; Entstehungszeit; Entstehungsjahr; Herstellungsdatum; Erstellungsdatum; Aufnahmedatum
        Herstellungszeit; Entstehung
        date de création; date de production; date de fabrication; année de création; date de prise de vue
        fecha de creación; fecha de producción; año de creación; fecha de realización
        datum vervaardiging; vervaardigingsdatum; ontstaansdatum; datum van vervaardiging
        jaar van vervaardiging
        data di creazione; data di produzione; anno di creazione; data di realizzazione""",
    "dcterms:issued": """
        date issued; date of publication; publication date; publication year; year of publication; issued
        date published; issue date; year published; pub date; pubdate; released
        Erscheinungsdatum; Erscheinungsjahr; Veröffentlichungsdatum; Publikationsdatum; Publikationsjahr
        date de publication; année de publication; date de parution; date d'édition
        fecha de publicación; año de publicación; fecha de edición
        datum van uitgave; jaar van uitgave; publicatiedatum; publicatiejaar; verschijningsdatum
        data di pubblicazione; anno di pubblicazione""",
    "dcterms:modified": """
        date modified; last modified; modification date; last updated; date updated; updated at; modified at
        Änderungsdatum; zuletzt geändert; letzte Änderung
        date de modification; dernière modification
        fecha de modificación; última modificación
        wijzigingsdatum; laatst gewijzigd
        data di modifica; ultima modifica""",
    "dcterms:dateAccepted": "date accepted",
    "dcterms:dateSubmitted": "date submitted; submission date",
    "dcterms:dateCopyrighted": "date copyrighted; copyright date; copyright year; date of copyright",
    "dcterms:available": "date available; available from",
    "dcterms:valid": "date valid; valid until",
    "dcterms:type": """
        type; object type; object name; resource type; work type; genre; kind of object; category of object
        type of object; type of work; object category
        Objektart; Objekttyp; Objektbezeichnung; Typ; Gattung; Art des Objekts; Dokumenttyp; Medientyp
        type d'objet; type de document; type de ressource; dénomination; type d'œuvre
        tipo; tipo de objeto; tipo de documento; tipo de recurso; género
        objecttype; soort object; objectnaam; objectcategorie; type object
        tipologia; tipo di oggetto; tipo di documento; genere""",
    "dcterms:format": """
        format; file format; mime type; media type
        Dateiformat; Medienformat
        format de fichier; type mime
        formato; formato de archivo; formato di file; tipo mime
        bestandsformaat; formaat""",
    "dcterms:medium": """
        medium; material; materials; technique; techniques; material(s); materials and techniques; media
        medium and support; support material; material and technique; medium/technique; materials/techniques
        material/technique; physical medium
        Materialien; Technik; Material/Technik; Material und Technik; Material & Technik; Werkstoff
        Materialität; Technik/Material
        matériau; matériaux; matière et technique; matériaux et techniques; matériaux/techniques; matières
        technique et matériaux; matière/technique
        materiales; técnica; técnicas; material y técnica; técnica y material; soporte
        materiaal; materialen; techniek; materiaal/techniek; materiaal en techniek; materiaal & techniek
        materiale; materiali; tecnica; tecniche; materia e tecnica; materiali e tecniche""",
    "dcterms:extent": """
        dimensions; dimension; measurements; measurement; size; extent; object dimensions; physical extent
        number of pages; pages; pagination; duration; running time; page count; collation
        Maße; Masse; Abmessungen; Abmessung; Maßangaben; Größe; Umfang; Format (cm); Seitenzahl; Laufzeit
        Dauer
        mesures; étendue; dimensions de l'œuvre; taille; nombre de pages; durée
        dimensiones; medidas; extensión; tamaño; número de páginas; duración
        afmetingen; afmeting; omvang; maten; formaat (cm); aantal pagina's; duur
        dimensioni; misure; estensione; numero di pagine; durata""",
    "dcterms:language": """
        language; languages; language code; lang
        Sprache; Sprachen; Sprachcode
        langue; langues; code langue
        idioma; idiomas; lengua
        taal; talen
        lingua; lingue""",
    "dcterms:identifier": """
        identifier; identification number
        Identifikator; Identifikationsnummer; Kennung
        identifiant
        identificador
        identificatie; identificatienummer
        identificatore; identificativo""",
    "dcterms:source": """
        source; source text; original source; source url; source of record; record source
        Quelle; Quellenangabe; Herkunft der Daten
        fuente
        bron; bronvermelding
        fonte""",
    "dcterms:references": """
        references; literature references
        Literaturverweise
        renvois""",
    "dcterms:bibliographicCitation": """
        bibliographic citation; citation; bibliography; literature; publications; bibliographic references
        published references
        Literatur; Literaturangaben; Bibliografie; Bibliographie; Zitat; Publikationen
        bibliographie de l'œuvre; référence bibliographique; références bibliographiques
        bibliografía; cita bibliográfica; referencia bibliográfica; referencias bibliográficas
        literatuur; literatuurverwijzing
        bibliografia; citazione bibliografica; riferimenti bibliografici""",
    "dcterms:relation": """
        relation; related; related items; related objects; related works; related resources; see also
        related to
        Beziehung; Bezug; verwandte Objekte; siehe auch; Verweis
        relations; objets liés; œuvres liées; voir aussi
        relación; relacionado con; véase también; objetos relacionados
        relatie; gerelateerd; gerelateerde objecten; zie ook
        relazione; relazioni; correlato; vedi anche""",
    "dcterms:isPartOf": """
        is part of; part of; series; collection title; album; album title; journal; parent title; source title
        series title; group title; published in; fonds; archive series; host item; container title
        Serie; Reihe; Reihentitel; Teil von; Bestand; Konvolut; Zeitschrift; Sammelwerk; erschienen in
        série; fait partie de; collection d'appartenance; revue; extrait de; partie de; titre de la série
        forma parte de; parte de; revista; título de la serie; serie
        onderdeel van; deel van; reeks; tijdschrift
        fa parte di; parte di; rivista; collana""",
    "dcterms:hasPart": "has part; parts; Teile; enthält; comprend; contiene; bevat",
    "dcterms:isVersionOf": "is version of; version of; after; nach Vorlage; d'après",
    "dcterms:hasVersion": """
        has version; edition; edition statement; Auflage; Ausgabe; édition; edición; editie; edizione""",
    "dcterms:isFormatOf": "is format of; original format",
    "dcterms:hasFormat": "has format; other formats",
    "dcterms:isReferencedBy": "is referenced by; referenced by; cited by",
    "dcterms:replaces": "replaces; supersedes",
    "dcterms:isReplacedBy": "is replaced by; superseded by",
    "dcterms:requires": "requires",
    "dcterms:isRequiredBy": "is required by; required by",
    "dcterms:conformsTo": "conforms to; standard",
    "dcterms:coverage": """
        coverage
        Geltungsbereich; Abdeckung
        couverture
        cobertura
        dekking
        copertura""",
    "dcterms:spatial": """
        spatial coverage; spatial; place; places; location depicted; place depicted; geographic coverage
        geographic location; place name; geographic name; country; city; region; depicted place; place shown
        geographical coverage; place of depiction
        Ort; Orte; Ortsname; dargestellter Ort; Aufnahmeort; Land; Stadt; Region; räumlicher Bezug
        Geographischer Bezug; Geografikum
        lieu; lieux; lieu représenté; pays; ville; couverture spatiale; lieu de prise de vue; région
        lugar; lugares; lugar representado; país; ciudad; cobertura espacial; región
        plaats; plaatsen; plaatsnaam; afgebeelde plaats; land; stad; gebied
        luogo; luoghi; luogo raffigurato; paese; città; copertura spaziale; regione""",
    "dcterms:temporal": """
        temporal coverage; temporal; period depicted; historical period; time period; period; epoch; era
        chronological period
        Epoche; Zeitraum; dargestellte Zeit; Zeitlicher Bezug; Zeitstellung; Periode
        couverture temporelle; période; époque; siècle
        cobertura temporal; período; periodo; época; siglo
        periode; tijdperk; tijdvak
        copertura temporale; epoca""",
    "dcterms:provenance": """
        provenance; credit line; acquisition; acquired from; acquisition source; donor; source of acquisition
        ownership history; custodial history; provenience; gift of; acquisition method; credit
        Provenienz; Herkunft; Erwerbung; Zugang; Creditline; Kreditzeile; Schenker; Stifter; Zugangsart
        Erwerbungsart; Vorbesitzer; Besitzgeschichte
        acquisition mode; mode d'acquisition; mention obligatoire; historique de conservation
        ancienne appartenance
        donateur; ligne de crédit
        procedencia; adquisición; línea de crédito; forma de ingreso; donante; forma de adquisición
        herkomst; verwerving; verworven van; schenker; kredietlijn
        provenienza; acquisizione; donatore; linea di credito; modalità di acquisizione""",
    "dcterms:rights": """
        rights; rights statement; copyright; copyright notice; copyright status; usage rights; rights notice
        Rechte; Rechtehinweis; Urheberrecht; Nutzungsrechte; Rechteangabe; Copyrightvermerk; Rechtsstatus
        droits; droits d'auteur; mention de droits; copyright mention; droits d'utilisation
        derechos; derechos de autor; derechos de uso
        rechten; auteursrecht; auteursrechten; gebruiksrechten
        diritti; diritti d'autore; diritti d'uso""",
    "dcterms:license": """
        license; licence; licensing; license url; licence url
        Lizenz; Lizenzierung; Lizenzangabe
        licence d'utilisation
        licencia
        licentie
        licenza""",
    "dcterms:rightsHolder": """
        rights holder; copyright holder; copyright owner; rights owner
        Rechteinhaber; Rechteinhaber/in; Rechtsinhaber
        détenteur des droits; ayant droit; titulaire des droits
        titular de los derechos; titular de derechos
        rechthebbende; rechtenhouder
        titolare dei diritti; detentore dei diritti""",
    "dcterms:accessRights": """
        access rights; access restrictions; access conditions; conditions of access; restrictions on access
        Zugangsbeschränkung; Zugangsbeschränkungen; Zugriffsrechte; Zugangsbedingungen
        droits d'accès; conditions d'accès
        derechos de acceso; condiciones de acceso
        toegangsrechten; toegangsvoorwaarden
        diritti di accesso; condizioni di accesso""",
    "dcterms:audience": "audience; intended audience; Zielgruppe; public cible; público; doelgroep; pubblico",
    "dcterms:educationLevel": "education level; audience education level; Bildungsniveau",
    "dcterms:instructionalMethod": "instructional method",
    "dcterms:mediator": "mediator",
    "dcterms:accrualMethod": "accrual method",
    "dcterms:accrualPeriodicity": "accrual periodicity; frequency",
    "dcterms:accrualPolicy": "accrual policy",
}

PERHAPS: dict[str, str] = {
    "dcterms:title": """
        name; label; designation; object; work; Name; Bezeichnung; Benennung; nom; appellation
        nombre; denominación; naam; benaming; nome; denominazione; caption; legend; Legende; légende
        bijschrift""",
    "dcterms:creator": """
        person; people; agent; attribution; attributed to; Zuschreibung; Person; personne; persona
        persoon; institution; corporate body; role; owner; contact""",
    "dcterms:description": """
        note; notes; comment; comments; remark; remarks; inscription; condition; text; body; content
        Bemerkung; Bemerkungen; Anmerkung; Anmerkungen; Notiz; Notizen; Kommentar; Text; Inschrift
        Zustand; Erläuterung; remarque; remarques; commentaire; observations; notas; nota
        observaciones; comentario; opmerking; opmerkingen; toelichting; osservazioni; commento
        iscrizione""",
    "dcterms:subject": """
        category; categories; classification; class; Kategorie; Klassifikation; Systematik
        catégorie; classement; categoría; clasificación; categorie; rubriek; categoria
        classificazione; movement; style; school; genre; names; Stil""",
    "dcterms:date": """
        time; start; end; from; to; birth; death; day; month; timestamp; acquired; Zeit; Beginn
        Ende; temps; début; fin; tiempo; inicio; tijd; tempo; decade; century; Jahrhundert; siècle""",
    "dcterms:spatial": """
        location; origin; address; coordinates; latitude; longitude; lat; lng; lon; site; Standort
        Fundort; Herstellungsort; Entstehungsort; Adresse; emplacement; lieu de création; ubicación
        locatie; vindplaats; ubicazione; place made; place of origin; place of production; culture
        nationality; provincia""",
    "dcterms:isPartOf": """
        collection; group; set; department; section; volume; issue; box; folder; Sammlung; Abteilung
        Gruppe; Band; ensemble; département; colección; departamento; verzameling; collectie
        afdeling; collezione; raccolta; dipartimento; repository; institution; holding institution""",
    "dcterms:source": """
        url; uri; link; web; website; permalink; homepage""",
    "dcterms:references": """
        image; thumbnail; iiif; manifest; Bild; Abbildung; photo; foto; imagen; afbeelding; immagine
        file; Datei; fichier; archivo; bestand; wikidata; viaf; ulan; gnd""",
    "dcterms:extent": """
        height; width; depth; length; diameter; weight; units; unit; Höhe; Breite; Tiefe; Länge
        Durchmesser; Gewicht; hauteur; largeur; profondeur; longueur; diamètre; poids; altura
        altezza; ancho; alto; anchura; profundidad; hoogte; breedte; diepte; larghezza; profondità
        peso""",
    "dcterms:rights": """
        status; restrictions; access; permission; permissions; Genehmigung; autorisation; permiso""",
    "dcterms:identifier": """
        number; no; nr; code; reference; ref; signature; Nummer; numéro; número; nummer; numero
        isbn; issn; doi; barcode; ark; handle; key""",
    "dcterms:provenance": """
        lender; loan; vendor; price; value; bequest; Leihgeber; Preis; Wert; prêteur; prix; precio""",
}

BROADER: dict[str, str] = {
    "alternative": "title",
    "abstract": "description",
    "tableOfContents": "description",
    "provenance": "description",
    "created": "date",
    "issued": "date",
    "modified": "date",
    "available": "date",
    "valid": "date",
    "dateAccepted": "date",
    "dateCopyrighted": "date",
    "dateSubmitted": "date",
    "medium": "format",
    "extent": "format",
    "spatial": "coverage",
    "temporal": "coverage",
    "license": "rights",
    "accessRights": "rights",
    "rightsHolder": "rights",
    "bibliographicCitation": "relation",
    "isPartOf": "relation",
    "hasPart": "relation",
    "references": "relation",
    "isReferencedBy": "relation",
    "hasVersion": "relation",
    "isVersionOf": "relation",
    "hasFormat": "relation",
    "isFormatOf": "relation",
}
"""Where a target has but the fifteen elements (Omeka Classic): the element that a property refines."""


def _index(table: dict[str, str]) -> dict[str, str]:
    index: dict[str, str] = {}
    for term, listed in table.items():
        for name in listed.replace("\n", ";").split(";"):
            for key in keys_of_synonym(name):
                if key:
                    index.setdefault(key, term)
    return index


@cache
def sure_index() -> dict[str, str]:
    """Key of a name → the term that it certainly means. Of two terms the first of the table."""
    return _index(SURE)


@cache
def perhaps_index() -> dict[str, str]:
    """Key of a name → the term that it may mean; what is sure is among it."""
    return _index(SURE) | {key: term for key, term in _index(PERHAPS).items() if key not in sure_index()}

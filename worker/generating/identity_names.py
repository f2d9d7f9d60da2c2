"""What cataloguers call the numbers by which a thing is known, in six languages."""

from __future__ import annotations

from functools import cache

from worker.generating.naming import keys_of_synonym

IDENTITIES: tuple[str, ...] = (
    """
        accession number; accession no; accession nr; accession; acc no; acc number; acno; accno; acc nr
        object number; object no; object id; objectid; inventory number; inventory no; inventory nr
        inv no; inv nr; inv number; inv; catalogue number; catalog number; catalogue no; catalog no
        cat no; museum number; registration number; reg no; shelfmark; shelf mark; call number; call no
        reference number; reference code; ref no; item number; item no
        Inventarnummer; Inventarnr; Inv.-Nr.; InventarNr; Inventar-Nr.; Objektnummer; Objekt-Nr.
        Objektnr; ObjektID; Signatur; Katalognummer; Katalog-Nr.; Zugangsnummer; Bestandssignatur
        Registriernummer; Akzessionsnummer
        numéro d'inventaire; n° inventaire; no inventaire; n° d'inventaire; numéro inventaire; cote
        numéro d'objet; numéro d'entrée; numéro d'accession; inventaire
        número de inventario; nº inventario; no inventario; nº de inventario; núm. inventario
        número de registro; signatura; número de objeto; número de catálogo; inventario
        inventarisnummer; inventarisnr; inv.nr.; objectnummer; objectnr; registratienummer
        catalogusnummer; plaatskenmerk
        numero di inventario; numero d'inventario; n. inventario; n. inv.; segnatura; numero di catalogo
        collocazione""",
    """
        identifier; Identifikator; identifiant; identificador; identificatie; identificatore
        identificativo; Kennung""",
    """
        uuid; guid; pid; persistent identifier; ark; handle; doi; record id; recordid
        record identifier; record number; control number; irn; system number; Datensatznummer
        object identifier; o:id; catalog id; cote id; DSID""",
    """
        id; number; no; nr; code; key; ref; reference; Nummer; Nr; numéro; n°; número; nº; nummer
        numero; n.; item id""",
)
"""Names of what a record is known by, the better first: the numbers that stand on the things themselves, then
what catalogues say, then what their systems count, then what may be a number of anything."""


@cache
def identity_ranks() -> dict[str, int]:
    """Key of a name → how good a name of an identifier it is, from 0 (best)."""
    ranks: dict[str, int] = {}
    for rank, listed in enumerate(IDENTITIES):
        for name in listed.replace("\n", ";").split(";"):
            for key in keys_of_synonym(name):
                if key:
                    ranks.setdefault(key, rank)
    return ranks

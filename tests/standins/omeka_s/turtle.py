"""One resource as Turtle: enough of the format for literals, URIs, links and what links back."""

from __future__ import annotations

import json

from .database import Database
from .model import Json

_O = "http://omeka.org/s/vocabs/o#"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_TERMS = "http://purl.org/dc/terms/"


def write(shown: Json, database: Database) -> str:
    """Serialise a JSON-LD document of this server."""
    uris = {v.prefix: v.uri for v in database.vocabularies.values()}
    uris |= {"o": _O}
    names = {_O: "ns0", _XSD: "xsd", _TERMS: "dc"}
    blocks = {str(shown["@id"]): _block(shown, uris, names)}
    for term, links in shown.get("@reverse", {}).items():
        for link in links:
            triples = [f"{_name(term, uris, names)} <{shown['@id']}>"]
            if link["o:title"] is not None:
                triples.append(f"ns0:title {_literal(link['o:title'])}")
            blocks[link["@id"]] = triples
    owner = shown.get("o:owner")
    if owner:
        blocks[owner["@id"]] = [f"ns0:id {owner['o:id']}"]
    prefixes = "".join(f"@prefix {name}: <{uri}> .\n" for uri, name in names.items())
    texts = []
    for subject, triples in blocks.items():
        if len(triples) == 1:
            texts.append(f"<{subject}> {triples[0]} .\n")
        else:
            texts.append(f"<{subject}>\n  " + " ;\n  ".join(triples) + " .\n")
    return prefixes + "\n" + "\n".join(texts)


def _block(shown: Json, uris: dict[str, str], names: dict[str, str]) -> list[str]:
    kinds = shown["@type"] if isinstance(shown["@type"], list) else [shown["@type"]]
    found: dict[str, list[str]] = {}
    for key, value in shown.items():
        prefix = key.partition(":")[0]
        if key.startswith("@") or prefix not in uris or value is None:
            continue
        objects = [_object(one) for one in (value if isinstance(value, list) else [value])]
        if objects:
            found.setdefault(_name(key, uris, names), []).extend(objects)
    first = ["a " + ", ".join(f"<{_uri(kind, uris)}>" for kind in kinds)]
    own = sorted(name for name in found if name.startswith("ns0:"))
    rest = sorted(name for name in found if not name.startswith("ns0:"))
    return first + [f"{name} {', '.join(found[name])}" for name in own + rest]


def _uri(term: str, uris: dict[str, str]) -> str:
    prefix, _, local = term.partition(":")
    return uris.get(prefix, f"{prefix}:") + local


def _name(term: str, uris: dict[str, str], names: dict[str, str]) -> str:
    prefix, _, local = term.partition(":")
    uri = uris[prefix]
    return f"{names.setdefault(uri, prefix)}:{local}"


def _object(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _literal(value)
    if "@id" in value:
        return f"<{value['@id']}>"
    kind = value.get("@type")
    if kind:
        return f"{json.dumps(value['@value'], ensure_ascii=False)}^^xsd:{kind.removeprefix(_XSD)}"
    language = value.get("@language")
    if language:
        return f"{json.dumps(value['@value'], ensure_ascii=False)}@{language}"
    return _literal(value["@value"])


def _literal(text: str) -> str:
    return f"{json.dumps(text, ensure_ascii=False)}^^xsd:string"

"""Settings: where they come from, what they refuse, and that the documentation knows them all."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from service.pacing import PaceWindow
from service.settings import Settings, SettingsError, SourceSettings, TargetSettings, load_settings
from service.supervisor import refuse_unsafe

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("ACCESSION_", "OMEKA_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def rows(text: str, columns: int) -> list[tuple[str, ...]]:
    """The rows of all tables with so many columns, headers left out."""
    found = []
    for line in text.splitlines():
        if not line.startswith("|") or set(line) <= set("|- "):
            continue
        cells = tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
        if len(cells) == columns and cells[0].startswith("`"):
            found.append(cells)
    return found


def shown_default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in (None, ""):
        return "empty"
    if value == {}:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def test_every_setting_is_documented_with_its_names_default_and_meaning() -> None:
    meant = []
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        if name in ("targets", "sources"):
            names = (f"`ACCESSION_{name.upper()}__NAME__…`", f"`[{name}.NAME]`")
        else:
            names = (f"`{alias}`", "—") if alias else (f"`ACCESSION_{name.upper()}`", f"`{name}`")
        meant.append((*names, shown_default(field.get_default()), field.description))
    assert rows(DOCUMENT.read_text(encoding="utf-8"), 4) == meant


def documented(model: type[BaseModel]) -> list[tuple[str, ...]]:
    return [
        (f"`{field.alias or name}`", shown_default(field.get_default()), field.description or "")
        for name, field in model.model_fields.items()
    ]


def test_every_setting_of_a_target_is_documented() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("## A target")[2].partition("\n##")[0]
    assert rows(section, 3) == documented(TargetSettings)


def test_every_setting_of_a_source_is_documented() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("## A source")[2].partition("\n##")[0]
    assert rows(section, 3) == documented(SourceSettings)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "omeka-classic", "key_identity": "a", "key_credential": "b"}, "Omeka Classic has one key"),
        ({"kind": "omeka-s", "key": "a"}, "has two parts"),
        ({"kind": "omeka-s", "key_identity": "a"}, "belong together"),
        ({"kind": "omeka-s", "url": "old.example.org"}, "not a web address"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(sources={"old": {"url": "https://old.example.org", **given}})


def test_every_setting_of_its_hours_is_documented() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("`pace`\n")[2].partition("\n##")[0]
    assert rows(section, 3) == documented(PaceWindow)


def test_every_variable_that_the_code_names_is_documented() -> None:
    documented = set(re.findall(r"(?:ACCESSION|OMEKA)_[A-Z_]+", DOCUMENT.read_text(encoding="utf-8")))
    named: dict[str, str] = {}
    for path in [*ROOT.glob("service/**/*.py"), *ROOT.glob("worker/**/*.py"), *ROOT.glob("examples/**/*.sh")]:
        for name in re.findall(r"\bACCESSION_[A-Z_]+[A-Z]\b", path.read_text(encoding="utf-8")):
            named.setdefault(name, path.name)
    assert {name: where for name, where in named.items() if name not in documented} == {}


def test_an_omeka_classic_needs_no_file_either(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("URL", "https://archive.example.org"), ("KEY", "k" * 40), ("KIND", "omeka-classic")):
        monkeypatch.setenv(f"ACCESSION_TARGETS__ARCHIVE__{name}", value)
    target = load_settings().targets["archive"]
    assert (target.kind, target.site) == ("omeka-classic", "https://archive.example.org")
    assert target.key.get_secret_value() == "k" * 40


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "accession.toml").write_text('port = 9001\nhost = "127.0.0.2"\n', encoding="utf-8")
    monkeypatch.setenv("ACCESSION_PORT", "9002")
    settings = load_settings()
    assert (settings.port, settings.host, settings.workers_jobs) == (9002, "127.0.0.2", 4)


def test_another_file_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("port = 9003\n", encoding="utf-8")
    monkeypatch.setenv("ACCESSION_CONFIG", str(tmp_path / "other.toml"))
    assert load_settings().port == 9003


def test_one_omeka_needs_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMEKA_URL", "https://omeka.example.org/api/")
    monkeypatch.setenv("OMEKA_KEY_IDENTITY", "id")
    monkeypatch.setenv("OMEKA_KEY_CREDENTIAL", "cred")
    target = load_settings().targets["omeka"]
    assert (target.api, target.site) == ("https://omeka.example.org/api", "https://omeka.example.org")
    assert (target.key_identity.get_secret_value(), target.key_credential.get_secret_value()) == (
        "id",
        "cred",
    )


def test_secrets_are_taken_from_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("from the file\n", encoding="utf-8")
    (tmp_path / "accession.toml").write_text(
        f'[targets.a]\nurl = "https://a.example.org"\nkey_identity = "env:A_KEY"\n'
        f'key_credential = "file:{tmp_path / "secret"}"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("A_KEY", "from the environment")
    monkeypatch.setenv("ACCESSION_SECRET_KEY", "env:A_KEY")
    settings = load_settings()
    target = settings.targets["a"]
    assert target.key_identity.get_secret_value() == "from the environment"
    assert target.key_credential.get_secret_value() == "from the file"
    assert settings.secret_key.get_secret_value() == "from the environment"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ACCESSION_PORT", "eighty", "port: "),
        ("ACCESSION_PORT", "70000", "port: "),
        ("ACCESSION_DEFAULT_TARGET", "nowhere", "nowhere"),
        ("OMEKA_URL", "omeka.example.org", "not a web address"),
        ("OMEKA_URL", "https://user:secret@omeka.example.org", "must hold no user"),
        ("ACCESSION_LOG_LEVEL", "loud", "log_level: "),
        ("ACCESSION_TRUSTED_PROXIES", "10.0.0.2", "trusted_proxies: write it in the environment as JSON"),
        ("ACCESSION_CONFIG", "nowhere.toml", "ACCESSION_CONFIG: there is no file nowhere.toml."),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_secret_is_named_and_no_other_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "accession.toml").write_text(
        '[targets.a]\nurl = "https://a.example.org"\nkey_identity = "hush"\nkey_credential = "env:NOT_SET"\n',
        encoding="utf-8",
    )
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "NOT_SET is not set" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"host": "127.0.0.1"},
        {"host": "::1"},
        {"host": "localhost"},
        {"host": "0.0.0.0", "public_url": "https://import.example.org"},
        {"host": "192.0.2.1", "allow_http": True},
        {"database_url": "postgresql+psycopg://db/x", "secret_key": "long"},
    ],
)
def test_safe_settings_are_taken(given: dict[str, object]) -> None:
    refuse_unsafe(load_settings(**given))


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"host": "0.0.0.0"}, "host"),
        ({"host": "::"}, "host"),
        ({"host": "import.example.org"}, "host"),
        ({"host": "0.0.0.0", "public_url": "http://import.example.org"}, "host"),
        ({"host": "0.0.0.0", "public_url": "https://"}, "host"),
        ({"database_url": "postgresql+psycopg://db/x"}, "secret_key"),
    ],
)
def test_settings_that_expose_keys_or_sessions_are_refused(given: dict[str, object], setting: str) -> None:
    with pytest.raises(SettingsError, match=f"^{setting}: "):
        refuse_unsafe(load_settings(**given))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port = ", "accession.toml is not TOML: "),
        ("prot = 9001\n", "prot: "),
        ("[targets.a]\nurl = 'https://a.example.org'\nkeys = 'x'\n", "targets.a.keys: "),
        ("[targets.a]\nurl = 'https://a.example.org'\nkey = 'x'\n", "targets.a: an Omeka S has a key of two"),
        (
            "[targets.a]\nkind = 'omeka-classic'\nurl = 'https://a.example.org'\nkey_identity = 'x'\n",
            "targets.a: an Omeka Classic has one key",
        ),
        ("[targets.a]\nkey_identity = 'x'\n", "targets.a.url: Field required"),
    ],
)
def test_a_settings_file_that_makes_no_sense_is_refused_where_it_does_not(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "accession.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(message)

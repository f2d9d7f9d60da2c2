"""Every setting, in one place.

From the environment (`ACCESSION_…`, and `OMEKA_…` for a single target) over `accession.toml` over
the defaults here. `docs/settings.md` lists them all; a test keeps it complete. Secrets stand in the
settings only, and there as `env:NAME` or `file:PATH` where one does not want them in a file.
"""

from __future__ import annotations

import os
import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from service.control.target_model import TargetKind
from service.pacing import PaceWindow, check_windows, zone_of

VERSION = "0.1.0"
QUEUE_NAME = "accession:queue"
JOB_RUN = "run"
"""Name of the worker's function for a run: the only thing by which the service knows the worker."""
JOB_TASK = "task"


class SettingsError(Exception):
    """A setting is missing or makes no sense; the message says which and what to write instead."""


def resolve_secret(value: str, where: str) -> SecretStr:
    """`env:NAME` and `file:PATH` are followed; anything else is the secret itself."""
    if value.startswith("env:"):
        name = value[4:]
        if name not in os.environ:
            raise SettingsError(f"{where}: the environment variable {name} is not set.")
        return SecretStr(os.environ[name])
    if value.startswith("file:"):
        try:
            return SecretStr(Path(value[5:]).read_text(encoding="utf-8").strip())
        except OSError as error:
            raise SettingsError(f"{where}: cannot read {value[5:]}: {error.strerror}.") from error
    return SecretStr(value)


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not a web address: write it like https://collections.example.org")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("must hold no user, query or fragment: keys have settings of their own")
    return value.rstrip("/")


def _followed(value: object, where: str) -> object:
    if isinstance(value, str):
        try:
            return resolve_secret(value, where)
        except SettingsError as error:
            raise ValueError(str(error)) from error
    return value


class OmekaSettings(BaseModel):
    """Where an Omeka is, whatever is done with it. Its keys may be told in place, or by where they stand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="The site's address, or its `…/api`.")

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        return _web_address(value)

    @field_validator("key_identity", "key_credential", "key", mode="before", check_fields=False)
    @classmethod
    def _follow(cls, value: object, info: Any) -> object:
        return _followed(value, str(info.field_name))

    @property
    def api(self) -> str:
        """The address of the API, without a trailing slash."""
        return self.url if self.url.endswith("/api") else f"{self.url}/api"

    @property
    def site(self) -> str:
        return self.url.removesuffix("/api")


class TargetSettings(OmekaSettings):
    """One Omeka: address, key, limits. `[targets.NAME]` in `accession.toml`."""

    kind: TargetKind = Field("omeka-s", description="Which API it speaks: `omeka-s` or `omeka-classic`.")
    key_identity: SecretStr = Field(SecretStr(""), description="Omeka S: the key's identity.")
    key_credential: SecretStr = Field(SecretStr(""), description="Omeka S: the key's credential.")
    key: SecretStr = Field(SecretStr(""), description="Omeka Classic: the key of a user.")
    method_override: bool = Field(
        False,
        description="Omeka Classic: whether changes are sent as POST with `X-HTTP-Method-Override`; where a web server refuses PUT and DELETE, that is found out too.",
    )
    wide_characters: bool = Field(
        False,
        description="Omeka Classic: whether its database takes characters such as emoji, which that of a new one does not.",
    )
    connections: int = Field(2, ge=1, le=64, description="Most requests at a time, over all workers.")
    requests_per_second: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Most requests in a second, over all workers; none: as many as it answers.",
    )
    timeout: float = Field(120.0, gt=0, description="Seconds that a request may take.")
    time_zone: str = Field("", description="Of the hours in `pace`, such as `Europe/London`.")
    pace: list[PaceWindow] = Field([], description="Hours in which it is asked less, or nothing; see below.")
    allow_url_ingest: bool = Field(False, description="Whether the target may be told to fetch URLs itself.")
    allow_sideload: bool = Field(False, description="Whether it may be told to take files of its own folder.")
    media_types: list[str] = Field(
        [], description="Media types of files that it takes; none named: those of a new Omeka."
    )
    extensions: list[str] = Field(
        [], description="Endings of file names that it takes; none named: those of a new Omeka."
    )
    largest_file: int = Field(0, ge=0, description="Bytes of the largest file that it takes; 0: not known.")
    inline_files: int = Field(
        20, ge=0, le=1000, description="Most files in the request that creates their item."
    )
    inline_bytes: int = Field(20_000_000, ge=0, description="Most bytes of such files together.")
    allow_admin_roles: bool = Field(
        False, description="Whether users may be made administrators, and those that are be changed."
    )

    @field_validator("time_zone")
    @classmethod
    def _is_time_zone(cls, value: str) -> str:
        if value:
            zone_of(value)
        return value

    @model_validator(mode="after")
    def _has_its_kind_of_key(self) -> TargetSettings:
        pair = self.key_identity.get_secret_value() or self.key_credential.get_secret_value()
        if self.kind == "omeka-classic" and pair:
            raise ValueError(
                "an Omeka Classic has one key: write it as `key`, without identity and credential"
            )
        if self.kind == "omeka-s" and self.key.get_secret_value():
            raise ValueError(
                "an Omeka S has a key of two parts: write key_identity and key_credential. If it is an Omeka "
                'Classic, write kind = "omeka-classic"'
            )
        return self

    @model_validator(mode="after")
    def _paces_itself(self) -> TargetSettings:
        if self.pace and not self.time_zone:
            raise ValueError('pace: say whose hours these are, as in time_zone = "Europe/London"')
        try:
            check_windows(self.pace)
            for window in self.pace:
                self._is_within_limits(window)
        except ValueError as error:
            raise ValueError(f"pace: {error}") from None
        return self

    def _is_within_limits(self, window: PaceWindow) -> None:
        if (window.connections or 0) > self.connections:
            raise ValueError(
                f"{window}: connections = {window.connections} is more than the target has at any time "
                f"({self.connections})"
            )
        most = self.requests_per_second
        if most is not None and (window.requests_per_second or 0) > most:
            raise ValueError(
                f"{window}: requests_per_second = {window.requests_per_second:g} is more than the target has "
                f"at any time ({most:g})"
            )


class SourceSettings(OmekaSettings):
    """An Omeka that is read from, as a whole: address and key. `[sources.NAME]` in `accession.toml`."""

    kind: Literal["omeka-s", "omeka-classic"] = Field(description="Which API it speaks.")
    key: SecretStr = Field(SecretStr(""), description="Omeka Classic: the key; none: what is public is read.")
    key_identity: SecretStr = Field(
        SecretStr(""), description="Omeka S: the key's identity; none: what is public is read."
    )
    key_credential: SecretStr = Field(SecretStr(""), description="Omeka S: the key's credential.")
    timeout: float = Field(
        60.0, gt=0, description="Seconds without a byte after which a request is given up."
    )
    per_page: int = Field(
        50, ge=1, le=1000, description="Records asked for at a time; a site may give fewer."
    )
    pause: float = Field(0.0, ge=0, le=60, description="Seconds between two requests, to spare the site.")
    targets: list[str] = Field([], description="Targets into which it may be read; none named: all.")

    @model_validator(mode="after")
    def _keys_are_of_its_kind(self) -> SourceSettings:
        identity, credential = self.key_identity.get_secret_value(), self.key_credential.get_secret_value()
        if self.kind == "omeka-classic" and (identity or credential):
            raise ValueError("Omeka Classic has one key: write it as key, not key_identity or key_credential")
        if self.kind == "omeka-s" and self.key.get_secret_value():
            raise ValueError("the key of an Omeka S has two parts: key_identity and key_credential")
        if bool(identity) != bool(credential):
            raise ValueError("key_identity and key_credential belong together: write both, or neither")
        return self

    @property
    def keys(self) -> dict[str, str]:
        """The key as parameters of a query; empty where there is none."""
        named = {"key": self.key, "key_identity": self.key_identity, "key_credential": self.key_credential}
        return {name: value for name, secret in named.items() if (value := secret.get_secret_value())}


class Settings(BaseSettings):
    """All settings of one installation; immutable once read."""

    model_config = SettingsConfigDict(
        env_prefix="ACCESSION_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    data_dir: Path = Field(
        Path("data"), description="Where everything that must last is kept, unless said otherwise below."
    )
    host: str = Field("127.0.0.1", description="Address that the service listens on.")
    port: int = Field(
        8420, ge=0, le=65535, description="Port that the service listens on; 0 takes a free one."
    )
    public_url: str = Field(
        "", description="The service's address as its users see it (https), where it is not the one above."
    )
    allow_http: bool = Field(
        False, description="Listen beyond loopback without https. Keys then travel in clear."
    )
    trusted_proxies: list[str] = Field(
        [], description="Addresses of reverse proxies whose forwarded addresses are believed."
    )
    database_url: str = Field(
        "", description="SQLAlchemy URL (sqlite or postgresql+psycopg); empty: SQLite in the data folder."
    )
    redis_url: str = Field(
        "", description="Redis or Valkey (redis://…, unix://…); empty: one of our own in the data folder."
    )
    blob_dir: Path | None = Field(
        None, description="Where uploaded bytes are kept; empty: `blobs` in the data folder."
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs sessions; required when the database is not SQLite."
    )
    default_target: str = Field(
        "", description="Target of a batch that names none; empty: the only one there is."
    )
    targets: dict[str, TargetSettings] = Field(
        {}, description="The Omekas, by name; `[targets.NAME]` in accession.toml."
    )
    sources: dict[str, SourceSettings] = Field(
        {}, description="The Omekas that are read from, by name; `[sources.NAME]` in accession.toml."
    )

    max_upload_bytes: int = Field(20 * 1024**3, ge=1, description="Largest file of one upload, in bytes.")
    max_control_bytes: int = Field(10 * 1024**2, ge=1, description="Largest control file, in bytes.")
    max_form_bytes: int = Field(1024**2, ge=1024, description="Most bytes of a form's other fields together.")
    max_form_parts: int = Field(1000, ge=8, description="Most parameters of one form, files included.")
    failed_keys_per_minute: int = Field(20, ge=1, description="Failed keys from one address before 429.")
    database_wait: float = Field(
        10.0, ge=0, description="Seconds that the service repeats a busy database before a 503."
    )

    workers_jobs: int = Field(
        4, ge=1, le=64, description="Runs that one worker process carries out at a time."
    )
    lease: float = Field(
        30.0, gt=0, description="Seconds without a heartbeat until another worker takes a run over."
    )
    sweep: float = Field(
        20.0, gt=0, description="Seconds between two looks for runs that nobody carries out."
    )
    sample: float = Field(
        5.0,
        gt=0,
        description="Seconds between two measurements of a run, which its charts show; long runs are measured more seldom.",
    )
    outage: float = Field(
        30.0,
        ge=0,
        description="Seconds that a target may be down before the first write; then the run fails.",
    )
    outage_after_write: float = Field(
        86400.0, ge=0, description="Seconds that a target may be down after the first write."
    )
    fetch_from: list[str] = Field(
        [],
        description="Sites of the own network (`https://scans.example.org`) from which files may be fetched; those of the web may be anyway.",
    )
    largest_fetch: int = Field(
        4 * 1024**3, ge=1, description="Bytes of the largest file that is fetched from an address."
    )
    look_again: list[float] = Field(
        [1.0, 5.0, 15.0, 60.0],
        description="Seconds after which a lost create is looked for, at the earliest.",
    )
    chunk: int = Field(200, ge=1, le=2000, description="Rows a transaction of plan, journal and ledger.")

    retention_uploads: float = Field(
        7.0,
        ge=0,
        description="Days that bytes which no batch uses are kept, uploads that were not ended, and answers of checks; 0: for ever.",
    )
    retention_dry_runs: float = Field(
        30.0, ge=0, description="Days that the plan and log of a dry run are kept; 0: for ever."
    )
    retention_batches: float = Field(
        90.0,
        ge=0,
        description="Days that a batch of which nothing is to be undone keeps its files, report and log; 0: for ever.",
    )
    retention_reports: float = Field(
        365.0,
        ge=0,
        description="Days that an imported batch keeps its files, report and log, which an undo does not need; 0: for ever.",
    )
    retention_undo: float = Field(
        0.0, ge=0, description="Days that an imported batch can be undone; 0: for ever."
    )
    retention_every: float = Field(
        24.0,
        ge=0,
        description="Hours between two times that a worker removes what is kept no longer; 0: only `accession gc` does.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Of the processes' own log on stderr."
    )

    # A single target without a file.
    omeka_url: str = Field(
        "", validation_alias="OMEKA_URL", description="Address of the target `omeka`, for one without a file."
    )
    omeka_key_identity: SecretStr = Field(
        SecretStr(""), validation_alias="OMEKA_KEY_IDENTITY", description="Its key's identity."
    )
    omeka_key_credential: SecretStr = Field(
        SecretStr(""), validation_alias="OMEKA_KEY_CREDENTIAL", description="Its key's credential."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        config = Path(os.environ.get("ACCESSION_CONFIG", "accession.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config)

    @field_validator("secret_key", mode="before")
    @classmethod
    def _follow_secret(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                return resolve_secret(value, "secret_key")
            except SettingsError as error:
                raise ValueError(str(error)) from error
        return value

    @model_validator(mode="after")
    def _single_target(self) -> Settings:
        if self.omeka_url and "omeka" not in self.targets:
            target = TargetSettings.model_validate(
                {
                    "url": self.omeka_url,
                    "key_identity": self.omeka_key_identity.get_secret_value(),
                    "key_credential": self.omeka_key_credential.get_secret_value(),
                }
            )
            # The one place where the frozen model is completed: before anybody else sees it.
            object.__setattr__(self, "targets", {**self.targets, "omeka": target})
        if self.default_target and self.default_target not in self.targets:
            known = ", ".join(sorted(self.targets)) or "none"
            raise ValueError(f"default_target {self.default_target!r} is not a target; configured: {known}")
        return self

    @cached_property
    def database(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'accession.db'}"

    @property
    def is_sqlite(self) -> bool:
        return self.database.startswith("sqlite")

    @cached_property
    def blobs(self) -> Path:
        return (self.blob_dir or self.data_dir / "blobs").resolve()

    @property
    def queue_socket_note(self) -> Path:
        """Where `accession start` notes the queue's socket if the data folder's path is too long to hold one."""
        return self.data_dir.resolve() / "queue" / "socket-path"

    @cached_property
    def queue(self) -> str:
        """The queue's URL; by default the socket of the embedded one."""
        if self.redis_url:
            return self.redis_url
        if self.queue_socket_note.is_file():
            return f"unix://{self.queue_socket_note.read_text(encoding='utf-8').strip()}"
        return f"unix://{self.data_dir.resolve() / 'queue' / 'queue.sock'}"

    @property
    def only_target(self) -> str | None:
        """The target of a batch that names none, if that is unambiguous."""
        if self.default_target:
            return self.default_target
        return next(iter(self.targets)) if len(self.targets) == 1 else None


def load_settings(**overrides: object) -> Settings:
    """Read the settings, or raise :class:`SettingsError` with one line a problem and no secret in it."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError as UnparsableError

    config = os.environ.get("ACCESSION_CONFIG")
    if config and not Path(config).is_file():
        raise SettingsError(f"ACCESSION_CONFIG: there is no file {config}.")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{config or 'accession.toml'} is not TOML: {error}") from None
    except UnparsableError as error:
        name = re.search(r'field "(\w+)"', str(error))
        raise SettingsError(
            f"{name[1] if name else 'settings'}: write it in the environment as JSON, for example "
            """'["10.0.0.2"]' for a list."""
        ) from None
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            where = ".".join(str(part) for part in problem["loc"]) or "settings"
            lines.append(f"{where}: {problem['msg'].removeprefix('Value error, ')}")
        raise SettingsError("\n".join(lines)) from None

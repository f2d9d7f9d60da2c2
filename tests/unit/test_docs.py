"""The documents are complete where completeness can be checked, and their links lead somewhere."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")]
    if path.name != "TODO.md"
)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def _packages() -> tuple[list[str], list[str]]:
    """Names of what is needed to run, and of what is needed besides to work on it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime, dev = project["dependencies"], project["optional-dependencies"]["dev"]
    return [_name(line) for line in runtime], [_name(line) for line in dev]


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=~! ;]", requirement)[0]


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([^`]+)` \| [^|]+ \| [^|]+\. \|$", text, re.MULTILINE)
    runtime, dev = _packages()
    assert sorted(explained) == sorted([*runtime, *dev])


def test_every_dependency_is_locked_with_a_hash_and_without_an_address() -> None:
    runtime, dev = _packages()
    for name, wanted in (("requirements.lock", runtime), ("requirements-dev.lock", [*runtime, *dev])):
        text = (ROOT / "scripts" / name).read_text(encoding="utf-8")
        named = re.findall(r"^([a-z0-9._-]+)[ =<>@\[]", text, re.MULTILINE)
        locked = re.findall(r"^([a-z0-9._-]+)==[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)
        assert "://" not in text
        assert named == locked
        assert sorted(set(wanted) - set(locked)) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    links = [link for link in _LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    missing = [
        path.name for path in ROOT.glob("docs/*.md") if path.name != "index.md" and path.name not in index
    ]
    assert missing == []


def test_the_control_file_in_the_readme_is_part_of_the_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = json.loads(re.findall(r"```json\n(.*?)```", readme, re.DOTALL)[0])
    whole = json.loads((ROOT / "examples" / "tate" / "control.json").read_text(encoding="utf-8"))
    for instruction in shown.pop("instructions")[1:]:
        assert instruction in whole["instructions"]
    assert shown.items() <= whole.items()


def test_every_script_that_the_documents_name_exists() -> None:
    named = set()
    for path in DOCUMENTS:
        named |= set(re.findall(r"\bscripts/([a-z]+)\b(?![-.])", path.read_text(encoding="utf-8")))
    assert [name for name in sorted(named) if not (ROOT / "scripts" / name).exists()] == []


def test_every_command_of_the_shell_is_described() -> None:
    from typer.testing import CliRunner

    from service.cli import app

    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    commands |= {group.name for group in app.registered_groups}
    told = CliRunner().invoke(app, ["--help"]).output
    assert [name for name in sorted(commands) if not re.search(rf"^  {name} +\S", told, re.MULTILINE)] == []


def test_what_runs_without_the_development_packages_imports_only_what_is_locked_for_it() -> None:
    """The demo runs with the runtime's lock file; a development package there would end its worker."""
    locked = {
        re.split(r"[=\s;]", line)[0].lower().replace("_", "-")
        for line in (ROOT / "scripts" / "requirements.lock").read_text(encoding="utf-8").splitlines()
        if re.match(r"[A-Za-z0-9]", line)
    }
    own = {"service", "worker", "migrations", "tests", "scripts", *sys.stdlib_module_names}
    providers = importlib.metadata.packages_distributions()
    missing = set()
    for folder in ("service", "worker", "migrations", "scripts", "tests/standins"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                for name in _imported(node):
                    providing = {one.lower().replace("_", "-") for one in providers.get(name, [name])}
                    if name not in own and not providing & locked:
                        missing.add(f"{path.relative_to(ROOT)}: {name}")
    assert sorted(missing) == []


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [node.module.partition(".")[0]]
    return []

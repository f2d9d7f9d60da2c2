"""How a command fails: one clear line on stderr and a documented exit code, never a stack trace."""

from __future__ import annotations

import enum
import errno
import logging
from typing import Any

import typer
from typer.core import TyperGroup

from service.embedded_queue import QueueError
from service.settings import SettingsError
from service.store.database import StoreUnavailableError
from service.supervisor import SupervisorError

logger = logging.getLogger(__name__)


class ExitCode(enum.IntEnum):
    """Exit codes of every command (2, wrong usage, comes from the command line's parser)."""

    FAILED = 1
    SETTINGS = 3
    UNREACHABLE = 4
    ENDED_BADLY = 5


class CommandError(Exception):
    """A command cannot do what was asked; the message says why and what to do."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


def say(message: str) -> None:
    """A line for the person at the shell. Results go to stdout, everything else here, to stderr."""
    typer.echo(message, err=True)


class Group(TyperGroup):
    """The root command: the one place where exceptions become lines."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            say(f"Settings: {error}")
            raise typer.Exit(ExitCode.SETTINGS) from None
        except CommandError as error:
            say(str(error))
            raise typer.Exit(error.code) from None
        except (SupervisorError, QueueError, StoreUnavailableError) as error:
            say(str(error))
            raise typer.Exit(ExitCode.FAILED) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # whoever read the output has gone, which is no failure to talk about
            where = f" ({error.filename})" if error.filename else ""
            say(f"{error.strerror or type(error).__name__}{where}")
            raise typer.Exit(ExitCode.FAILED) from None
        except Exception as error:
            if type(error).__module__.partition(".")[0] == "typer":
                raise  # usage errors and exits, which the parser shows itself
            logger.debug("unexpected", exc_info=True)
            say(f"This should not have happened: {type(error).__name__}: {error}")
            raise typer.Exit(ExitCode.FAILED) from None

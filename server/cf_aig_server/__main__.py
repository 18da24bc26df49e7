"""The command line: `cloudflare-ai-gateway-mcp`."""

import gc
import logging
import os
import signal
import sys
from typing import Any, cast

from pydantic_core import ErrorDetails, ValidationError

from cf_aig_gateway.errors import GatewayError
from cf_aig_server.command_line import EXIT_USAGE, command_line
from cf_aig_server.paths import data_folder

EXIT_INTERRUPTED = 130
"""The exit code of a command interrupted by SIGINT, as in shells."""

EXIT_BROKEN_PIPE = 141
"""The exit code of a command whose reader disconnected, as in shells."""


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and run one command."""
    logging.getLogger("stamina").setLevel(logging.ERROR)  # retries of a read are not worth reporting
    try:
        code = _run(*_read(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        _close_stdout()
        code = EXIT_BROKEN_PIPE
    except (ValidationError, OSError, GatewayError) as error:
        sys.exit(_told(error))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except ExceptionGroup as group:
        error = _sole(group)
        if not isinstance(error, OSError | GatewayError):
            raise
        sys.exit(_told(error))
    if code is not None:
        sys.exit(code)


def _read(arguments: list[str]) -> tuple[str, dict[str, Any]]:
    """Return a command and its options. `call` and `complete` parse their own arguments."""
    if arguments[:1] in (["call"], ["complete"]):
        return arguments[0], {"line": arguments[1:]}
    given = vars(command_line().parse_args(arguments))
    command = given.pop("command") or "serve"
    return command, {name: value for name, value in given.items() if value is not None}


def _close_stdout() -> None:
    """Discard further output to a pipe that nobody reads: Python would complain at exit."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


def _run(command: str, options: dict[str, Any]) -> int | None:
    """Run a command; return its exit code if it has its own."""
    match command:
        case "demo":
            from cf_aig_server.commands import demo  # noqa: PLC0415 (each command loads only its own)

            demo.run(keep=options["keep"])
        case "gateway":
            _begin_loading()
            from cf_aig_server.commands import gateway  # noqa: PLC0415

            gateway.run(
                options.get("db", data_folder() / "gateway.db"),
                port=options["port"],
                token=options["token"] or None,
                log_lag_s=options["log_lag"],
                live=options["live"],
                providers=options["provider"],
                logs=options["logs"],
                aliases=options["alias"],
            )
        case "doctor":
            from cf_aig_server.commands import doctor  # noqa: PLC0415
            from cf_aig_server.settings import Settings  # noqa: PLC0415

            return doctor.run(Settings(**options))
        case "ui":
            _begin_loading()
            from cf_aig_server.commands import ui  # noqa: PLC0415
            from cf_aig_server.settings import Settings  # noqa: PLC0415

            port, token, opens = options.pop("port"), options.pop("token", None), options.pop("opens")
            ui.run(Settings(**options), port=port, token=token, opens=opens)
        case "call":
            from cf_aig_server.commands import call  # noqa: PLC0415

            return call.run(**options)
        case "complete":
            from cf_aig_server.commands import completion  # noqa: PLC0415

            completion.run(**options)
        case "completion":
            from cf_aig_server.commands import completion  # noqa: PLC0415

            completion.show(**options)
        case "logs":
            from cf_aig_server.commands import logs  # noqa: PLC0415

            logs.run(**options)
        case "export":
            from cf_aig_server.commands import export  # noqa: PLC0415

            export.run(**options)
        case "replay-set":
            from cf_aig_server.commands import replay_set  # noqa: PLC0415

            return replay_set.run(**options)
        case _:
            _begin_loading()
            from cf_aig_server.commands import serve  # noqa: PLC0415
            from cf_aig_server.settings import Settings  # noqa: PLC0415

            transport, host = options.pop("transport", "stdio"), options.pop("host", "127.0.0.1")
            port = options.pop("port", 8000)
            serve.run(Settings(**options), transport, host, port)
    return None


def _begin_loading() -> None:
    """Until everything is loaded, exit cleanly on a signal, and don't collect garbage: there is none yet, and
    collecting takes a tenth of the time.
    """
    gc.disable()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)


def _leave(*_: object) -> None:
    os._exit(0)  # nothing has started yet; an exception would be raised in the middle of an import


def _sole(group: ExceptionGroup[Exception]) -> Exception:
    """Return the name of a group if it concerns a single setting."""
    first, *others = group.exceptions
    if others or not isinstance(first, ExceptionGroup):
        return group if others else first
    return _sole(cast(ExceptionGroup[Exception], first))


def _told(error: Exception) -> int:
    match error:
        case ValidationError():
            said = "; ".join(f"{entry['loc'][0]} {_setting(entry)}" for entry in error.errors())
        case OSError() if error.filename:
            said = f"{error.filename}: {error.strerror}"
        case _:
            said = str(error)
    sys.stderr.write(f"cloudflare-ai-gateway-mcp: {' '.join(said.split())}\n")
    return EXIT_USAGE


def _setting(entry: ErrorDetails) -> str:
    return str(entry.get("ctx", {}).get("error") or f"is not right: {entry['msg']} (got {entry['input']!r})")


if __name__ == "__main__":
    main()

"""The commands and options of `cloudflare-ai-gateway-mcp`."""

import argparse
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

EXIT_USAGE = 2
"""The exit code of a command that could not start: one line on stderr says what to do."""

PROGRAM = "cloudflare-ai-gateway-mcp"

MAX_PORT = 65_535

MOST_DOLLARS = 1_000_000


class _Parser(argparse.ArgumentParser):
    """A parser that reports errors in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message} (see --help)\n")


def command_line() -> argparse.ArgumentParser:
    """Return the parser for the command line."""
    parser = _Parser(
        prog=PROGRAM,
        description="An MCP server that debugs LLM calls through the logs of a Cloudflare AI Gateway.",
    )
    parser.add_argument("--version", action="version", version=version(PROGRAM))
    _serve_options(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _serve_options(commands.add_parser("serve", help="serve MCP (the default)"))
    _gateway_options(commands.add_parser("gateway", help="serve the local gateway over HTTP"))
    _ui_options(commands.add_parser("ui", help="show calls in a browser"))
    doctor = commands.add_parser("doctor", help="check the configuration and print it for each client")
    doctor.add_argument("--local", nargs="?", const="1", metavar="DB", default=argparse.SUPPRESS)
    demo = commands.add_parser("demo", help="run the whole debugging workflow on a local gateway")
    demo.add_argument("--keep", action="store_true", help="keep the gateway's file and print its path")
    commands.add_parser("call", help="call one tool and print its answer", add_help=False)
    _logs_options(commands.add_parser("logs", help="print the newest logs, one per line, and follow new ones"))
    _export_options(commands.add_parser("export", help="write logs to a file of test cases, one JSON line each"))
    _replay_options(commands.add_parser("replay-set", help="send those cases to another model and show what differs"))
    completion = commands.add_parser("completion", help="print the script that completes this command in a shell")
    completion.add_argument("shell", choices=["bash", "zsh", "fish"])
    return parser


def _serve_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `serve`. An option that is not given is left unset, so the same one before `serve` applies."""
    add = partial(parser.add_argument, default=argparse.SUPPRESS)
    add("--transport", choices=["stdio", "http", "sse"], help="stdio (the default), http at /mcp, or sse at /sse")
    add("--host", help="address to listen on (127.0.0.1); any other needs --http-token-file and --http-hosts")
    add("--port", type=_port, help="port to listen on (8000)")
    _setting_options(parser)
    add(
        "--log-level",
        choices=["info", "warning"],
        help="info: one line on stderr per call, with its duration (warning)",
    )
    add("--channel", action="store_true", help="tell a session of Claude Code when calls fail (stdio only)")
    add("--http-token-file", metavar="PATH", help="file with the bearer token that HTTP callers must send")
    add("--http-hosts", metavar="NAMES", help="other host names that callers may use for this server")


def _setting_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the gateway and limit callers."""
    add = partial(parser.add_argument, default=argparse.SUPPRESS)
    add("--local", nargs="?", const="1", metavar="DB", help="use the local gateway in this process")
    add("--read-only", action="store_true", help="offer no feedback, chat or replay tools")
    add("--tools", metavar="NAMES", help="tools to offer, comma-separated (all)")
    add("--gateway", dest="allow", metavar="IDS", help="gateways to allow, comma-separated (all)")
    add("--budget", metavar="TOKENS", help="maximum tokens per result (10000)")
    add("--no-mask", dest="mask", action="store_false", help="show secrets found in logs")


def _ui_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--port", type=_port, default=8799, help="port on loopback; 0 for any free one (8799)")
    add("--token", nargs="?", const="", help="require this token, or a new one if none is given")
    add("--open", dest="opens", action="store_true", help="open it in the browser")
    _setting_options(parser)


def call_line() -> argparse.ArgumentParser:
    """Return the parser for `call`, where options may appear between a tool's arguments."""
    parser = _Parser(prog=f"{PROGRAM} call", add_help=False, allow_abbrev=False)
    parser.add_argument("words", nargs="*", metavar="TOOL [name=value …]")
    parser.add_argument("-h", "--help", action="store_true", help="list the tools, or the arguments of TOOL")
    parser.add_argument("--json", action="store_true", help="print the structured result, as JSON")
    _setting_options(parser)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not a port, 0 to {MAX_PORT}")
    return int(text)


def _gateway_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=8787, help="port on loopback; 0 for any free one (8787)")
    parser.add_argument("--db", type=Path, metavar="PATH", help="file for gateways and logs (same as serve --local)")
    parser.add_argument("--live", action="store_true", help="forward calls to real providers")
    parser.add_argument("--token", default="", help="the only token the gateway accepts (any)")
    parser.add_argument(
        "--alias",
        action="append",
        default=[],
        metavar="NAME=MODELS",
        help="models that custom/NAME stands for: MODEL,MODEL",
    )
    parser.add_argument(
        "--logs",
        choices=("gateway", "observability"),
        default="gateway",
        help="where the account keeps its logs: observability, as accounts created since 2026-09-24 do",
    )
    parser.add_argument(
        "--log-lag", type=float, default=0.0, metavar="SECONDS", help="delay new logs, as Cloudflare does"
    )
    parser.add_argument(
        "--provider",
        action="append",
        default=[],
        metavar="NAME=URL",
        help="URL for a provider's calls: openai=http://127.0.0.1:9000/v1, custom-ollama=…",
    )


def _export_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", required=True, metavar="FILE", help="file to write, readable only by its owner; - for stdout")
    _reached(parser)
    _selection_options(parser)
    add("--limit", type=_count, default=1000, metavar="N", help="at most the newest N logs (1000)")


def _logs_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--follow", "-f", action="store_true", help="follow new calls until Ctrl-C")
    _reached(parser)
    _selection_options(parser)
    parser.add_argument(
        "--limit", type=_count, default=20, metavar="N", help="start with at most the newest N logs (20)"
    )


def _selection_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select logs."""
    add = parser.add_argument
    add("--start", default="", metavar="TIME", help="ISO 8601, or time before now: 90m, 24h, 7d (all logs)")
    add("--end", default="", metavar="TIME", help="the same (now)")
    add("--success", choices=["true", "false"], help="only calls that succeeded (true) or failed (false)")
    add("--feedback", type=int, choices=[-1, 0, 1], help="only calls with this feedback")
    add("--provider", default="", help="only calls to this provider")
    add("--model", default="", help="only calls to this model, exactly as list_logs shows it")
    add(
        "--metadata", action="append", default=[], metavar="KEY=VALUE", help="only calls with this metadata; repeatable"
    )
    add(
        "--filter",
        action="append",
        default=[],
        metavar="CLAUSE",
        help="a condition such as 'duration gt 5000'; repeatable",
    )


def _replay_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("cases", metavar="FILE", help="file of cases written by export")
    add("--model", required=True, metavar="NAME", help="provider/model, such as openai/gpt-4o-mini")
    _reached(parser)
    add("--out", default="results.jsonl", metavar="FILE", help="results file; run again to resume (results.jsonl)")
    add("--budget", type=_dollars, default=2.0, metavar="DOLLARS", help="spending limit, including earlier runs (2)")
    add("--no-price-limit", action="store_true", help="no spending limit, such as for a model with no known price")
    add("--concurrency", type=_count, default=4, metavar="N", help="calls at a time (4)")
    add("--timeout", type=_count, default=120, metavar="SECONDS", help="timeout per call (120)")
    add("--parameters", default="{}", metavar="JSON", help='changes, such as {"temperature": 0}; null omits one')
    add("--masked", action="store_true", help="also send cases with masked secrets, exactly as in the file")
    add("--retry-failed", action="store_true", help="resend cases that failed")
    add("--json", action="store_true", help="print the table as JSON")
    add("--yes", action="store_true", help="send without asking for confirmation")


def _dollars(text: str) -> float:
    try:
        value = float(text.removeprefix("$"))
    except ValueError:
        value = 0
    if not 0 < value < MOST_DOLLARS:
        raise argparse.ArgumentTypeError(f"{text} is not an amount of US dollars, such as 2.00")
    return value


def _reached(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gateway", default="", metavar="ID", help="gateway (the configured one)")
    parser.add_argument("--local", nargs="?", const="1", metavar="DB", help="use the local gateway's file")


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return int(text)

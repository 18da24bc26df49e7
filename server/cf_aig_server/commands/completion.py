"""Complete the command line in a shell: commands, options, tools, their arguments and values.

The shells' own parts only pass the words up to the cursor: `complete WORD…` prints completions of the last.
"""

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import anyio

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_server.command_line import PROGRAM, call_line, command_line
from cf_aig_tools import DEFINITIONS, TOOLS

if TYPE_CHECKING:
    from cf_aig_server.settings import Settings

WAIT_S = 3.0
"""How long a gateway may take to list values: somebody is waiting after pressing the Tab key."""

PLAIN = re.compile(r"[\w.@/:+=,%-]+", re.ASCII)
"""Values that every shell reads literally. Callers can name models anything, so other values aren't offered."""

ASKED = {"gateway": "gateway_id", "allow": "gateway_id", "model": "model", "provider": "provider", "log": "log_id"}
"""The options whose values come from a gateway, and their kind."""

SPANS = {"start": "start_date", "end": "end_date"}

Candidate = tuple[str, str]
"""A word and what it means."""

BASH = f"""\
_cloudflare_ai_gateway_mcp() {{
    local line=${{COMP_LINE:0:COMP_POINT}} words word broken
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    word=${{words[-1]}}
    # bash breaks words after = and :, and before @; it replaces only the last part
    broken=${{word%"${{word##*[=:]}}"}}
    word=${{word#"$broken"}}
    [[ $word == *@* ]] && broken+=${{word%@*}}
    COMPREPLY=()
    while IFS=$'\\t' read -r word _; do
        COMPREPLY+=("${{word#"$broken"}}")
        [[ $word == *= ]] && compopt -o nospace
    done < <("${{1/#\\~/$HOME}}" complete "${{words[@]:1}}" 2>/dev/null)
}}
complete -o default -F _cloudflare_ai_gateway_mcp {PROGRAM}
"""

ZSH = f"""\
#compdef {PROGRAM}
_cloudflare_ai_gateway_mcp() {{
    local -a values told open opened
    local value meaning
    while IFS=$'\\t' read -r value meaning; do
        if [[ $value == *= ]]; then
            open+=("$value") opened+=("$value${{meaning:+ -- $meaning}}")
        else
            values+=("$value") told+=("$value${{meaning:+ -- $meaning}}")
        fi
    done < <("${{words[1]/#\\~/$HOME}}" complete "${{(@)words[2,CURRENT]}}" 2>/dev/null)
    (( $#open + $#values )) || {{ _files; return }}
    (( $#open )) && compadd -Q -l -S '' -d opened -a open
    (( $#values )) && compadd -Q -l -d told -a values
}}
compdef _cloudflare_ai_gateway_mcp {PROGRAM}
"""

FISH = f"""\
function __cloudflare_ai_gateway_mcp
    set -l words (commandline -opc)
    set -l found ($words[1] complete $words[2..] (commandline -ct) 2>/dev/null)
    if set -q found[1]
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c {PROGRAM} -f -a '(__cloudflare_ai_gateway_mcp)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def show(shell: str) -> None:
    """Print the script for a shell's startup file to evaluate."""
    print(SCRIPTS[shell], end="")


def run(line: Sequence[str]) -> None:
    """Print completions of the last word, one per line, with the meaning after a tab."""
    typed = line[-1] if line else ""
    for word, meaning in candidates(line or [""]):
        if word.startswith(typed) and PLAIN.fullmatch(word):
            print(f"{word}\t{meaning}")


def candidates(words: Sequence[str]) -> Iterator[Candidate]:
    """Yield all candidates for the last of these words, whatever has been typed of it."""
    *before, typed = words
    parser = command_line()
    commands = _commands(parser)
    name = next((word for word in before if word in commands), "")
    if not before:
        yield from ((each, _first(help_)) for each, (_, help_) in commands.items())
    line = call_line() if name == "call" else commands[name][0] if name else parser
    option = _option(line, before[-1]) if before else None
    if option and option.nargs is None and option.const is None:
        yield from _values_of(option, name, words)
    elif typed.startswith("-"):
        yield from ((string, action.help or "") for string, action in _options(line))
    elif name == "completion":
        yield from ((shell, "") for shell in SCRIPTS)
    elif name == "call":
        yield from _of_call(before, typed)


def _commands(parser: argparse.ArgumentParser) -> dict[str, tuple[argparse.ArgumentParser, str]]:
    """Return the parser and the help of each command; argparse has no public API for them."""
    actions: list[Any] = parser._actions  # pyright: ignore[reportPrivateUsage]
    commands = next(action for action in actions if action.dest == "command")
    told = {each.dest: each.help or "" for each in commands._get_subactions()}
    return {name: (held, told.get(name, "")) for name, held in commands.choices.items()}


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage]
        yield from ((string, action) for string in action.option_strings if string.startswith("--"))


def _option(parser: argparse.ArgumentParser, word: str) -> argparse.Action | None:
    return dict(_options(parser)).get(word)


def _values_of(option: argparse.Action, command: str, words: Sequence[str]) -> Iterator[Candidate]:
    if option.choices:
        yield from ((str(choice), "") for choice in option.choices)
    elif option.dest == "tools":
        yield from ((name, "") for name in TOOLS)
    elif command != "gateway" and (argument := {**ASKED, **SPANS}.get(option.dest)):
        yield from ((value, "") for value in asked(argument, words[-1], words))


def _of_call(before: Sequence[str], typed: str) -> Iterator[Candidate]:
    tool = next((word for word in before if word in TOOLS), "")
    if not tool:
        yield from ((name, _first(_definition(name).get("description", ""))) for name in TOOLS)
        return
    known = as_object(as_object(_definition(tool)["inputSchema"])["properties"])
    name, sign, part = typed.partition("=")
    if sign:
        yield from ((f"{name}={value}", "") for value in _values(name, part, as_object(known.get(name)), before))
        return
    given = {word.partition("=")[0] for word in before if "=" in word}
    for argument, schema in known.items():
        if argument not in given or as_object(schema).get("type") == "array":
            yield f"{argument}=", as_object(schema).get("description", "")


def _values(name: str, part: str, schema: dict[str, Any], before: Sequence[str]) -> Iterable[str]:
    if choices := as_list(schema.get("enum")):
        return map(str, choices)
    if schema.get("type") == "boolean":
        return ["true", "false"]
    return asked(name, part, [*before, part])


def asked(argument: str, typed: str, words: Sequence[str]) -> list[str]:
    """Return the existing values of an argument, from the gateway that the words name; none if it doesn't answer."""
    from cf_aig_server.commands.reach import settings_for  # noqa: PLC0415 (not needed without a gateway)

    named = (word.partition("=")[2] for word in words if word.startswith("gateway_id="))
    gateway = _after(words, "--gateway") or next(named, "")
    try:
        settings = settings_for(_local(words)).model_copy(update={"timeout_s": WAIT_S})
        return anyio.run(_asked, argument, typed, gateway, settings)
    except (GatewayError, ValueError, OSError):
        return []


async def _asked(argument: str, typed: str, gateway: str, settings: "Settings") -> list[str]:
    from cf_aig_server.completions import offered  # noqa: PLC0415
    from cf_aig_server.opening import desk, http_client  # noqa: PLC0415
    from cf_aig_server.wire import wire  # noqa: PLC0415

    async with wire(settings, None) as way, http_client(settings, way) as http:
        return await offered(argument, typed, gateway, desk(http, settings, b"", offers_cases=False))


def _local(words: Sequence[str]) -> str | None:
    """Return the value of --local: `1` if it had no path."""
    for word in words:
        if word.startswith("--local="):
            return word.partition("=")[2]
    path = _after(words, "--local")
    if path is None:
        return None
    return "1" if not path or path in TOOLS or path.startswith("-") or "=" in path else path


def _after(words: Sequence[str], option: str) -> str | None:
    """Return the word after an option; None without the option."""
    return words[words.index(option) + 1] if option in words[:-1] else None


def _definition(tool: str) -> dict[str, Any]:
    return as_object(json.loads((DEFINITIONS / f"{tool}.json").read_bytes()))


def _first(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")

"""Coverage-guided fuzzing: `fuzz_guided.py [--seconds 60] [--seed N] [--only NAME …]`, or `make fuzz-guided`.

The properties are those of tests/fuzzing. libFuzzer keeps each input that reaches a new line of this project's code,
and continues from it. It ends its process, so each target runs in one of its own. `stdio` isn't among them: its server
is another process, whose lines can't be seen.
"""

import argparse
import random
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import atheris
import stamina
from hypothesis import HealthCheck, given, settings

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

OURS = ["cf_aig_gateway", "cf_aig_tools", "cf_aig_server"]
PROGRESS = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+) ft: \d+ corp: (\d+)")
"""libFuzzer's line of progress: inputs tried, edges reached, inputs kept."""


def fuzz(name: str, options: list[str]) -> None:
    """Fuzz one target. Never returns."""
    with atheris.instrument_imports(include=OURS):
        from fuzzing.readers import TARGETS  # noqa: PLC0415 (instrumented)
        from fuzzing.running import check_case, one_recursion_limit  # noqa: PLC0415
        from fuzzing.servers import targets  # noqa: PLC0415
    with ExitStack() as stack:
        stack.enter_context(one_recursion_limit())
        stack.enter_context(stamina.set_testing(True, attempts=2, cap=True))
        found = {target.name: target for target in TARGETS}
        if name not in found:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            found |= {target.name: target for target in stack.enter_context(targets(Path(folder)))}
        target = found[name]

        def check(case: Any) -> None:
            check_case(target, case)

        bounds = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
        atheris.Setup([sys.argv[0], *options], bounds(given(target.cases)(check)).hypothesis.fuzz_one_input)
        atheris.Fuzz()


def names() -> list[str]:
    """Return the names of all targets but `stdio`."""
    from fuzzing.readers import TARGETS  # noqa: PLC0415 (not in the processes that instrument it)
    from fuzzing.servers import INTERFACES  # noqa: PLC0415

    return [*(target.name for target in TARGETS), "tools", "http", *INTERFACES]


def report(name: str, seconds: int, seed: int) -> bool:
    """Fuzz a target in a process of its own, print its figures, and return whether it passed."""
    with tempfile.TemporaryDirectory() as folder:
        limits = [f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=4096", "-timeout=20"]
        command = [sys.executable, __file__, "--target", name, *limits, f"-artifact_prefix={folder}/", folder]
        done = subprocess.run(
            command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
    cases, edges, kept = (PROGRESS.findall(done.stdout) or [("0", "0", "0")])[-1]
    passed = not done.returncode
    print(f"{name:12} {int(cases):>9,} cases, {edges} edges, {kept} kept", "" if passed else "FAILED", flush=True)
    if not passed:
        print(done.stdout[max(0, done.stdout.find("Uncaught Python exception")) :][:6000], flush=True)
    return passed


def main() -> None:
    """Fuzz each target for its time, and print figures."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--seconds", type=int, default=60, help="for each target")
    asked.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31))
    asked.add_argument("--only", nargs="*", default=[])
    asked.add_argument("--target", help=argparse.SUPPRESS)
    given_options, options = asked.parse_known_args()
    if given_options.target:
        fuzz(given_options.target, options)
    print(f"seed {given_options.seed}", flush=True)
    passed = [report(name, given_options.seconds, given_options.seed) for name in given_options.only or names()]
    sys.exit(not all(passed))


if __name__ == "__main__":
    main()

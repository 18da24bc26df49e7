"""Records what a run sent and received before it continues, so that a killed run can resume.

There are two append-only files. The results file has one line per answered case. Beside it, `.sent` starts with a line
that identifies the run, followed by a line for each case that is about to be sent.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from uuid import NAMESPACE_URL, uuid4, uuid5

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.json_text import load_json, whole, write_json
from cf_aig_gateway.shapes import as_object, as_text
from cf_aig_tools.cases.case import Line

KEPT = ("log_id", "error", "metadata", "charged", "compared")
"""The parts of a result kept in memory; its text stays in the file."""


class Journal:
    """The results of a run, open in one process at a time.

    `rows` is the last result of each case. `charged` is the most that everything sent can cost (US dollars).
    """

    def __init__(self, results: Path, about: Line) -> None:
        self._paths = results, results.with_name(f"{results.name}.sent")
        self._about = about
        self.run = ""
        self.rows: dict[str, Line] = {}
        self.charged = 0.0
        self._attempts: Counter[str] = Counter()
        self._sent: dict[str, Line] = {}
        self._answered: set[str] = set()

    def __enter__(self) -> Self:
        results, sent = self._paths
        if not sent.exists() and results.exists() and results.stat().st_size:
            raise GatewayError(
                f"{results} exists, but {sent.name}, which records what was sent, does not. Use another --out."
            )
        self._results, self._log = _opened(results), _opened(sent)
        try:
            _lock(self._log, results)
            lines = list(_lines(self._log))
            self._begin(lines[0] if lines else None)
            for line in lines[1:]:
                self._take_sent(line)
            for line in _lines(self._results):
                self._take_row(line)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._results.close()
        self._log.close()

    def _begin(self, head: Line | None) -> None:
        if head is None:
            head = {"run": uuid4().hex, **self._about}
            _append(self._log, head)
        differs = [name for name, value in self._about.items() if head.get(name) != value]
        if differs:
            was = json.dumps(head.get(differs[0]), ensure_ascii=False)
            raise GatewayError(f"{self._paths[0]} belongs to another run, with {differs[0]} {was}. Use another --out.")
        self.run = as_text(head.get("run"))

    def event(self, log_id: str) -> str:
        """Return the event id that logs use for this case; it is the same whenever this run sends the case."""
        asked = f"{self.run} {self._about.get('model')} {log_id} {self._attempts[log_id]}"
        return str(uuid5(NAMESPACE_URL, asked))

    def sent_until(self, log_id: str) -> float | None:
        """Return until when this case's call may still be running (seconds since 1970), or None if it was not sent."""
        line = self._sent.get(self.event(log_id))
        return None if line is None else float(line["until"])

    def send(self, log_id: str, most: float, until: float) -> str:
        """Record that a case is about to be sent, and return its event id."""
        line: Line = {"event_id": self.event(log_id), "log_id": log_id, "most": most, "until": until}
        _append(self._log, line)
        self._take_sent(line)
        return line["event_id"]

    def answer(self, row: Line) -> None:
        """Write a result."""
        _append(self._results, row)
        self._take_row(row)

    def retry(self, log_id: str) -> None:
        """Allow a failed case to be sent again under a new event id."""
        self._attempts[log_id] += 1
        del self.rows[log_id]

    def _take_sent(self, line: Line) -> None:
        self._sent[as_text(line["event_id"])] = line
        self.charged += line["most"]

    def _take_row(self, row: Line) -> None:
        event = as_text(as_object(row["metadata"]).get("event_id"))
        sent = self._sent.get(event, {})
        self.charged += row["charged"] - (0 if event in self._answered else sent.get("most", 0))
        self._answered.add(event)
        log_id = as_text(row["log_id"])
        if log_id in self.rows:
            self._attempts[log_id] += 1
        self.rows[log_id] = {name: row[name] for name in KEPT if name in row}


def _opened(path: Path) -> BinaryIO:
    """Open a file for reading and appending, private to its owner.

    Raises:
        GatewayError: it cannot be opened.

    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise GatewayError(f"{path} cannot be written: {error.strerror}.") from error
    return os.fdopen(handle, "r+b")


def _lock(file: BinaryIO, results: Path) -> None:
    """Lock out other processes from this run; the lock ends with the process."""
    if sys.platform == "win32":
        return
    import fcntl  # noqa: PLC0415 (not on Windows)

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise GatewayError(f"{results} is in use by another replay-set. Wait until it finishes.") from None


def _lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the complete lines; an incomplete last line from an interrupted write is removed."""
    file.seek(0)
    end = 0
    for line in file:
        if not line.endswith(b"\n"):
            break
        try:
            yield as_object(load_json(line))
        except ValueError:
            raise GatewayError(f"{file.name}: a line is not JSON (at byte {end}). Use another --out.") from None
        end += len(line)
    file.truncate(end)
    file.seek(end)


def _append(file: BinaryIO, line: Line) -> None:
    file.write(write_json(whole(line)) + b"\n")
    file.flush()
    os.fsync(file.fileno())

import os
import subprocess
import sys
from pathlib import Path

DEMO = [sys.executable, "-m", "cf_aig_server", "demo"]


def test_the_demo_shows_the_whole_workflow_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(DEMO, capture_output=True, text=True, env=os.environ | {"TMPDIR": str(tmp_path)}, check=False)

    assert done.returncode == 0, done.stderr
    assert "list_logs(success=false)" in done.stdout
    assert "Failed: overloaded. openai/gpt-4o returned 503" in done.stdout
    assert "get_log_request_body(log_id=" in done.stdout
    assert "feedback -1, score 10" in done.stdout
    assert "outcome: 404 failed, not found → 200 succeeded" in done.stdout
    assert "2 failed (50 %" in done.stdout
    assert "claude mcp add cloudflare-ai-gateway" in done.stdout
    assert "\x1b[" not in done.stdout
    assert list(tmp_path.glob("ai-gateway-demo-*")) == []


def test_keep_leaves_the_file_and_says_where(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--keep"], capture_output=True, text=True, env=os.environ | {"TMPDIR": str(tmp_path)}, check=False
    )

    (kept,) = tmp_path.glob("ai-gateway-demo-*/gateway.db")
    assert str(kept) in done.stdout

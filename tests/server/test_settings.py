from pathlib import Path

import pytest
from pydantic import ValidationError

from cf_aig_server.paths import data_folder
from cf_aig_server.settings import Settings


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_GATEWAY_ID", "")
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", "")

    settings = Settings()

    assert settings.gateway_id == "default"
    assert settings.api_url == "https://api.cloudflare.com/client/v4"


def test_the_environment_variables_keep_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "a" * 32)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "api-token")
    monkeypatch.setenv("AI_GATEWAY_KEY_GOOGLE_AI_STUDIO", "google-key")
    monkeypatch.setenv("AI_GATEWAY_TOOLS", "list_logs, get_log_details")

    settings = Settings()

    assert settings.account_id == "a" * 32
    assert settings.token() == settings.data_token() == "api-token"
    assert settings.provider_keys["google-ai-studio"].get_secret_value() == "google-key"
    assert settings.tools == ["list_logs", "get_log_details"]
    assert "api-token" not in repr(settings)


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name != "provider_keys"])
def test_only_variables_with_a_prefix_count(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name.upper(), "7")

    assert getattr(Settings(), name) == Settings.model_fields[name].get_default()


def test_a_rotated_token_is_picked_up_from_its_file(tmp_path: Path) -> None:
    held = tmp_path / "token"
    held.write_text("first\n")
    settings = Settings(api_token_file=held, gateway_token="own")

    assert settings.token() == "first"
    held.write_text("second\n")
    assert settings.token() == "second"
    assert settings.data_token() == "own"
    held.unlink()
    assert settings.token() == ""


@pytest.mark.parametrize(
    "url", ["http://example.com/client/v4", "ftp://127.0.0.1", "example.com", "http://127.0.0.1.example.com"]
)
def test_a_token_is_sent_only_over_https_or_on_this_machine(url: str) -> None:
    with pytest.raises(ValidationError, match="must begin with https"):
        Settings(api_url=url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8787/client/v4/", "http://localhost:1/client/v4", "http://[::1]/client/v4"]
)
def test_a_loopback_url_may_be_plain_http(url: str) -> None:
    assert Settings(api_url=url).api_url == url.rstrip("/")


def test_local_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    assert Settings().local_path() is None
    assert Settings(local="1").local_path() == tmp_path / "cloudflare-ai-gateway-mcp" / "gateway.db"
    assert Settings(local="~/g.db").local_path() == Path.home() / "g.db"


@pytest.mark.parametrize(
    ("system", "part"), [("win32", "AppData"), ("darwin", "Application Support"), ("linux", ".local")]
)
def test_the_data_folder_is_where_each_system_has_it(system: str, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)

    assert part in str(data_folder())


def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = Settings(account_id="a" * 32, api_token_file=tmp_path / "none").missing()

    assert missing == f"CLOUDFLARE_API_TOKEN_FILE ({tmp_path / 'none'}) cannot be read, or is empty."


def test_additional_masking_expressions_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mask.txt"
    path.write_text("EMP-[0-9]{6}\n")

    assert Settings(mask_also=path).mask_also == path


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("fine\n(?=x)y", "line 2 is not valid: .*no look-around"),
        (r"(a)\1", r"line 1 is not valid: .*no \\1"),
        ("x*", "line 1 matches empty text"),
    ],
)
def test_an_invalid_or_nonlinear_expression_is_refused_at_startup(tmp_path: Path, lines: str, why: str) -> None:
    path = tmp_path / "mask.txt"
    path.write_text(lines)

    with pytest.raises(ValidationError, match=rf"names {path}, where {why}"):
        Settings(mask_also=path)


def test_a_file_of_expressions_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.txt"

    with pytest.raises(ValidationError):
        Settings(mask_also=path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValidationError, match="not UTF-8 text"):
        Settings(mask_also=path)

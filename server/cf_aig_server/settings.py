"""Configuration: environment first, then flags."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the gateway is and how to reach it."""

    model_config = SettingsConfigDict(frozen=True, populate_by_name=True, env_ignore_empty=True)

    account_id: str = Field("", validation_alias="CLOUDFLARE_ACCOUNT_ID")
    api_token: SecretStr = Field(SecretStr(""), validation_alias="CLOUDFLARE_API_TOKEN")
    api_url: str = Field("https://api.cloudflare.com/client/v4", validation_alias="CLOUDFLARE_BASE_URL")
    data_url: str = Field("https://gateway.ai.cloudflare.com/v1", validation_alias="AI_GATEWAY_BASE_URL")
    gateway_id: str = Field("default", validation_alias="AI_GATEWAY_ID")
    local: str = Field("", validation_alias="AI_GATEWAY_LOCAL", description="A path for the local gateway's file, or 1")
    timeout_s: float = Field(50.0, gt=0, description="Seconds for one HTTP request; clients give up at about 60")

    def local_path(self) -> Path | None:
        """Return the local gateway's file; None when the gateway is Cloudflare's."""
        if not self.local:
            return None
        return DATA / "gateway.sqlite3" if self.local == "1" else Path(self.local)


DATA = Path.home() / ".local" / "share" / "cloudflare-ai-gateway-mcp"

"""What the gateway needs to know to run."""

from dataclasses import dataclass
from pathlib import Path

from reelbase.local.keys import StackKeys

__all__ = ["GatewayConfig"]


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Addresses and keys of one embedded stack.

    Attributes:
        base_url: Where clients reach the gateway, without a trailing slash.
        auth_database_url: The database as `supabase_auth_admin`.
        storage_database_url: The database as `supabase_storage_admin`.
        postgrest_url: Where PostgREST listens, without a trailing slash.
        storage_dir: The folder that holds uploaded files.
        keys: API keys and signing keys.
    """

    base_url: str
    auth_database_url: str
    storage_database_url: str
    postgrest_url: str
    storage_dir: Path
    keys: StackKeys

"""The local gateway as one Starlette application."""

from starlette.applications import Starlette

from cf_aig_gateway.local import data_plane, management
from cf_aig_gateway.local.store import Store


def build_app(store: Store) -> Starlette:
    """Return the application over an open store."""
    app = Starlette(routes=[*management.routes, *data_plane.routes])
    app.state.store = store
    return app

"""What Reelbase itself answers over HTTP."""

from reelbase.web.app import create_app, run_api

__all__ = ["create_app", "run_api"]

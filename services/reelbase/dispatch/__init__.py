"""Claims tasks, drives providers, stores outputs."""

from reelbase.dispatch.dispatcher import Dispatcher
from reelbase.dispatch.service import run_worker

__all__ = ["Dispatcher", "run_worker"]

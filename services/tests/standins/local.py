"""The local provider needs no network, and has no stand-in; it keeps the contract's other half."""

from .frame import Contract

__all__ = ["CONTRACT"]

CONTRACT = Contract(provider="local", standin=None, synchronous=True)

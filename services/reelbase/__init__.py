"""Reelbase: the backend for selling AI-generated video, images and voice on Supabase."""

__all__ = ["__version__"]

__version__ = "0.1.0"

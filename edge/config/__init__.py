"""Typed, frozen site configuration."""

from edge.config.load import load_draft, load_site
from edge.config.site import SiteConfig

__all__ = ["SiteConfig", "load_draft", "load_site"]

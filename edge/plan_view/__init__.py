"""The plan view of an intersection for a browser: modules that the node's page and the centre's page both load."""

from pathlib import Path

FOLDER = Path(__file__).parent

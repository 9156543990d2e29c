"""Files that somebody else shaped as a billing source."""

from connector.adapters.sources.files.inspect import FilesInspector
from connector.adapters.sources.files.source import FilesSource

__all__ = ["FilesInspector", "FilesSource"]

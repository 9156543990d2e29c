"""Alert channels by apprise, and the file that remembers what was told."""

from connector.adapters.alerts.book import FileBook
from connector.adapters.alerts.channels import AppriseChannel

__all__ = ["AppriseChannel", "FileBook"]

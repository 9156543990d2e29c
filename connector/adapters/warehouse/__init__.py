"""The embedded warehouse: raw landing, canonical tables, quarantine and cursors in one DuckDB file."""

from connector.adapters.warehouse.duck import DuckWarehouse
from connector.adapters.warehouse.erasing import DuckEraser

__all__ = ["DuckEraser", "DuckWarehouse"]

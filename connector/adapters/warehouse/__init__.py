"""The embedded warehouse: raw landing, canonical tables, quarantine and cursors in DuckDB; usage may lie apart."""

from connector.adapters.warehouse.duck import LITTLE, MEMORY, DuckWarehouse
from connector.adapters.warehouse.engines import ScaledWarehouse, UsageEngine, place_of
from connector.adapters.warehouse.erasing import DuckEraser

__all__ = ["LITTLE", "MEMORY", "DuckEraser", "DuckWarehouse", "ScaledWarehouse", "UsageEngine", "place_of"]

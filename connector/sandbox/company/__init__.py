"""A whole invented SaaS vendor: what it bills, how its customers use it, what its CRM holds, and the truth behind.

`generate` is a pure function of a seed, a day and a number of customers. It is frozen: later work is judged on what
it makes, so a change of the world needs a generator with another name.
"""

from __future__ import annotations

from connector.sandbox.company.files import write_files
from connector.sandbox.company.generate import fingerprint, generate
from connector.sandbox.company.hubspot import hubspot_rows
from connector.sandbox.company.loading import load_stand_ins
from connector.sandbox.company.model import Company
from connector.sandbox.company.mrr import expected_mrr, item_mrr
from connector.sandbox.company.salesforce import salesforce_rows
from connector.sandbox.company.stripe import stripe_rows
from connector.sandbox.company.truth import truth_table

__all__ = [
    "Company",
    "expected_mrr",
    "fingerprint",
    "generate",
    "hubspot_rows",
    "item_mrr",
    "load_stand_ins",
    "salesforce_rows",
    "stripe_rows",
    "truth_table",
    "write_files",
]

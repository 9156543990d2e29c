"""Finds upsell and cross-sell opportunities in billing data and delivers them into Salesforce or HubSpot."""

import os

# Sums in one thread: the same figures on every machine, and no waiting for cores that others use; numpy reads it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

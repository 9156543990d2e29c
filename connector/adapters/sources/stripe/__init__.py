"""Stripe as a billing source."""

from connector.adapters.sources.stripe.client import Limits, StripeClient
from connector.adapters.sources.stripe.inspect import StripeInspector
from connector.adapters.sources.stripe.source import StripeSource

__all__ = ["Limits", "StripeClient", "StripeInspector", "StripeSource"]

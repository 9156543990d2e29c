"""CRM adapters: one package a vendor behind `connector.ports.crm`, over shared transport and batching."""

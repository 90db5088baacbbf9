"""The SOAP API, partner and enterprise: sign-in, rows, merges, conversions, queries."""

"""The practice org: a Salesforce-compatible server on loopback, independent of the product it helps to test."""

__version__ = "0.1.0"

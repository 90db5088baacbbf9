"""Bulk API 1.0: the older jobs, made of batches, in CSV, JSON and XML."""

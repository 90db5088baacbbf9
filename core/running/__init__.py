"""Durable runs: steps that survive a crash, the worker that takes them, schedules; it alone knows the job engine."""

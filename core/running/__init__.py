"""Durable runs: steps that survive a crash, the worker that takes them, schedules; the only room that knows the job engine."""

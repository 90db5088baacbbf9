"""Decides, on frames and without touching anything, what a run would do."""

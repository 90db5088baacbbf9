"""Tells what happened: tables for analysts, the double entry, one record's whole story."""

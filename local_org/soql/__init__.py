"""SOQL over SQLite: parses queries, checks them against what a user may see, and answers as Salesforce does."""

from local_org.soql.columns import Column
from local_org.soql.engine import run
from local_org.soql.explaining import explain
from local_org.soql.parser import parse
from local_org.soql.printer import render
from local_org.soql.results import ResultSet

__all__ = ["Column", "ResultSet", "explain", "parse", "render", "run"]

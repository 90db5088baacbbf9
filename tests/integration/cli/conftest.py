"""The finished demo that the tests of this folder look at."""

from tests.demo_fixture import demo_copy, demo_folder, demo_home, demo_org, demo_summary

__all__ = ["demo_copy", "demo_folder", "demo_home", "demo_org", "demo_summary"]

"""Who is who: pure matching of references to records, on frames."""

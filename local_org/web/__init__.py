"""The HTTP face of the practice org: OAuth, REST, composite, Bulk API 2.0, faults."""

"""What the practice org knows and enforces: objects, fields, rows, permissions, rules."""

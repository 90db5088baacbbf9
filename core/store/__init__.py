"""Everything that is remembered: tables, the bulk path, secrets at rest, migrations; SQLite and PostgreSQL."""

"""Sample data that looks like life: fills the org and writes the matching intake files, from one seed.

Who is who (Ids, names, phones, addresses) follows from scale and seed alone; ``now`` moves the times. So an org
that was filled an hour ago fits intake files that are written now.

The files: ``calls.ndjson`` (dialer), ``emails.parquet`` (mailbox), ``tasks.csv`` (planner), ``meetings.csv``
(calendar), ``notes.csv`` (app), ``touchpoints.csv`` (success), one row per activity; ``users.csv``,
``accounts.csv``, ``people.csv``; ``manifest.json``. In NDJSON and Parquet keys are nested; in CSV they are dotted
columns, an empty cell is an absent key, participants are joined by semicolons.
"""

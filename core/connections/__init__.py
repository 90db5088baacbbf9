"""The doors: the org on one side, intake on the other; foreign errors, types and spellings stop here."""

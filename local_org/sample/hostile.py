"""Texts that must stay text: Markdown, HTML, spreadsheet formulas, quotes, accents, control-like spellings."""

from __future__ import annotations

SUBJECTS = (
    "![x](http://127.0.0.1:9/x.png)",
    "<img src=x onerror=alert(1)>",
    '=HYPERLINK("http://127.0.0.1:9","x")',
    "[click me](javascript:alert(1))",
    "+SUM(1,1)",
    "@SUM(A1:A9)",
    "-2+3 tour dates",
    "# Not a heading",
    "<script>alert('x')</script>",
    'He said "call, later"; then hung up',
    "Back\\slash and 'single' quotes % _ like",
    "Naïve façade \u2013 “curly” ☎ 東京",
    ":material/delete: $x^2$ ~~gone~~",
    "=cmd|' /C calc'!A0",
)
NOTES = (
    "Line one\n# heading\n- item\n![x](http://127.0.0.1:9/x.png)",
    "<b>bold</b><img src=http://127.0.0.1:9/x.png onerror=alert(1)> & more",
    "=1+1\nsecond line, with commas, \"quotes\" and 'apostrophes'",
    "NULL",
    "#N/A",
    "Robert'); DROP TABLE Task;--",
    "{{Contact Name}} {% raw %} ${HOME} %s",
    "Emoji 👍🏽, zero\u200bwidth, non\u00a0breaking, right-to-left \u202eabc\u202c end",
)
# First name, last name: people whose names break careless code.
PEOPLE = (
    ("Zoë", "Núñez-Ågren"),
    ("Siobhán", "O'Súilleabháin"),
    ("Łukasz", "Żółtowski"),
    ("", '=HYPERLINK("http://127.0.0.1:9","x")'),
    ("<b>Bob</b>", "<img src=x onerror=alert(1)>"),
    ("![x](http://127.0.0.1:9/x.png)", "Markdown"),
    ('Dwayne "The Deal"', "Rock, Jr."),
    ("美咲", "田中"),
    ("Null", "Null"),
    ("+1+1", "Plus"),
    ("D'Angelo", "d'Arcy-Smythe"),
    ("Jo%", "Under_score"),
)
COMPANIES = (
    '"Quoted" Holdings, LLC',
    "<script>alert('co')</script> Ventures",
    "=SUM(A1) Capital",
    "Société Générale d'Entrepôts \u2013 Lyon",
    "![logo](http://127.0.0.1:9/l.png) Media",
    "AT&T; DROP TABLE & Sons",
)

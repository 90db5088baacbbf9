"""The words of a brokerage: names, companies, streets, and notes that read as if somebody had typed them."""

from __future__ import annotations

import random


def _words(text: str) -> list[str]:
    """The entries of a list written as one text: parted by bars, or by blanks where there are no bars."""
    return text.split("|" if "|" in text else None)


FIRST = _words(
    "Aaron Abigail Adrian Alicia Amara Andre Angela Anita Anthony Beatriz Ben Bianca Brandon Brenda Caleb Carla "
    "Carlos Cassandra Chloe Claire Colin Connor Curtis Dana Darius Deborah Derek Diego Dominic Donna Eduardo "
    "Elena Elliot Emily Erin Ethan Evelyn Farah Felix Fiona Francesca Gabriel Gavin Genevieve George Gloria "
    "Gregory Hannah Harold Heather Hector Helen Henry Ian Imani Irene Isabel Isaac Jamal James Janet Jasmine "
    "Jason Javier Jenna Jerome Joan Joel Jonas Julia Karen Keisha Kenji Kevin Kristen Kyle Lamar Laura Leah Leon "
    "Linda Logan Lorena Lucas Luis Mabel Malik Marcela Margaret Mariko Martin Matthew Maya Megan Miguel Mina "
    "Mohammed Monica Nadia Naomi Nathan Neil Nicole Nora Olga Oliver Omar Owen Paige Patricia Paul Peter Quentin "
    "Rachel Ramon Rebecca Renee Ricardo Robert Rosa Russell Ruth Ryan Samantha Samuel Sarah Scott Selena Sergio "
    "Shauna Simon Stella Steven Suresh Tamara Tanya Teresa Theo Thomas Tina Trevor Uma Valerie Vanessa Victor "
    "Vikram Walter Wendy Xavier Yolanda Yusuf Zachary Zoe"
)
LAST = _words(
    "Abbott Acosta Adler Aguilar Ahmed Alvarez Anders Archer Asante Bailey Banerjee Barlow Bauer Becker Bennett "
    "Bishop Blackwell Booth Bowen Brandt Briggs Brooks Calloway Cardenas Carver Castillo Chandler Chang Choi "
    "Coleman Cordova Crane Dalton Das Davenport Delgado Desai Donovan Doyle Dubois Eastman Ellison Espinoza "
    "Farrell Fernandez Finch Fitzgerald Fletcher Foster Franklin Fujimoto Gallagher Garrett Gibson Goldberg "
    "Gomez Grady Gupta Haddad Hale Hanson Harmon Hayes Hendricks Herrera Hobbs Huang Hughes Ibarra Ingram Iyer "
    "Jacobs Jensen Kapoor Keller Kendrick Khan Kim Kirby Klein Knox Koenig Lambert Larkin Lawson Leclerc Levine "
    "Lindgren Lockhart Lozano Maddox Malone Mancini Marsh Massey McBride McKenna Mehta Mercer Middleton Molina "
    "Monroe Moreno Morrow Nash Navarro Nguyen Nolan Norwood Nunez Obi Ocampo Okafor Olsen Ortega Osborne Pacheco "
    "Park Patel Pearce Pennington Petrov Pham Pruitt Quinn Ramsey Randall Reyes Rhodes Rivas Romero Rossi Rowe "
    "Salazar Sandoval Sato Schaefer Schultz Serrano Shah Sharp Sinclair Sloan Solomon Sorensen Stanton Stark "
    "Stephens Suarez Sutton Takahashi Tanner Thornton Tran Underwood Valdez Vance Vargas Villanueva Voss Wade "
    "Walsh Warner Webb Weiss Whitaker Wilder Winslow Wolfe Wong Yamada Yang Yates York Zamora Ziegler"
)
COMPANY_FIRST = _words(
    "Cascade|Blue Heron|Granite Peak|Evergreen|Northgate|Silver Lake|Ironwood|Red Cedar|Bayview|Summit Ridge|"
    "Old Mill|Stonebridge|Puget|Meridian|Lakeshore|Copper Canyon|Westfield|Harvest|Pioneer|Union Square|Fairmont|"
    "Juniper|Crescent|Sunset|Keystone|Beacon|Larkspur|Rainier|Prairie|Gateway|Tidewater|Mesa Verde|Whitestone|"
    "Brightwater|Cobalt|Orchard|Kingfisher|Alder|Sagebrush|Monarch|Foothill|Riverside|High Desert|Anchor|"
    "Clearwater|Hawthorne|Liberty|Magnolia"
)
COMPANY_LAST = _words(
    "Logistics|Capital Partners|Dental Group|Foods|Brewing|Medical Supply|Fitness|Self Storage|Architects|"
    "Holdings|Development|Robotics|Freight|Property Trust|Hospitality|Credit Union|Law Group|Cold Storage|"
    "Furniture|Apparel|Technologies|Builders|Veterinary|Coffee Roasters|Packaging|Insurance|Investments|"
    "Childcare|Auto Parts|Pharmacy"
)
COMPANY_FORM = ("LLC", "Inc.", "LP", "", "", "", "Co.", "Group")
CITIES = (
    ("Seattle", "WA", "98101"), ("Tacoma", "WA", "98402"), ("Bellevue", "WA", "98004"), ("Portland", "OR", "97204"),
    ("Oakland", "CA", "94607"), ("San Jose", "CA", "95113"), ("Los Angeles", "CA", "90017"),
    ("San Diego", "CA", "92101"),
    ("Phoenix", "AZ", "85004"), ("Denver", "CO", "80202"), ("Dallas", "TX", "75201"), ("Houston", "TX", "77002"),
    ("Chicago", "IL", "60606"), ("Minneapolis", "MN", "55402"), ("Atlanta", "GA", "30303"),
    ("Charlotte", "NC", "28202"),
    ("Nashville", "TN", "37219"), ("Columbus", "OH", "43215"), ("Boston", "MA", "02110"), ("New York", "NY", "10018"),
    ("Newark", "NJ", "07102"), ("Miami", "FL", "33131"), ("Honolulu", "HI", "96813"),
    ("Salt Lake City", "UT", "84101"),
)  # fmt: skip
STREETS = _words(
    "Harbor Avenue|Pine Street|Industrial Way|Commerce Drive|Market Street|Union Avenue|Railroad Avenue|"
    "2nd Avenue|Cedar Street|Lakeview Boulevard|Mill Road|Airport Way|Canal Street|Foundry Lane|Orchard Road|"
    "Terminal Street"
)
TITLES = _words(
    "Director of Real Estate|Facilities Manager|Owner|Chief Financial Officer|Office Manager|Asset Manager|"
    "Principal|VP Operations|Property Manager|General Counsel|Founder|Leasing Director|Managing Partner|"
    "Controller|Head of Stores"
)
INDUSTRIES = _words(
    "Transportation|Finance|Healthcare|Food & Beverage|Retail|Technology|Construction|Hospitality|Manufacturing|"
    "Insurance|Other"
)
BUILDINGS = {
    "Office": ("Tower", "Plaza", "Exchange", "Center"),
    "Industrial": ("Commerce Center", "Distribution Center", "Flex Campus", "Yards"),
    "Retail": ("Crossing", "Marketplace", "Shops"),
    "Multifamily": ("Lofts", "Court", "Terrace"),
    "Medical": ("Medical Pavilion", "Clinic Building"),
    "Land": ("Acres", "Parcel", "Ranch"),
}

_OPENERS = {
    "connected": (
        "Spoke with {first} about the {size} SF requirement near {city}.",
        "{first} had a few minutes.",
        "Good talk with {first}, about {minutes} minutes.",
        "Caught {first} between meetings.",
        "Quick catch-up with {first} on the {month} expiration.",
        "Reached {first} on the direct line.",
    ),
    "voicemail": (
        "Left a voicemail for {first} about {street}.",
        "VM #{n}: mentioned the {size} SF block coming up in {month}.",
        "Left a short message and my cell number.",
        "Voicemail. Referenced the comp we closed on {street}.",
    ),
    "no_answer": (
        "No answer, mailbox is full.",
        "Rang out. Will try before 9 next time.",
        "No answer on the main line.",
        "Went to an automated menu, hung up.",
    ),
    "meeting_booked": (
        "{first} agreed to tour {street} on {weekday} at {hour}.",
        "Booked a site walk for {weekday} {hour}, {first} brings their architect.",
        "Meeting on the calendar for {weekday}: lease review, their office.",
    ),
    "not_interested": (
        "{first} renewed in place in {month}, not looking for {years} years.",
        "Not interested, happy with the current landlord.",
        "{first} says they work with another broker under an exclusive.",
        "Company is subleasing space themselves, no need until {month}.",
    ),
    "wrong_number": (
        "Wrong number, this is a private cell now.",
        "Number belongs to a dental office. Needs cleaning up.",
        "Whoever answered had never heard of {first}.",
    ),
    "callback": (
        "{first} is driving, asked me to call back {weekday} after {hour}.",
        "Asked for a call back once the budget is approved in {month}.",
        "The assistant took my number, {first} returns {weekday}.",
    ),
    "gatekeeper": (
        "Front desk would not put me through.",
        "Spoke with the assistant only, she screens everything.",
    ),
}
_MIDDLES = (
    "Lease expires {month}; they need about {size} SF, {parking} parking stalls.",
    "Current rate is ${rate}/SF NNN, landlord is asking ${rate2} for a renewal.",
    "Wants {months} months free and a TI allowance of at least ${ti}/SF.",
    "They looked at {street} and thought the loading was too tight.",
    "Clear height has to be {height}' or better, two dock-high doors minimum.",
    "Power is the question: {amps} amps, three-phase.",
    "Owner would sell at a {cap} cap, not below.",
    "Decision sits with the parent company, {first} recommends.",
    "Board meets in {month}, LOI could go out right after.",
    "Asked for comps within a mile of {street}.",
    "They would sign for {years} years with one option.",
    "Heard about us through the {city} deal.",
    "Broker opinion of value requested for the {size} SF building.",
    "Sublease is an option if it comes furnished.",
)
_CLOSERS = (
    "Next: send the flyer and follow up {weekday}.",
    "Sending three options today.",
    "Follow up in {months} weeks.",
    "Added to the {city} market report list.",
    "Will loop in research for absorption numbers.",
    "To do: check zoning with the city.",
    "",
    "",
    "Asked me to e-mail instead of calling.",
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_MONTHS = _words("January February March April May June July August September October November December")


def facts(rng: random.Random, first: str, minutes: int | None = None) -> dict[str, object]:
    """The numbers and places that one note may mention; a call's own minutes where it has some."""
    rate = rng.randint(14, 48)
    return {
        "first": first, "size": f"{rng.randint(12, 900) * 100:,}", "city": rng.choice(CITIES)[0],
        "street": f"{rng.randint(100, 9900)} {rng.choice(STREETS)}", "weekday": rng.choice(_WEEKDAYS),
        "month": rng.choice(_MONTHS), "minutes": minutes or rng.randint(3, 25), "n": rng.randint(1, 4),
        "hour": rng.choice(("8:30", "10:00", "11:15", "1:30 pm", "3:00 pm")), "years": rng.randint(2, 10),
        "months": rng.randint(2, 6), "rate": rate, "rate2": rate + rng.randint(1, 7), "ti": rng.randint(15, 90),
        "parking": rng.randint(6, 120), "height": rng.choice((18, 24, 28, 32, 36)),
        "amps": rng.choice((400, 800, 1200)), "cap": f"{rng.randint(45, 80) / 10:.1f}",
    }  # fmt: skip


def call_note(rng: random.Random, outcome: str, first: str, seconds: int | None = None) -> str:
    """What a broker typed after a call that ended with this outcome."""
    known = facts(rng, first, max(2, round(seconds / 60)) if seconds else None)
    parts = [rng.choice(_OPENERS.get(outcome, _OPENERS["connected"]))]
    if outcome in ("connected", "meeting_booked", "callback", "not_interested"):
        parts += rng.sample(_MIDDLES, rng.choice((0, 1, 1, 2, 3)))
        parts.append(rng.choice(_CLOSERS))
    return " ".join(part for part in parts if part).format(**known)


def long_note(rng: random.Random, first: str, least: int) -> str:
    """A transcript of more than ``least`` characters: somebody pasted the whole recording."""
    lines = [f"Transcript of the call with {first}:"]
    size = len(lines[0])
    while size <= least:
        speaker = rng.choice(("Broker", first))
        lines.append(f"[{size // 900:02d}:{rng.randint(0, 59):02d}] {speaker}: {call_note(rng, 'connected', first)}")
        size += len(lines[-1]) + 1
    return "\n".join(lines)


def email_text(rng: random.Random, first: str) -> tuple[str, str]:
    """Subject and body of an e-mail."""
    known = facts(rng, first)
    subject = rng.choice((
        "{size} SF in {city}: flyer attached", "Re: {street}", "Tour on {weekday}", "Comps near {street}",
        "Lease expiration in {month}", "{city} market report", "LOI draft for {street}", "Following up",
    )).format(**known)  # fmt: skip
    body = rng.sample(_MIDDLES, rng.randint(1, 3))
    text = f"Hi {{first}},\n\n{' '.join(body)}\n\n{rng.choice(_CLOSERS) or 'Talk soon.'}\n\nBest regards"
    return subject, text.format(**known)


def meeting_text(rng: random.Random, first: str) -> tuple[str, str]:
    """Subject and notes of a meeting."""
    known = facts(rng, first)
    subject = rng.choice((
        "Site tour {street}", "Lease review with {first}", "Listing pitch {street}", "Lunch with {first}",
        "Kick-off {city} search", "Space planning {size} SF",
    )).format(**known)  # fmt: skip
    return subject, " ".join(rng.sample(_MIDDLES, 2)).format(**known)


def task_text(rng: random.Random, name: str) -> tuple[str, str]:
    """Title and notes of a task about an account."""
    known = facts(rng, name)
    subject = rng.choice((
        "Send flyer to {first}", "Call {first} about renewal", "Prepare BOV for {first}", "Update comps {street}",
        "Chase signed LOI", "Order estoppel for {street}", "Check zoning {street}", "Quarterly review {first}",
    )).format(**known)  # fmt: skip
    return subject, rng.choice((*_MIDDLES, "")).format(**known)

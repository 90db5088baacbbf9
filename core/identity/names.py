"""Makes names comparable: plain letters, formal first names, companies without their legal form."""

from __future__ import annotations

import polars as pl

_SHORT = {
    "abigail": "abby gail", "albert": "al bert", "alexander": "alex sandy xander", "alexandra": "alexa sandra lexi",
    "alfred": "al fred alf", "amanda": "mandy", "andrew": "andy drew", "angela": "angie", "anthony": "tony",
    "arthur": "art", "barbara": "barb babs", "benjamin": "ben benny benji", "bernard": "bernie", "beverly": "bev",
    "bradley": "brad", "calvin": "cal", "cameron": "cam", "caroline": "carrie", "catherine": "cathy kate cat",
    "charles": "charlie chuck chas", "charlotte": "lottie", "christina": "chris tina chrissy",
    "christine": "chris chrissy", "christopher": "chris kit topher", "clifford": "cliff", "cynthia": "cindy",
    "daniel": "dan danny", "david": "dave davey", "deborah": "deb debbie debra", "dennis": "denny",
    "dominic": "dom", "donald": "don donnie", "dorothy": "dot dottie", "douglas": "doug", "edward": "ed eddie ted ned",
    "eleanor": "ellie nell", "elizabeth": "liz lizzie beth betty eliza betsy libby", "emily": "em emmy",
    "eugene": "gene", "evelyn": "evie", "frances": "fran", "francis": "frank", "franklin": "frank",
    "frederick": "fred freddie rick", "gabriel": "gabe", "gabriella": "gabby", "geoffrey": "geoff", "george": "georgie",
    "gerald": "gerry jerry", "gregory": "greg", "harold": "harry hal", "henry": "hank harry", "herbert": "herb",
    "isabella": "bella izzy", "jacob": "jake", "jacqueline": "jackie", "james": "jim jimmy jamie", "janet": "jan",
    "jeffrey": "jeff", "jennifer": "jen jenny", "jeremy": "jem", "jessica": "jess jessie", "joanna": "jo joan",
    "john": "jack johnny jon", "jonathan": "jon jonny", "joseph": "joe joey", "joshua": "josh", "joyce": "joy",
    "judith": "judy", "julia": "jules", "katherine": "kathy kate katie kat kay", "kathleen": "kathy kath",
    "kenneth": "ken kenny", "kimberly": "kim", "kristen": "kris kristy", "lawrence": "larry", "leonard": "len lenny "
    "leo",
    "lillian": "lil lily", "louis": "lou", "lucille": "lucy", "madeline": "maddie", "margaret":
    "maggie meg peggy marge greta", "maria": "mia", "martha": "marty", "matthew": "matt", "maxwell": "max",
    "megan": "meg", "melissa": "mel missy", "michael": "mike mick mikey", "michelle": "shelly", "mitchell": "mitch",
    "nancy": "nan", "natalie": "nat", "nathan": "nate", "nathaniel": "nate nat", "nicholas": "nick nicky",
    "nicole": "nicky nikki", "norman": "norm", "oliver": "ollie", "pamela": "pam", "patricia": "pat patty trish tricia",
    "patrick": "pat paddy", "peter": "pete", "philip": "phil", "phillip": "phil", "priscilla": "cilla",
    "rachel": "rach", "randall": "randy", "raymond": "ray", "rebecca": "becky becca", "reginald": "reggie",
    "richard": "rich rick dick ricky", "robert": "rob bob bobby robbie bert", "ronald": "ron ronnie",
    "rosemary": "rose rosie", "russell": "russ", "samantha": "sam sammy", "samuel": "sam sammy", "sandra": "sandy",
    "sarah": "sally sadie", "shannon": "shan", "sharon": "shari", "stanley": "stan", "stephanie": "steph",
    "stephen": "steve", "steven": "steve", "stuart": "stu", "susan": "sue suzy susie", "sylvia": "syl",
    "teresa": "terry tess", "terrence": "terry", "theodore": "ted theo teddy", "theresa": "terry tess", "thomas":
    "tom tommy", "timothy": "tim timmy", "tobias": "toby", "valerie": "val", "veronica": "ronnie", "victor": "vic",
    "victoria": "vicky tori", "vincent": "vince vinny", "virginia": "ginny", "walter": "walt wally",
    "wesley": "wes", "william": "will bill billy liam willie", "zachary": "zach zack",
}  # fmt: skip
_FORMAL: dict[str, set[str]] = {}
for _name, _shorts in _SHORT.items():
    for _short in _shorts.split():
        _FORMAL.setdefault(_short, set()).add(_name)
_LEGAL = (
    r"\b(inc|incorporated|llc|llp|lp|ltd|limited|co|company|corp|corporation|plc|gmbh|ag|sa|sarl|bv|nv|pty|pvt|group|"
    r"holdings?|the|and|of)\b"
)


def plain(text: pl.Expr) -> pl.Expr:
    """Lower case letters and digits of a name without accents; blanks between words; empty becomes null."""
    bare = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    bare = bare.str.replace_all("ß", "ss", literal=True).str.replace_all("['\u2019.]", "")
    bare = bare.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    return pl.when(bare != "").then(bare)


def first_names(text: pl.Expr) -> pl.Expr:
    """A plain first name without middle names and titles."""
    bare = plain(text).str.replace(r"^(mr|mrs|ms|dr|prof)\s+", "")
    return bare.str.split(" ").list.first()


def formal_names(names: pl.Series) -> pl.DataFrame:
    """The formal names that plain first names can stand for: ``first``, ``formal``; each name stands for itself."""
    distinct = names.drop_nulls().unique()
    pairs = [(n, f) for n in distinct.to_list() for f in sorted({n} | _FORMAL.get(n, set()))]
    return pl.DataFrame(pairs, schema={"first": pl.String, "formal": pl.String}, orient="row")


def companies(text: pl.Expr) -> pl.Expr:
    """A company's plain name without its legal form, and without what stands in brackets behind it."""
    bare = plain(text.str.replace_all(r"\(.*?\)|\[.*?\]", " ")).str.replace_all(_LEGAL, " ")
    bare = bare.str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(bare != "").then(bare).otherwise(plain(text))

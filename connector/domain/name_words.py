"""The words of company names that say less than others: legal forms, groups, trades, places, abbreviations.

Decided here: plain lists, in the languages our customers write in, rather than a library; a word that is missing only
costs a suggestion, and a person settles it. All are written without accents, as names are folded before they are read.
"""

from __future__ import annotations

from collections.abc import Mapping

_FORMS = """
gmbh DE AT CH|ag DE AT CH|kg DE AT|kgaa DE|ohg DE|ug DE|gbr DE|ev DE|eg DE|ek DE|mbh DE AT|gesmbh AT
sas FR|sasu FR|sarl FR CH LU|eurl FR|snc FR IT|sci FR|scop FR|selarl FR|gie FR|sa FR BE CH ES LU PT BR GR|cie FR CH BE
ltd GB IE CA IN AU NZ SG HK IL CN|limited GB IE CA IN AU NZ SG HK|plc GB IE|llp GB US IN|cic GB|lp US GB CA
inc US CA PH|incorporated US CA|llc US|corp US CA|corporation US CA|co US GB CN JP|company US GB CA|pc US|pllc US
pty AU ZA|pte SG|pvt IN|sdn MY|bhd MY|kk JP|oy FI|oyj FI|ab SE FI|aps DK|as NO DK EE CZ TR|asa NO|ans NO|hf IS
bv NL BE|nv NL BE|vof NL BE|cv NL BE|bvba BE|sprl BE|asbl BE LU|vzw BE|scrl BE|srl IT BE RO|spa IT CL|srls IT|sapa IT
sl ES|slu ES|sau ES|slp ES|scoop ES|lda PT|ltda BR CL CO|eireli BR|sac PE|sro CZ SK|spzoo PL|doo HR RS SI|dd HR SI
kft HU|zrt HU|nyrt HU|bt HU|ood BG|eood BG|ooo RU|oao RU|ead BG|uab LT|sia LV|ou EE|se|ltee CA|fzco AE|fze AE|dmcc AE
ооо RU|зао RU|оао RU|ао RU|αε GR|εε GR
"""
LEGAL_FORMS: Mapping[str, frozenset[str]] = {
    words[0]: frozenset(words[1:]) for line in _FORMS.split("\n") for part in line.split("|") if (words := part.split())
}
"""Legal form → countries that have it; none for one that many have."""

LONG_FORMS: Mapping[str, str] = {
    "united kingdom": "uk",
    "great britain": "uk",
    "united states": "usa",
    "etats unis": "usa",
    "head office": "office",
    "accounts payable": "payable",
    "gesellschaft mit beschrankter haftung": "gmbh",
    "aktiengesellschaft": "ag",
    "kommanditgesellschaft": "kg",
    "societe par actions simplifiee": "sas",
    "societe a responsabilite limitee": "sarl",
    "societe anonyme": "sa",
    "sociedad limitada": "sl",
    "sociedad anonima": "sa",
    "societa per azioni": "spa",
    "societa a responsabilita limitata": "srl",
    "besloten vennootschap": "bv",
    "naamloze vennootschap": "nv",
    "limited liability company": "llc",
    "public limited company": "plc",
    "private limited": "ltd",
    "sp z o o": "spzoo",
    "sp z oo": "spzoo",
    "g m b h": "gmbh",
    "s r o": "sro",
    "d o o": "doo",
    "s p a": "spa",
    "s a r l": "sarl",
    "s a s": "sas",
    "s a": "sa",
    "s l": "sl",
    "a s": "as",
    "b v": "bv",
    "n v": "nv",
    "l l c": "llc",
}
GLUED_FORMS: Mapping[str, str] = {
    "株式会社": "kk",
    "有限会社": "ltd",
    "合同会社": "llc",
    "股份有限公司": "co",
    "有限公司": "co",
    "주식회사": "co",
}
"""Legal forms that are written without a gap."""
SAME_FORM: Mapping[str, str] = {
    "limited": "ltd",
    "incorporated": "inc",
    "corporation": "corp",
    "company": "co",
    "mbh": "gmbh",
    "ltee": "ltd",
}
GROUPS = frozenset("group groupe gruppe gruppo grupo holding holdings".split())
LINKING = frozenset(
    "and of und et y och og ja en the le la les l der die das el los las il lo gli de du des di d".split()
)
"""Words that link others and tell nothing."""

REMARKS = frozenset(
    "old new alt inactive duplicate dup eur usd gbp chf invoice invoices billing rechnung facturation payable"
    " do not use purchasing hr".split()
)
"""What people add to a name for themselves."""

SHORT: Mapping[str, str] = {
    "intl": "international",
    "int": "international",
    "internat": "international",
    "tech": "technologies",
    "technology": "technologies",
    "techs": "technologies",
    "technologie": "technologies",
    "mfg": "manufacturing",
    "mgmt": "management",
    "svc": "services",
    "svcs": "services",
    "service": "services",
    "serv": "services",
    "sys": "systems",
    "system": "systems",
    "systeme": "systems",
    "solution": "solutions",
    "sol": "solutions",
    "ind": "industries",
    "industry": "industries",
    "assoc": "associates",
    "associes": "associates",
    "bros": "brothers",
    "dev": "development",
    "eng": "engineering",
    "ent": "enterprises",
    "fin": "finance",
    "lab": "labs",
    "laboratories": "labs",
    "laboratory": "labs",
    "univ": "university",
    "dept": "department",
    "st": "saint",
    "ste": "sainte",
    "cons": "consulting",
    "ets": "etablissements",
    "pharma": "pharmaceuticals",
    "pharmaceutical": "pharmaceuticals",
    "fils": "sons",
    "sohne": "sons",
    "maschbau": "maschinenbau",
    "natl": "national",
    "nat": "national",
}
"""Abbreviation or other number → the word it stands for."""

GENERIC = frozenset(
    "accounting advisors agency agentur analytics assets associates avocats bank bau bau beratung bildung brothers"
    " business capital care center centre clinic cloud communications conseil construction construcciones consultants"
    " consultores consulting data design development digital distribution education energy engineering enterprises"
    " entertainment entreprise equipment etablissements expertise finance financial foods formation foundation fund"
    " global handel health healthcare hotel hotels immobilien industrial industrias industries innovation institute"
    " insurance international investment investments it labs law learning legal logistica logistics logistik"
    " logistique management manufacturing marketing maschinenbau media medical mobile national networks office online"
    " partner partners pharmaceuticals platform power products produkte properties rechtsanwalte research resources"
    " restaurant retail sales sante school security services shop software solutions sons steuerberatung stiftung"
    " store studio studios supply systems team technik technologies trade trading transport travel university"
    " ventures verlag verwaltung web werke works department hr purchasing operations".split()
)
"""Trades and the like: two companies that share only these share nothing."""

_PLACES = """
FR france francais francaise; paris lyon lille nantes marseille toulouse bordeaux nice strasbourg
DE deutschland germany allemagne; berlin munchen munich hamburg koln cologne frankfurt stuttgart leipzig dusseldorf
GB uk britain england scotland wales; london leeds bristol glasgow manchester birmingham
US usa america us; boston chicago columbus raleigh seattle dallas houston austin denver california texas
ES espana spain espagne spanien; madrid barcelona valencia bilbao sevilla
IT italia italy italie italien; milano milan roma rome torino
NL nederland netherlands holland; amsterdam rotterdam utrecht
BE belgium belgique belgie; brussels bruxelles namur gent liege antwerpen
CH schweiz suisse switzerland svizzera; zurich geneve geneva bern lausanne basel
AT osterreich austria autriche; wien vienna
CA canada; ottawa toronto montreal quebec vancouver
IE ireland irland; dublin
PT portugal; lisboa lisbon porto
PL polska poland; warszawa warsaw
SE sverige sweden; stockholm
NO norge norway; oslo
DK danmark denmark; copenhagen kobenhavn
FI suomi finland; helsinki
LU luxembourg;
CZ czech; praha prague
AU australia; sydney melbourne
IN india; mumbai delhi bangalore
JP japan; tokyo
CN china; shanghai beijing
SG singapore;
BR brasil brazil;
MX mexico;
AE emirates; dubai
ZA; johannesburg
-; emea europe europa apac asia latam africa iberia nordic nordics benelux dach
-; north south east west nord sud ost est oeste norte sur northern southern eastern western central
"""
_LINES = [(line.partition(";")[0].split(), line.partition(";")[2].split()) for line in _PLACES.strip().split("\n")]
NATIONS: Mapping[str, str] = {word: names[0] for names, _ in _LINES for word in names[1:]}
"""Word for a country → its code."""
PLACES = frozenset([*NATIONS, *(word for _, words in _LINES for word in words)])
"""Words for countries, regions and cities."""
SAME_PLACE: Mapping[str, str] = {
    word: group.split()[0]
    for group in (
        "deutschland germany allemagne|munchen munich|koln cologne|uk britain|usa america us|espana spain "
        "espagne spanien|italia italy italie italien|milano milan|roma rome|nederland netherlands "
        "holland|belgium belgique belgie|brussels bruxelles|schweiz suisse switzerland svizzera|geneve "
        "geneva|osterreich austria autriche|wien vienna|ireland irland|lisboa lisbon|polska poland|warszawa "
        "warsaw|sverige sweden|norge norway|danmark denmark|copenhagen kobenhavn|suomi finland|praha "
        "prague|europe europa|nordic nordics|north nord norte northern|south sud sur southern|east ost est "
        "eastern|west oeste western|brasil brazil|france francais francaise"
    ).split("|")
    for word in group.split()
}
"""Word for a place → one word for all its names."""

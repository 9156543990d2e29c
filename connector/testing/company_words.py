"""What invented companies are named after: lands with their legal forms, syllables, surnames, trades, plain words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Land:
    """What a company's name and address look like in one country."""

    code: str
    share: float
    forms: tuple[str, ...]
    names: tuple[str, ...]
    """The country as people type it into a CRM."""
    cities: tuple[str, ...]
    tld: str
    syllables: tuple[str, ...]
    surnames: tuple[str, ...]


LANDS: tuple[Land, ...] = (
    Land("FR", 0.26, ("SAS", "SARL", "SA", "SASU", "EURL", "S.A.S."), ("France", "FR", "france", "FRANCE", "FRA"),
         ("Lyon", "Nantes", "Paris", "Lille"), "fr",
         ("ba", "cha", "del", "é", "fon", "gré", "ju", "la", "mi", "noi", "or", "pé", "quen", "roi", "sai", "ve", "vau",
          "lin", "tour", "mar"),
         ("Lefèvre", "Moreau", "Dupont", "Girard", "Rousseau", "Mercier", "Béranger", "Chevalier", "Martin", "Faure")),
    Land("DE", 0.20, ("GmbH", "AG", "GmbH & Co. KG", "KG", "UG", "G.m.b.H."),
         ("Deutschland", "Germany", "DE", "Allemagne"), ("Berlin", "München", "Köln", "Leipzig"), "de",
         ("al", "berg", "dorn", "eich", "fal", "grün", "hirsch", "kra", "lind", "mö", "neu", "ost", "ros", "stein",
          "tann", "ul", "wal", "zeh", "brü", "hof"),
         ("Müller", "Schmidt", "Schäfer", "Krüger", "Hoffmann", "Weber", "Köhler", "Vogel", "Martin", "Jäger")),
    Land("US", 0.20, ("Inc.", "LLC", "Corp.", "Inc", "Corporation", "Co."),
         ("United States", "USA", "US", "U.S.A.", "États-Unis"), ("Boston", "Austin", "Denver", "Chicago"), "com",
         ("ar", "bel", "cor", "dex", "el", "fin", "gen", "hex", "in", "ker", "lum", "mon", "nex", "or", "pix", "quan",
          "syn", "tel", "ver", "zen"),
         ("Miller", "Johnson", "Anderson", "Parker", "Martin", "Sullivan", "Brooks", "Hayes", "Turner", "Coleman")),
    Land("GB", 0.14, ("Ltd", "Limited", "PLC", "LLP", "Ltd."), ("United Kingdom", "UK", "GB", "England"),
         ("London", "Leeds", "Bristol", "Glasgow"), "co.uk",
         ("ash", "brack", "cop", "dun", "east", "fern", "grey", "hol", "iron", "ju", "kes", "lark", "mill", "north",
          "oak", "pem", "red", "sil", "thorn", "ton"),
         ("Taylor", "Wilson", "Clarke", "Turner", "Hughes", "Bennett", "Martin", "Foster", "Harrison", "Palmer")),
    Land("ES", 0.08, ("S.L.", "S.A.", "SL", "SLU"), ("España", "Spain", "ES", "Espagne"),
         ("Madrid", "Valencia", "Bilbao", "Sevilla"), "es",
         ("al", "bar", "cas", "do", "en", "fuen", "gua", "hi", "ja", "lu", "mi", "ni", "oli", "pe", "ro", "sau", "to",
          "ve", "ña", "dor"),
         ("García", "Martínez", "López", "Sánchez", "Fernández", "Núñez", "Ibáñez", "Romero", "Vidal", "Ortega")),
    Land("NL", 0.06, ("B.V.", "BV", "N.V."), ("Nederland", "Netherlands", "NL", "The Netherlands", "Pays-Bas"),
         ("Amsterdam", "Rotterdam", "Utrecht"), "nl",
         ("aan", "boom", "dijk", "eer", "gans", "huis", "kamp", "laan", "meer", "oost", "pol", "rijn", "sloot", "veen",
          "water", "zand"),
         ("Jansen", "Visser", "Bakker", "Mulder", "Dekker", "Vermeer", "Hendriks", "Brouwer")),
    Land("CH", 0.06, ("AG", "SA", "GmbH", "Sàrl"), ("Schweiz", "Switzerland", "Suisse", "CH"),
         ("Zürich", "Genève", "Basel", "Bern"), "ch",
         ("aar", "bün", "chur", "dü", "eng", "flü", "gla", "hel", "jura", "kan", "lau", "matt", "rhy", "säntis", "tic",
          "uri"),
         ("Müller", "Meier", "Keller", "Favre", "Rochat", "Huber", "Brunner", "Weber")),
)  # fmt: skip
TRADES: dict[str, tuple[str, ...]] = {
    "FR": ("Conseil", "Logistique", "Industries", "Santé", "Formation", "Technologies", "Services", "Immobilier",
           "Énergie", "Transports"),
    "DE": ("Beratung", "Logistik", "Maschinenbau", "Gesundheit", "Technik", "Systeme", "Handel", "Verlag", "Bau",
           "Energie"),
    "US": ("Consulting", "Logistics", "Technologies", "Health", "Solutions", "Systems", "Software", "Labs", "Media",
           "Capital", "Manufacturing"),
    "GB": ("Consulting", "Logistics", "Technologies", "Healthcare", "Solutions", "Services", "Engineering", "Foods",
           "Partners", "Property"),
    "ES": ("Consultores", "Logística", "Industrias", "Salud", "Formación", "Servicios", "Construcciones", "Energía"),
    "NL": ("Advies", "Logistiek", "Techniek", "Zorg", "Systemen", "Bouw", "Media", "Energie"),
    "CH": ("Beratung", "Conseil", "Logistik", "Services", "Technologies", "Pharma", "Treuhand", "Immobilien"),
}  # fmt: skip
ABBREVIATED = {
    "Technologies": ("Tech", "Technology", "Techs"), "Services": ("Svcs", "Service"), "Systems": ("Sys", "System"),
    "Manufacturing": ("Mfg",), "Industries": ("Ind.", "Industrie"), "Logistics": ("Log.", "Logistic"),
    "Solutions": ("Solution",), "Engineering": ("Eng.",), "Consulting": ("Consult",),
    "International": ("Intl", "Int'l"),
    "Partners": ("Ptnrs",), "Maschinenbau": ("Masch.bau",), "Systeme": ("System",), "Pharma": ("Pharmaceuticals",),
}  # fmt: skip
LONG_FORMS = {
    "SAS": "Société par actions simplifiée", "SARL": "Société à responsabilité limitée", "SA": "Société Anonyme",
    "GmbH": "Gesellschaft mit beschränkter Haftung", "AG": "Aktiengesellschaft", "Inc.": "Incorporated",
    "LLC": "Limited Liability Company", "Ltd": "Limited", "S.L.": "Sociedad Limitada", "B.V.": "Besloten Vennootschap",
}  # fmt: skip
PLAIN_WORDS = (
    "Blue River", "Silver Oak", "Red Fox", "North Star", "Golden Gate", "Bright Path", "First Light", "Stone Bridge",
    "Clear Water", "Green Field", "Open Sky", "Iron Horse", "Nova", "Orion", "Atlas", "Apex", "Vertex", "Summit",
    "Horizon", "Phoenix", "Pioneer", "Delta", "Omega", "Sigma", "Zenith", "Titan", "Aurora", "Helios", "Polaris",
    "Meridian", "Quantum", "Pulse", "Vector", "Catalyst", "Beacon", "Compass", "Keystone", "Cornerstone", "Evergreen",
)  # fmt: skip
"""Names that many unrelated companies bear."""
FREE = ("gmail.com", "outlook.com", "yahoo.fr", "gmx.de", "orange.fr", "hotmail.co.uk", "web.de", "icloud.com",
        "wanadoo.fr", "t-online.de", "bluewin.ch", "free.fr", "comcast.net")  # fmt: skip
PAGES = ("https://www.facebook.com/{}", "linkedin.com/company/{}", "https://{}.wixsite.com/home")
DEPARTMENTS = ("Marketing", "IT Department", "Purchasing", "HR", "Head Office", "Accounts Payable")
REMARKS = ("(EUR)", "(old)", "- Invoice", "(new)", "(USD)", "*", "- do not use")
FIRST_NAMES = (
    "Anna", "Jean", "Maria", "Peter", "Laura", "Tom", "Sophie", "Lukas", "Emma", "Pablo", "Claire", "Hugo", "Nina",
    "Karl", "Olivia", "Daan", "Greta", "Felix", "Inès", "Mateo", "Alice", "Bruno", "Chloé", "David", "Elena", "Frank",
    "Grace", "Henri", "Irene", "Jonas", "Kate", "Louis", "Marta", "Noah", "Oscar", "Paula", "Quentin", "Rosa", "Simon",
    "Teresa", "Ursula", "Victor", "Walter", "Yann",
)  # fmt: skip

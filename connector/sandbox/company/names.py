"""Invented names of companies, people and places; every domain ends in `.example`, which nobody can own."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

INDUSTRIES = (
    "accounting",
    "construction",
    "consulting",
    "education",
    "healthcare",
    "legal",
    "logistics",
    "manufacturing",
    "retail",
    "software",
)


@dataclass(frozen=True, slots=True)
class Country:
    """What depends on where a customer is."""

    code: str
    share: float
    currency: str
    languages: tuple[str, ...]
    time_zone: str
    cities: tuple[str, ...]
    suffixes: tuple[str, ...]


COUNTRIES: tuple[Country, ...] = (
    Country("FR", 0.30, "eur", ("fr",), "Europe/Paris", ("Lyon", "Nantes", "Lille", "Paris"), ("SAS", "SARL", "SA")),
    Country(
        "DE", 0.17, "eur", ("de",), "Europe/Berlin", ("Köln", "Leipzig", "München"), ("GmbH", "AG", "GmbH & Co. KG")
    ),
    Country(
        "US", 0.16, "usd", ("en",), "America/New_York", ("Boston", "Columbus", "Raleigh"), ("Inc.", "LLC", "Corp.")
    ),
    Country("GB", 0.13, "gbp", ("en",), "Europe/London", ("Leeds", "Bristol", "Glasgow"), ("Ltd", "LLP", "plc")),
    Country("ES", 0.08, "eur", ("es",), "Europe/Madrid", ("Valencia", "Bilbao", "Sevilla"), ("S.L.", "S.A.")),
    Country("BE", 0.06, "eur", ("fr", "en"), "Europe/Brussels", ("Namur", "Gent", "Liège"), ("SRL", "SA")),
    Country("CH", 0.05, "chf", ("de", "fr"), "Europe/Zurich", ("Bern", "Lausanne", "Basel"), ("AG", "SA", "GmbH")),
    Country("CA", 0.05, "cad", ("en", "fr"), "America/Toronto", ("Ottawa", "Québec", "Hamilton"), ("Inc.", "Ltée")),
)

STEMS: dict[str, tuple[str, ...]] = {
    "fr": (
        "Ardoise", "Belleroche", "Castelneau", "Delavigne", "Estampille", "Fontclaire", "Grandpré", "Hautecombe",
        "Jolivet", "Lavandière", "Mirepoix", "Noiret", "Ormeraie", "Pontarlier", "Quillan", "Rivesaltes",
        "Saintonge", "Tournesol", "Verrerie", "Bruyère", "Cormeilles", "Dumarais", "Érable", "Fauvette",
    ),
    "en": (
        "Alderbrook", "Brackenfield", "Copperline", "Dunmore", "Eastgate", "Fernhill", "Greyharbour", "Hollowell",
        "Ironbridge", "Juniper", "Kestrel", "Larkspur", "Millrace", "Northwold", "Oakhurst", "Pemberley",
        "Quarrymen", "Redfern", "Silverton", "Thornbury", "Umberland", "Whitcombe", "Yarrow", "Ashdown",
    ),
    "de": (
        "Ahornweg", "Birkenfeld", "Dornbusch", "Eichenau", "Falkenstein", "Grünwald", "Hirschberg", "Immental",
        "Kranich", "Lindenhof", "Möwenstein", "Neubrück", "Ottersberg", "Rosenthal", "Steinbach", "Tannenhof",
        "Ulmenried", "Weißdorn", "Adlerhorst", "Brückner",
    ),
    "es": (
        "Almendro", "Bahía Clara", "Castaño", "Doñana", "Encinar", "Fuentalba", "Guadiana", "Higuera", "Jacaranda",
        "Lucero", "Mirador", "Olivares", "Peñalara", "Robledo", "Saucedal", "Torrealba",
    ),
}  # fmt: skip
TRADES: dict[str, dict[str, str]] = {
    "accounting": {"fr": "Expertise", "en": "Accounting", "de": "Steuerberatung", "es": "Asesores"},
    "construction": {"fr": "Bâtiment", "en": "Construction", "de": "Bau", "es": "Construcciones"},
    "consulting": {"fr": "Conseil", "en": "Consulting", "de": "Beratung", "es": "Consultores"},
    "education": {"fr": "Formation", "en": "Learning", "de": "Bildung", "es": "Formación"},
    "healthcare": {"fr": "Santé", "en": "Health", "de": "Gesundheit", "es": "Salud"},
    "legal": {"fr": "Avocats", "en": "Legal", "de": "Rechtsanwälte", "es": "Abogados"},
    "logistics": {"fr": "Logistique", "en": "Logistics", "de": "Logistik", "es": "Logística"},
    "manufacturing": {"fr": "Industries", "en": "Works", "de": "Werke", "es": "Industrias"},
    "retail": {"fr": "Distribution", "en": "Stores", "de": "Handel", "es": "Comercial"},
    "software": {"fr": "Logiciels", "en": "Software", "de": "Software", "es": "Digital"},
}
FIRST_NAMES: dict[str, tuple[str, ...]] = {
    "fr": ("Camille", "Antoine", "Élodie", "Julien", "Manon", "Mathieu", "Océane", "Thibault", "Aurélie", "Hugo"),
    "en": ("Alice", "Ben", "Charlotte", "Daniel", "Erin", "George", "Hannah", "Marcus", "Priya", "Tom"),
    "de": ("Anke", "Bernd", "Claudia", "Dieter", "Jürgen", "Katrin", "Lukas", "Monika", "Stefan", "Ute"),
    "es": ("Alejandro", "Beatriz", "Carmen", "Diego", "Elena", "Íñigo", "Lucía", "Pablo", "Rocío", "Sergio"),
}
LAST_NAMES: dict[str, tuple[str, ...]] = {
    "fr": (
        "Barrault",
        "Chevrier",
        "Delmas",
        "Fouquet",
        "Garnier",
        "Lemoine",
        "Périer",
        "Rousselin",
        "Tessier",
        "Vasseur",
    ),
    "en": ("Ackroyd", "Bellamy", "Carver", "Dawson", "Ellery", "Hartnell", "Osborne", "Pruitt", "Sinclair", "Whitlock"),
    "de": ("Albers", "Bachmann", "Dreyer", "Engel", "Hoffmeister", "Krüger", "Lorenz", "Reinhardt", "Seidel", "Vogt"),
    "es": ("Arroyo", "Benítez", "Cabrera", "Domínguez", "Gallardo", "Ibáñez", "Montero", "Núñez", "Quiroga", "Zamora"),
}
_LANGUAGES = ("fr", "en", "de", "es")
TITLES: dict[str, dict[str, str]] = {
    role: dict(zip(_LANGUAGES, titles, strict=True))
    for role, titles in {
        "executive": ("Directrice générale", "Chief Executive Officer", "Geschäftsführung", "Dirección general"),
        "finance": ("Responsable financier", "Head of Finance", "Leitung Finanzen", "Responsable financiero"),
        "operations": ("Responsable des opérations", "Operations Manager", "Betriebsleitung", "Jefe de operaciones"),
        "it": ("Responsable informatique", "IT Manager", "IT-Leitung", "Responsable de TI"),
        "analyst": ("Contrôleur de gestion", "Data Analyst", "Controlling", "Analista de datos"),
        "marketing": ("Chargée de communication", "Brand Manager", "Marketing", "Responsable de marca"),
    }.items()
}
BUYING_ROLES = {
    "executive": "EXECUTIVE_SPONSOR",
    "finance": "BUDGET_HOLDER",
    "operations": "CHAMPION",
    "it": "INFLUENCER",
    "analyst": "END_USER",
    "marketing": "END_USER",
}


def ascii_slug(text: str) -> str:
    """Fold a name to the letters, digits and hyphens a domain may hold."""
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", folded.lower()).strip("-")


def without_accents(text: str) -> str:
    """How a hurried typist spells a name."""
    return unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()

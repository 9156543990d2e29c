"""What a new project says in the languages people read: what each setting is, what to click, what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.domain.catalogue import Language

Both = Mapping[Language, str]


@dataclass(frozen=True)
class Setting:
    """One environment variable of a project, as `.env.example` explains it."""

    name: str
    meaning: Both
    value: str = ""
    """What is filled in: never a secret."""
    needed: bool = True
    click: Both | None = None


def _both(en: str, fr: str) -> Both:
    return {"en": en, "fr": fr}


OPENSSL = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 730 -subj /CN=connector -keyout salesforce.pem -out salesforce.crt"
)
COMMON = (
    Setting(
        "CONNECTOR_STATE_DIR",
        _both(
            "where ledger, warehouse and run snapshots lie; default: .connector",
            "où se trouvent registre, entrepôt et instantanés ; par défaut : .connector",
        ),
        needed=False,
    ),
    Setting(
        "CONNECTOR_LEDGER_URL",
        _both(
            "a PostgreSQL database for the ledger; default: SQLite",
            "une base PostgreSQL pour le registre ; par défaut : SQLite",
        ),
        needed=False,
    ),
    Setting(
        "CONNECTOR_CA_BUNDLE",
        _both(
            "certificates of a proxy that looks into your traffic", "certificats d’un proxy qui regarde votre trafic"
        ),
        needed=False,
    ),
    Setting(
        "CONNECTOR_ALERTS__OPS",
        _both(
            "address of the channel `ops`, if playbooks/alerts.yaml names it",
            "adresse du canal `ops`, si playbooks/alerts.yaml le nomme",
        ),
        needed=False,
    ),
)
STRIPE = (
    Setting(
        "CONNECTOR_STRIPE__API_KEY",
        _both("a restricted key (rk_…) that only reads", "une clé restreinte (rk_…) qui ne fait que lire"),
        click=_both(
            "Stripe dashboard: Developers → API keys → Create restricted key → Read: Customers, Products, Prices, "
            "Coupons, Subscriptions, Invoices, Events, Billing meters",
            "Tableau de bord Stripe : Développeurs → Clés API → Créer une clé restreinte → Lecture : clients, "
            "produits, prix, coupons, abonnements, factures, événements, compteurs",
        ),
    ),
)
FILES = (
    Setting(
        "CONNECTOR_FILES_DIR",
        _both(
            "folder of the billing files that mappings/billing/files.yaml names",
            "dossier des fichiers de facturation que nomme mappings/billing/files.yaml",
        ),
    ),
)
SALESFORCE = (
    Setting(
        "CONNECTOR_SALESFORCE__AUTH",
        _both("jwt (a key file) or client_credentials (a secret)", "jwt (un fichier de clé) ou client_credentials"),
        "jwt",
    ),
    Setting(
        "CONNECTOR_SALESFORCE__DOMAIN",
        _both(
            "login, test (a sandbox), or your My Domain such as acme.my",
            "login, test (une sandbox), ou votre Mon domaine, par exemple acme.my",
        ),
        "login",
    ),
    Setting(
        "CONNECTOR_SALESFORCE__CONSUMER_KEY",
        _both("consumer key of your connected app", "clé client de votre application connectée"),
        click=_both(
            "Setup → App Manager → your app → Manage Consumer Details. The app: OAuth with scope api, Use digital "
            "signatures with your certificate, Permitted Users: Admin approved users are pre-authorized",
            "Configuration → Gestionnaire d’applications → votre application → Gérer les détails du client. "
            "L’application : OAuth avec la portée api, signatures numériques avec votre certificat, utilisateurs "
            "autorisés : pré-autorisés par l’administrateur",
        ),
    ),
    Setting(
        "CONNECTOR_SALESFORCE__USERNAME",
        _both("jwt: the integration user's username", "jwt : le nom d’utilisateur de l’utilisateur d’intégration"),
        click=_both(
            "Setup → Users; a permission set with API Enabled, Access Activities, Edit Tasks, Account and Contact: "
            "Read, Opportunity: Read, Create, Edit; assign the app to it under Manage Permission Sets",
            "Configuration → Utilisateurs ; un ensemble d’autorisations avec API activée, Accéder aux activités, "
            "Modifier les tâches, Compte et Contact : lecture, Opportunité : lecture, création, modification ; "
            "attribuez-lui l’application",
        ),
    ),
    Setting(
        "CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE",
        _both("jwt: path of the app's private key (PEM)", "jwt : chemin de la clé privée de l’application (PEM)"),
        click=_both(
            f"{OPENSSL}; upload salesforce.crt to the app; chmod 600 salesforce.pem",
            f"{OPENSSL} ; déposez salesforce.crt dans l’application ; chmod 600 salesforce.pem",
        ),
    ),
    Setting(
        "CONNECTOR_SALESFORCE__CONSUMER_SECRET",
        _both(
            "client_credentials: the app's consumer secret", "client_credentials : le secret client de l’application"
        ),
        needed=False,
    ),
)
HUBSPOT = (
    Setting(
        "CONNECTOR_HUBSPOT__ACCESS_TOKEN",
        _both("a service key or private-app token", "une clé de service ou le jeton d’une application privée"),
        click=_both(
            "Settings → Integrations → Service keys → Create; scopes: crm.objects.companies.read, "
            "crm.objects.contacts.read, crm.objects.contacts.write (tasks), crm.objects.deals.read, "
            "crm.objects.deals.write, crm.objects.owners.read, files; for install also crm.schemas.companies.write, "
            "crm.schemas.contacts.write, crm.schemas.deals.write; to see workflows: automation",
            "Paramètres → Intégrations → Clés de service → Créer ; portées : crm.objects.companies.read, "
            "crm.objects.contacts.read, crm.objects.contacts.write (tâches), crm.objects.deals.read, "
            "crm.objects.deals.write, crm.objects.owners.read, files ; pour install aussi crm.schemas.companies.write, "
            "crm.schemas.contacts.write, crm.schemas.deals.write ; pour voir les workflows : automation",
        ),
    ),
    Setting(
        "CONNECTOR_HUBSPOT__CLIENT_ID",
        _both("only with OAuth instead of a token", "seulement avec OAuth au lieu d’un jeton"),
        needed=False,
    ),
    Setting("CONNECTOR_HUBSPOT__CLIENT_SECRET", _both("only with OAuth", "seulement avec OAuth"), needed=False),
    Setting("CONNECTOR_HUBSPOT__REFRESH_TOKEN", _both("only with OAuth", "seulement avec OAuth"), needed=False),
)
SETTINGS: Mapping[str, tuple[Setting, ...]] = {
    "stripe": STRIPE,
    "files": FILES,
    "salesforce": SALESFORCE,
    "hubspot": HUBSPOT,
}
SOURCE = _both(
    "where billing comes from: stripe, files, or both with a comma",
    "d’où vient la facturation : stripe, files, ou les deux avec une virgule",
)
CRM = _both("where proposals go: salesforce or hubspot", "où vont les propositions : salesforce ou hubspot")
HEAD = _both(
    "Settings of this project. Copy this file to .env, fill it in, and load it with\n"
    "  {load}\n"
    "Git ignores .env; keep it yours: chmod 600 .env. Secrets never stand in YAML. An empty line counts as not set.",
    "Réglages de ce projet. Copiez ce fichier vers .env, remplissez-le, et chargez-le avec\n"
    "  {load}\n"
    "Git ignore .env ; gardez-le pour vous : chmod 600 .env. Les secrets ne sont jamais dans le YAML. Une ligne vide\n"
    "compte comme absente.",
)
DEMO_HEAD = _both(
    "A demo: reads where `connector sandbox --ready-file {file}` listens; load it with\n  {load}",
    "Une démo : lit où écoute `connector sandbox --ready-file {file}` ; chargez-la avec\n  {load}",
)
README = _both(
    "# Expansion project\n\n"
    "From {sources} into {crm}. `mappings/` says how their words become ours; `playbooks/` says when to propose\n"
    "what, and which tasks follow. Your editor completes and explains every key.\n\n",
    "# Projet d’expansion\n\n"
    "De {sources} vers {crm}. `mappings/` dit comment leurs mots deviennent les nôtres ; `playbooks/` dit quand\n"
    "proposer quoi, et quelles tâches suivent. Votre éditeur complète et explique chaque clé.\n\n",
)
STEPS: Mapping[str, Both] = {
    "ignore": _both(
        "add {lines} to your .gitignore: .env holds secrets",
        "ajoutez {lines} à votre .gitignore : .env contient des secrets",
    ),
    "sandbox": _both(
        "in another terminal, here: connector sandbox --ready-file {file}",
        "dans un autre terminal, ici : connector sandbox --ready-file {file}",
    ),
    "load": _both("once it says ready: {load}", "quand il dit ready : {load}"),
    "env": _both(
        "cp .env.example .env, fill it in, then: {load}", "cp .env.example .env, remplissez-le, puis : {load}"
    ),
    "catalog": _both("mappings/catalog.yaml: say what you sell", "mappings/catalog.yaml : dites ce que vous vendez"),
    "stripe": _both(
        "mappings/billing/stripe.yaml: say which Stripe product is which offer",
        "mappings/billing/stripe.yaml : dites quel produit Stripe est quelle offre",
    ),
    "files": _both(
        "mappings/billing/files.yaml: say which column of your files is what",
        "mappings/billing/files.yaml : dites ce qu’est chaque colonne de vos fichiers",
    ),
    "crm": _both(
        "mappings/{crm}.yaml: name your stages and owners, and make the stages in the CRM",
        "mappings/{crm}.yaml : nommez vos étapes et propriétaires, et créez les étapes dans le CRM",
    ),
    "doctor": _both(
        "connector doctor: keys, permissions, quota, clock, automations; what to mend, and where to click",
        "connector doctor : clés, droits, quota, heure, automatismes ; quoi réparer, et où cliquer",
    ),
    "check": _both(
        "connector check: every mistake in mappings and playbooks, with its line and cure",
        "connector check : chaque erreur des mappings et playbooks, avec sa ligne et son remède",
    ),
    "dry": _both(
        "connector install --dry-run: which fields of ours the CRM lacks; writes nothing",
        "connector install --dry-run : quels champs à nous manquent au CRM ; n’écrit rien",
    ),
    "install": _both(
        "connector install: creates them, and agrees to this destination",
        "connector install : les crée, et accepte cette destination",
    ),
    "live": _both(
        "connector check --live: holds the mapping against the CRM",
        "connector check --live : confronte le mapping au CRM",
    ),
    "plan": _both(
        "connector plan --out plan.json: shows what would be written, and writes nothing",
        "connector plan --out plan.json : montre ce qui serait écrit, et n’écrit rien",
    ),
    "holdout": _both(
        "connector holdout: what proposals cause could be proven if some customers got none; off until you choose",
        "connector holdout : l’effet des propositions que vous pourriez prouver si quelques clients n’en recevaient "
        "aucune ; désactivé tant que vous ne le choisissez pas",
    ),
    "apply": _both(
        "connector apply plan.json: does that; from then on connector run, every weekday morning",
        "connector apply plan.json : le fait ; ensuite connector run, chaque matin de semaine",
    ),
}

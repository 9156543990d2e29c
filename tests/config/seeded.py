"""Mistakes that people make in mappings and playbooks, seeded into the shipped ones.

Each: a name, the document, the text that is spoiled and what it becomes, then the word at which the mistake must be
told (its line and column are looked up in the spoiled text, so that no number is copied from an answer), a part of the
message, and a part of the cure. A word that starts with `^` is told at the first letter of its line.
"""

from __future__ import annotations

from dataclasses import dataclass

CATALOG, FX = "mappings/catalog.yaml", "mappings/fx.yaml"
SF, HUBSPOT = "mappings/salesforce.yaml", "mappings/hubspot.yaml"
STRIPE, FILES = "mappings/billing/stripe.yaml", "mappings/billing/files.yaml"
SIGNALS, POLICY = "playbooks/signals.yaml", "playbooks/policy.yaml"
TALKS, REVIEW, SCHEDULE = "playbooks/negotiation.yaml", "playbooks/business_review.yaml", "playbooks/schedule.yaml"
SAVE, PLAYS = "playbooks/save.yaml", "playbooks/plays.yaml"
AMOUNT = "    Amount: {value: '{{ amount }}', policy: merge}"


@dataclass(frozen=True)
class Mistake:
    """One seeded mistake, and how it must be told."""

    name: str
    document: str
    old: str
    new: str
    at: str
    message: str
    cure: str

    def __str__(self) -> str:
        return self.name


def _field(template: str) -> str:
    return AMOUNT.replace("{{ amount }}", template)


MISTAKES = (
    # Keys and their values ------------------------------------------------------------------------------------------
    Mistake("key typo", SF, "opportunity:\n", "oportunity:\n", "^oportunity:", "unknown key 'oportunity'", "opportunity"),
    Mistake("a holdout of a third", POLICY, "holdout: null", "holdout: {share: 0.3, salt: a}", "share: 0.3", "from 0.1 to 0.2", "0.1 is 10 %"),
    Mistake("a holdout in percent", POLICY, "holdout: null", "holdout: {share: 10%, salt: a}", "share: 10%", "got '10%'", "write a number"),
    Mistake("a holdout without a salt", POLICY, "holdout: null", "holdout: {share: 0.1}", "^holdout", "missing key 'salt'", "add `salt"),
    Mistake("an empty salt", POLICY, "holdout: null", "holdout: {share: 0.1, salt: ''}", "salt: ''", "holdout.salt must be", "word of your own"),
    Mistake("a holdout's key", POLICY, "holdout: null", "holdout: {share: 0.1, sald: a}", "sald", "unknown key 'sald'", "mean salt?"),
    Mistake("inner key typo", SF, "policy: merge}\n    Amount", "polcy: merge}\n    Amount", "polcy", "unknown key", "mean policy?"),
    Mistake("unknown key", POLICY, "paying_only: true", "paying_only: true\nzzz: 1", "^zzz", "unknown key", "known keys:"),
    Mistake("missing key", SF, "  key: Expansion_Key__c\n  need", "  need", "^opportunity:", "missing key 'key'", "add `key: …`"),
    Mistake("missing file key", SF, "crm: salesforce\n", "", "^version", "missing key 'crm'", "add `crm: …`"),
    Mistake("number for text", SF, "namespace: expansion ", "namespace: 12 ", "^namespace", "got 12", "put it in quotes"),
    Mistake("text for number", POLICY, "base_rate: 0.03", "base_rate: three", "^base_rate", "got 'three'", "write a number"),
    Mistake("comma for a point", POLICY, "base_rate: 0.03", "base_rate: 0,03", "^base_rate", "got '0,03'", "write a number"),
    Mistake("yes for true", POLICY, "paying_only: true", "paying_only: maybe", "^paying_only", "got 'maybe'", "true or false"),
    Mistake("text for a list", CATALOG, "plans: [free, starter, pro, enterprise]", "plans: 3", "^plans", "plans", "write a list"),
    Mistake("list for keys", SF, "  roles: {} ", "  roles: [csm] ", "^roles", "roles", "`key: value` lines"),
    Mistake("text for keys", SF, "api_budget: {share: 0.5, floor: 0.1}", "api_budget: half", "^api_budget", "api_budget", "`key: value`"),
    Mistake("two texts for one", SF, "  owner: OwnerId\n  country", "  owner: [A, B]\n  country", "^owner: [A", "owner", "one text"),
    Mistake("nothing for text", SF, "  status: Status", "  status:", "^status:", "task.status", "write a text"),
    Mistake("policy typo", SF, "policy: own}\n    Expansion_Score", "policy: owm}\n    Expansion_Score", "policy: owm", "owm", "mean own?"),
    Mistake("type typo", SF, "score (%), type: number", "score (%), type: nubmer", "type: nubmer", "nubmer", "mean number?"),
    Mistake("role typo", TALKS, "role: ae\n      due: 2\n      subject:\n        en: \"Call", "role: ea\n      due: 2\n      subject:\n        en: \"Call", "^role: ea", "ea", "one of ae, csm"),
    Mistake("unknown stage", SF, "    confront: Expansion", "    confrnt: Expansion", "^confrnt", "confrnt", "mean confront?"),
    Mistake("language code", CATALOG, "{en: Free plan, fr:", "{en: Free plan, de:", "de: Offre", "de", "one of en, fr"),
    Mistake("wrong version", SF, "version: 1", "version: 2", "^version", "version 2 is not known", "version: 1"),
    Mistake("name is not the file's", SF, "name: salesforce", "name: sales", "^name: sales", "differs from the file's", "name: salesforce"),
    Mistake("version as text", FX, "version: 1", "version: one", "^version", "got 'one'", "write a number"),
    Mistake("no such day", FX, "since: 2024-01-01, rate: \"0.92\"", "since: 2024-13-01, rate: \"0.92\"", "since: 2024-13", "since", "write a day like"),
    # YAML itself ----------------------------------------------------------------------------------------------------
    Mistake("tab", SF, "  name: Name\n  domain", "\tname: Name\n  domain", "^\tname", "\\t", "tab by spaces"),
    Mistake("indentation", SF, "  stage: StageName", "   stage: StageName", "stage: StageName", "not valid YAML", "indentation|line up"),
    Mistake("open quote", SF, "label: Expansion need,", "label: 'Expansion need,", "$eof", "not valid YAML", "quote"),
    Mistake("open bracket", SF, "  done: [Completed]", "  done: [Completed", ": Deferred", "not valid YAML", "close the bracket|quotes"),
    Mistake("unquoted template", SF, "{value: '{{ amount }}', policy: merge}", "{value: {{ amount }}, policy: merge}", "{ amount", "a key must be a word", "quotes"),
    Mistake("colon in text", SF, "open: Not Started", "open: Not: Started", ": Started", "mapping values", "quotes"),
    Mistake("duplicate key", SF, "namespace: expansion ", "crm: hubspot\nnamespace: expansion ", "^crm: hubspot", "'crm' stands twice", "keep one"),
    Mistake("duplicate field", SF, AMOUNT, f"{AMOUNT}\n{AMOUNT}", "$second Amount: {value", "'Amount' stands twice", "keep one"),
    Mistake("undefined alias", SF, "default_language: en", "default_language: *english", "*english", "undefined alias", "`*alias` needs"),
    Mistake("alias of itself", CATALOG, "plans: [free", "plans: &all [*all, free", "&all", "contains itself", "remove the `*alias`"),
    Mistake("merge of itself", SF, "api_budget: {share", "api_budget: &b {<<: *b, share", "<<", "merges too much, or itself", "write the keys out"),
    Mistake("merge of a text", SF, "api_budget: {share", "api_budget: {<<: half, share", "half", "not valid YAML", ""),
    Mistake("python tag", SF, "default_language: en", "default_language: !!python/name:os.system en", "!!python", "not valid YAML", "leave the `!tag` out"),
    Mistake("two documents", SF, "\ntask:\n", "\n---\ntask:\n", "^---", "another document", "delete the `---`"),
    Mistake("NUL", SF, "default_language: en", "default_language: e\0n", "$line default_language", "U+0000", "delete it"),
    Mistake("control character", SF, "default_language: en", "default_language: e\x07n", "$line default_language", "U+0007", "delete it"),
    Mistake("starts with %", SF, "open: Not Started", "open: %started", "%started", "not valid YAML", "quotes"),
    Mistake("starts with @", SF, "open: Not Started", "open: @started", "@started", "not valid YAML", "quotes"),
    # Templates ------------------------------------------------------------------------------------------------------
    Mistake("unknown name", SF, AMOUNT, _field("{{ amout }}"), "amout", "unknown name 'amout'", "mean amount?"),
    Mistake("unknown part", SF, AMOUNT, _field("{{ account.nam }}"), "nam }", "unknown part of account 'nam'", "mean name?"),
    Mistake("unknown fact", SF, AMOUNT, _field("{{ account.facts.gaols }}"), "gaols", "unknown fact 'gaols'", "mean goals?"),
    Mistake("unknown filter", SF, AMOUNT, _field("{{ amount | rond(1) }}"), "rond", "unknown filter 'rond'", "mean round?"),
    Mistake("unknown test", SF, AMOUNT, _field("{% if amount is definde %}1{% endif %}"), "definde", "unknown test 'definde'", "defined"),
    Mistake("a call", SF, AMOUNT, _field("{{ name.upper() }}"), "upper", "a call is not allowed", "use a filter"),
    Mistake("hidden attribute", SF, AMOUNT, _field("{{ name.__class__ }}"), "__class__", "unknown part of name", "it has none"),
    Mistake("hidden item", SF, AMOUNT, _field('{{ name["__class__"] }}'), "__class__", "unknown part of name", "it has none"),
    Mistake("hidden by map", SF, AMOUNT, _field('{{ [name] | map(attribute="__class__") }}'), "map(attribute", "map takes one of our filters", "map('headline')"),
    Mistake("set", SF, AMOUNT, _field("{% set a = 1 %}{{ a }}"), "set", "{% set %} is not allowed", "where it is needed"),
    Mistake("include", SF, AMOUNT, _field('{% include "x" %}'), "include", "include is not allowed", "README"),
    Mistake("macro", SF, AMOUNT, _field("{% macro m() %}1{% endmacro %}"), "macro", "{% macro %} is not allowed", "where it is needed"),
    Mistake("power", SF, AMOUNT, _field("{{ 9 ** 9 ** 9 }}"), "**", "a power is not allowed", "multiply"),
    Mistake("a text multiplied", SF, AMOUNT, _field('{{ "x" * 1000000000 }}'), "value: '{{ \"x", "cannot be multiplied", "write it out"),
    Mistake("loop over a text", SF, AMOUNT, _field("{% for c in name %}{{ c }}{% endfor %}"), "name %}", "no list", "one of: none here"),
    Mistake("loops in loops", TALKS, "{% for line in evidence %}", "{% for a in evidence %}{% for b in evidence %}{% for c in evidence %}{% endfor %}{% endfor %}{% endfor %}{% for line in evidence %}", "for a in", "more than 2 loops", "one loop after"),
    Mistake("open brace", SF, AMOUNT, _field("{{ amount }"), "{{ amount }'", "template, its line 1", "its }}"),
    Mistake("no endif", TALKS, "{% endif %}\n    What it is worth", "What it is worth", "$line Data to {{", "template, its line", "its {% endif %}"),
    Mistake("name in a body", TALKS, "Why {{ account.name }}:", "Why {{ acount.name }}:", "acount", "unknown name 'acount'", "mean account?"),
    Mistake("filter in a body", TALKS, "likelihood {{ p | percent }}", "likelihood {{ p | percnt }}", "percnt", "unknown filter 'percnt'", "mean percent?"),
    Mistake("number as money", TALKS, "likelihood {{ p | percent }}", "likelihood {{ p | money }}", "$line en: |", "template:", "money an amount"),
    Mistake("huge template", SF, AMOUNT, _field("x" * 17_000), "value: 'xxx", "17,000 characters", "shorten it"),
    # What documents say of each other -------------------------------------------------------------------------------
    Mistake("own on a standard field", SF, AMOUNT, AMOUNT.replace("merge", "own"), "^Amount", "policy `own` on Amount", "policy `merge`"),
    Mistake("unknown need", SF, "need: mobile_access}", "need: mobile_acces}", "need: mobile_acces}", "unknown need", "mean mobile_access?"),
    Mistake("rule without a need", SF, ", need: mobile_access}", "}", "{field: Name, matches: '(?<!T", "tells nothing", "add `need: …`"),
    Mistake("open parenthesis", SF, "\\bupgrade\\b|", "(\\bupgrade\\b|", "matches: '(\\bup", "not a regular expression", "backslash"),
    Mistake("slow expression", SF, "'\\bupgrade\\b|", "'(a+)+$|", "matches: '(a+)+", "for ever", "repeat once"),
    Mistake("missing stage", SF, "    withdrawn: Closed Lost\n", "", "^stages:", "stages without a label: withdrawn", "for each"),
    Mistake("one stage twice", SF, "concretize: Expansion Sign", "concretize: Expansion Consult", "^concretize", "are one stage", "of its own"),
    Mistake("no link to the account", SF, "    account: AccountId\n", "", "^links:", "no link to the account", "add `account: …`"),
    Mistake("unknown link", SF, "    contact: ContactId ", "    contct: ContactId ", "^contct", "unknown link 'contct'", "mean contact?"),
    Mistake("kind without a type", SF, "{call: Call, email: Email, todo: Other}", "{call: Call, email: Email}", "^kinds", "kinds without a task type: todo", "for each"),
    Mistake("owner without an e-mail", SF, "  default: null", "  default: Ana Ruiz", "^default: Ana", "is no e-mail", "ana@example.com"),
    Mistake("share above 1", SF, "{share: 0.5,", "{share: 50,", "share: 50", "from 0 to 1", "half of the day's"),
    Mistake("key that is not unique", SF, "Expansion_Key__c: {label: Expansion key, length: 64, unique: true}\n    Expansion_Need", "Expansion_Key__c: {label: Expansion key, length: 64}\n    Expansion_Need", "^Expansion_Key__c: {label: Expansion key, length: 64}", "not unique", "`unique: true`"),
    Mistake("field too long", SF, "length: 32000}", "length: 9000000}", "length: 9000000", "9,000,000 characters", "131,072"),
    Mistake("field not ours", SF, "    Expansion_Play__c: {label", "    Play__c: {label", "^Play__c", "does not start with Expansion_", "Expansion_Play__c"),
    Mistake("unknown offer", CATALOG, "sold_with: [pro, enterprise]", "sold_with: [pro, enterprize]", "^sold_with: [pro, enterprize", "unknown offer", "mean enterprise?"),
    Mistake("cycle", CATALOG, "    used_when: envelopes\n", "    used_when: envelopes\n    prerequisites: [signature_volume]\n", "^prerequisites: [signature]", "go round", "take one away"),
    Mistake("needs itself", CATALOG, "prerequisites: [signature]", "prerequisites: [signature_volume]", "^prerequisites: [signature_v", "go round", "take one away"),
    Mistake("unknown metric", CATALOG, "used_when: envelopes", "used_when: envelops", "^used_when: envelops", "unknown metric", "mean envelopes?"),
    Mistake("missing text", CATALOG, "{en: Analytics, fr: Analytics}", "{en: Analytics}", "^label: {en: Analytics}", "no text in fr", "add `fr: …`"),
    Mistake("unknown offer of a product", STRIPE, "{offer: pro, product", "{offer: por, product", "offer: por", "unknown offer 'por'", "mean pro?"),
    Mistake("unknown column", FILES, "{account_id: account_id, day:", "{acount_id: account_id, day:", "acount_id", "unknown column", "mean account_id?"),
    Mistake("unknown feature", SIGNALS, "{feature: days_near_limit, at_least", "{feature: days_near_limt, at_least", "feature: days_near_limt", "unknown feature", "mean days_near_limit?"),
    Mistake("number for a flag", SIGNALS, "{feature: owns.mobile, is_true: false}", "{feature: owns.mobile, at_most: 0}", "feature: owns.mobile, at_most", "owns.mobile is a flag, compared as a number", "is_true: true"),
    Mistake("day for a number", SIGNALS, "{feature: days_to_renewal, at_least: 0, at_most: 120}", "{feature: renewal_on, at_most: 120}", "feature: renewal_on", "renewal_on is a day, compared as a number", "absent_for"),
    Mistake("absence of a number", SIGNALS, "{feature: metrics_used, at_most: 2}", "{feature: metrics_used, absent_for: 2}", "feature: metrics_used, absent", "metrics_used is a number, compared as a day", "at_least"),
    Mistake("bounds turned round", SIGNALS, "days_to_renewal, at_least: 0, at_most: 120", "days_to_renewal, at_least: 120, at_most: 0", "feature: days_to_renewal, at_least: 120", "nothing lies between 120 and 0", "turn the bounds"),
    Mistake("change without a bound", SIGNALS, "{feature: tenure_days, below: 60}", "{feature: tenure_days, changed_from: seats}", "changed_from: seats}", "a change without a bound", "at_least: 0.1"),
    Mistake("change from nothing known", SIGNALS, "{feature: tenure_days, below: 60}", "{feature: tenure_days, changed_from: seat, below: 60}", "changed_from: seat,", "unknown feature 'seat'", "mean seats?"),
    Mistake("bound on nothing", SIGNALS, "{feature: tenure_days, below: 60}", "{below: 60}", "^when: {below", "a comparison without a feature", "feature: …"),
    Mistake("a metric's number of an account", SIGNALS, "{feature: tenure_days, below: 60}", "{feature: active_days, below: 6}", "feature: active_days, below: 6", "told of each metric, and this rule looks at each account", "per: metric"),
    Mistake("flat curve", SIGNALS, "zero_at: 0, full_at: 18", "zero_at: 18, full_at: 18", "^strength: {of: days_near_limit, zero_at: 18", "the same", "two numbers"),
    Mistake("unknown currency", POLICY, "reporting_currency: EUR", "reporting_currency: EURO", "^reporting_currency", "unknown currency", "mean EUR?"),
    Mistake("bounds that cross", POLICY, "p_bounds: [0.01, 0.8]", "p_bounds: [0.8, 0.01]", "^p_bounds", "no bounds", "[0.01, 0.8]"),
    Mistake("percent for a share", POLICY, "base_rate: 0.03", "base_rate: 3.0", "^base_rate", "from 0 to 1", "5 %"),
    Mistake("count below 0", POLICY, "per_account: 2", "per_account: -2", "^per_account: -2", "below 0", "how many"),
    Mistake("latest before earliest", POLICY, "latest: 120", "latest: 3", "^latest", "before earliest", "the larger one"),
    Mistake("four cron fields", SCHEDULE, '"30 5 * * 1-5"', '"30 5 * *"', "^cron", "five fields, this one 4", "minute hour day"),
    Mistake("cron hour 25", SCHEDULE, '"30 5 * * 1-5"', '"30 25 * * 1-5"', "^cron", "'25' is no hour", "from 0 to 23"),
    Mistake("no time at all", SCHEDULE, '    cron: "30 5 * * 1-5"\n', "", "^nightly", "either cron or every_minutes", "exactly one"),
    Mistake("time zone", SCHEDULE, "Europe/Paris", "Europe/Pariss", "^timezone", "unknown time zone", "mean Europe/Paris?"),
    Mistake("step typo", TALKS, "after: [listen]", "after: [lisen]", "lisen]", "unknown step 'lisen'", "mean listen?"),
    Mistake("waits for itself", TALKS, "after: [options]", "after: [compare]", "compare]", "unknown step 'compare'", "known:"),
    Mistake("steps that wait for each other", TALKS, "    - id: summary\n", "    - id: summary\n      after: [sign]\n", "^after: [sign]", "wait for each other", "take one `after` away"),
    Mistake("unknown stage of a playbook", TALKS, "  confront:\n", "  confrond:\n", "^confrond", "confrond", "mean confront?"),
    Mistake("unknown stage of silence", TALKS, "stages: [consult, confront", "stages: [consult, confrond", "confrond", "confrond", "mean confront?"),
    Mistake("offer of nobody", TALKS, "    - id: listen\n", "    - id: listen\n      when: {offers: [analytic]}\n", "analytic]", "unknown offer", "mean analytics?"),
    Mistake("delay before the stage", TALKS, "    - id: listen\n      kind: call\n      role: ae\n      due: 2", "    - id: listen\n      kind: call\n      role: ae\n      due: -2", "^due: -2", "lies before", "days after"),
    Mistake("answer to nothing", TALKS, "      after: [check_and_call]\n", "", "^answered: [interested]", "an answer to nothing", "name the step"),
    Mistake("answer typo", TALKS, "answered: [interested]", "answered: [intrested]", "intrested]", "unknown answer", "mean interested?"),
    Mistake("follow-ups out of order", TALKS, "    - days: 14\n", "    - days: 7\n", "$line - days: 7 2", "comes no later", "each more"),
    Mistake("silence of no days", TALKS, "    - days: 7\n", "    - days: 0\n", "days: 0", "must be above 0", "business days"),
    Mistake("exit without French", TALKS, "        fr: \"une date figure-t-elle dans les deux agendas ?\"\n", "", "$line exit: 2", "no text in fr", "add `fr: …`"),
    Mistake("letter that tells on them", TALKS, "            Before suggesting", "            {{ p | percent }} Before suggesting", "p | percent }} Before", "unknown name 'p'", ""),
    Mistake("cadence twice", REVIEW, "{segments: [mid_market]", "{segments: [enterprise]", "segments: [enterprise], every_months: 6", "has a cadence above", "one line"),
    Mistake("cadence after all", REVIEW, "  - {every_months: 12}", "  - {every_months: 12}\n  - {segments: [smb], every_months: 9}", "{segments: [smb]", "a line above takes every", "put the one without"),
    Mistake("signal of a play", PLAYS, "signals: [explored]", "signals: [explord]", "explord]", "unknown signal", "mean explored?"),
    Mistake("plays that fight", PLAYS, "signals: [explored]", "signals: [explored, organisation_changed]", "trigger: {kind: signal, signals: [explored, org", "both begin with organisation_changed", "make them one play"),
    Mistake("news of nobody", PLAYS, "trigger: {kind: dormant, days: 60}", "trigger: {kind: signal}", "trigger: {kind: signal}\n", "does not say which signal", "signals: […]"),
    Mistake("step after the end", PLAYS, "lasts_days: 75", "lasts_days: 45", "days: 60", "never comes: the play is over", "last longer"),
    Mistake("step before the sale", PLAYS, "        days: 7\n", "        days: -7\n", "^days: -7", "lies before", "days after"),
    Mistake("step for others", PLAYS, "      - id: offer_trial\n", "      - id: offer_trial\n        when: {kinds: [upsell]}\n", "^when: {kinds: [upsell]}", "nobody gets step", "play is for"),
    Mistake("kept from nobody", POLICY, "internal: [peers,", "internal: [peer,", "peer,", "unknown signal", "mean peers?"),
    Mistake("picklist of nothing", SF, "      type: picklist\n      options:\n        need_found: \"Need found / Besoin trouvé\"\n        meeting_agreed: \"Meeting agreed / Rendez-vous convenu\"\n        \"no\": \"No / Non\"\n", "      type: picklist\n", "^Expansion_Review_Outcome__c:", "a picklist needs some", "options:"),
    Mistake("same step twice", TALKS, "- id: meet", "- id: listen", "$line id: listen 2", "stands twice", "task's key"),
    Mistake("rate of 0", FX, 'rate: "0.92"', 'rate: "0"', 'rate: "0"', "above 0", "one unit"),
    Mistake("fee of a module", CATALOG, "need: reporting\n", "need: reporting\n    one_off: [mobile]\n", "^one_off", "no one-off service", "recurring: false"),
    Mistake("no partner named", CATALOG, "need: mobile_access\n", "need: mobile_access\n    delivered_by: partner\n", "^delivered_by", "nobody delivers", "add `partners:"),
    Mistake("partner in vain", CATALOG, "need: mobile_access\n", "need: mobile_access\n    partners: [{name: Nord}]\n", "^partners", "never asked", "delivered_by: partner"),
    Mistake("use of what", CATALOG, "need: reporting\n", "need: reporting\n    from_use: {metric: report_built, at_least: 9}\n", "metric: report_built", "unknown metric", "mean reports_built?"),
    Mistake("worth nothing", CATALOG, "need: mobile_access\n", "need: mobile_access\n    worth: {metric: documents, source: {en: us, fr: nous}}\n", "worth: {metric: documents, source", "no worth", "add hours_per_unit"),
    Mistake("proof nowhere", CATALOG, "need: faster_support\n", "need: faster_support\n    proof: [{label: {en: a, fr: b}, url: our site}]\n", "url: our site", "no address", "https://"),
    Mistake("discount of all", POLICY, "percent: 10, when: renewal", "percent: 100, when: renewal", "percent: 100", "from 0 to 100", "10 %"),
    Mistake("discount on what", POLICY, "percent: 10, when: renewal", "percent: 10, offers: [mobil], when: renewal", "offers: [mobil]", "unknown offer", "mean mobile?"),
    Mistake("outcome typo", SF, "outcome: not_useful}", "outcome: useless}", "outcome: useless", "useless", "not_useful"),
    Mistake("outcome no pattern", SF, "matches: '^not_useful'", "matches: '('", "matches: '('", "regular expression", ""),
    Mistake("quotes in the past", POLICY, "quote_days: 45", "quote_days: -45", "^quote_days", "must not be below 0", "how many"),
    Mistake("reason nobody gives", SAVE, "unhealthy_nps:", "unhealthy_nsp:", "^unhealthy_nsp", "unhealthy_nsp", "mean unhealthy_nps?"),
    Mistake("number of another reason", SAVE, "{{ count }}\"\n      fr", "{{ days }}\"\n      fr", "days }}\"\n      fr", "days", "count"),
    Mistake("quiet below nothing", SAVE, "quiet_days: 60", "quiet_days: -1", "^quiet_days", "must not be below 0", "how many"),
    Mistake("window the wrong way", REVIEW, "[90, 120]", "[120, 90]", "^before_renewal", "no window", "[90, 120]"),
    # Examples -------------------------------------------------------------------------------------------------------
    Mistake("example that fails", SF, "\ntask:\n", "\n  examples:\n    - {given: {p: 0.5}, expect: {Expansion_Score__c: '51.0'}}\n\ntask:\n", "Expansion_Score__c: '51.0'", "got '50.0', expected '51.0'", "mend the rule"),
    Mistake("example of no field", SF, "\ntask:\n", "\n  examples:\n    - {given: {p: 0.5}, expect: {Expansion_Scor__c: '50.0'}}\n\ntask:\n", "Expansion_Scor__c", "nothing makes 'Expansion_Scor__c'", "mean Expansion_Score__c?"),
    Mistake("example of an unknown name", SF, "\ntask:\n", "\n  examples:\n    - {given: {account.nam: A}, expect: {Name: A}}\n\ntask:\n", "account.nam", "unknown name 'nam'", "mean name?"),
    Mistake("example of a wrong kind", SF, "\ntask:\n", "\n  examples:\n    - {given: {p: high}, expect: {Name: A}}\n\ntask:\n", "p: high", "'high' is no value for p", "write a number"),
    Mistake("example of a deal's name", SF, "  links:\n    account: AccountId", "  people_examples:\n    - {text: Upgrade to Pro plan, need: reporting}\n  links:\n    account: AccountId", "{text: Upgrade", "tells need higher_plan, expected need reporting", "first rule"),
    Mistake("example of a signal", SIGNALS, "    weight: 2.6\n", "    weight: 2.6\n    examples:\n      - {given: {limit: 50, utilisation: 0.5, days_near_limit: 9}}\n", "{given: {limit: 50", "does not fire, expected that it fires", "mend `when`"),
)  # fmt: skip

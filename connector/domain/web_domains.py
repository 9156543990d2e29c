"""What a web address or e-mail domain says about whose it is: a company's own, or one that thousands share.

Decided here: a shared domain never matches anybody. It is told by a list, because a mail provider looks like any other
company's domain; what the list does not know is caught later, where the names do not agree.
"""

from __future__ import annotations

import re
from functools import lru_cache

SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
HOST = re.compile(r"^[^\s/?#:@,;]+(?=[/?#:]|$)")

FREE_MAIL = frozenset(
    "126.com 163.com 139.com 189.cn 21cn.com abv.bg alice.it aliceadsl.fr aim.com aol.com aol.fr aol.de arcor.de"
    " att.net bbox.fr bell.net bellsouth.net bigpond.com bigpond.net.au bk.ru blueyonder.co.uk bluewin.ch bol.com.br"
    " btinternet.com btopenworld.com cegetel.net centurylink.net centrum.cz charter.net club-internet.fr comcast.net"
    " cox.net daum.net duck.com earthlink.net email.com email.cz email.it eircom.net estvideo.fr fastmail.com"
    " fastmail.fm fastwebnet.it foxmail.com free.fr freemail.hu freenet.de frontier.com frontiernet.net gmail.com"
    " googlemail.com gmx.at gmx.ch gmx.com gmx.de gmx.fr gmx.net hanmail.net hetnet.nl hey.com home.nl hotmail.be"
    " hotmail.ca hotmail.ch hotmail.co.uk hotmail.com hotmail.com.au hotmail.com.br hotmail.de hotmail.es hotmail.fr"
    " hotmail.it hotmail.nl hotmail.se hushmail.com icloud.com ig.com.br inbox.com inbox.lv inbox.ru infomaniak.ch"
    " infonie.fr interia.pl juno.com kpnmail.nl laposte.net libero.it list.ru live.be live.ca live.co.uk live.com"
    " live.com.au live.de live.dk live.fr live.it live.nl live.no live.se mac.com mail.com mail.de mail.ee mail.ru"
    " mailbox.org me.com msn.com mweb.co.za mynet.com naver.com nate.com neuf.fr netcourrier.com netscape.net"
    " netzero.net numericable.fr ntlworld.com o2.pl online.de online.no onet.pl op.pl optonline.net optusnet.com.au"
    " orange.fr orange.net outlook.be outlook.co outlook.com outlook.com.br outlook.de outlook.dk outlook.es outlook.fr"
    " outlook.ie outlook.it outlook.pt pacbell.net planet.nl pm.me posteo.de posteo.net proton.me protonmail.ch"
    " protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com rogers.com runbox.com sapo.pt sbcglobal.net"
    " scarlet.be seznam.cz sfr.fr shaw.ca sina.com skynet.be sky.com sohu.com startmail.com sunrise.ch swissonline.ch"
    " sympatico.ca t-online.de talktalk.net tele2.nl telefonica.net telenet.be telus.net terra.com.br terra.es"
    " tin.it tiscali.co.uk tiscali.it tutanota.com tuta.io ukr.net uol.com.br verizon.net videotron.ca"
    " virgilio.it virginmedia.com vodafone.de volny.cz wanadoo.fr wanadoo.es web.de windowslive.com wp.pl xs4all.nl"
    " xtra.co.nz yahoo.ca yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.ar yahoo.com.au"
    " yahoo.com.br yahoo.com.mx yahoo.com.sg yahoo.de yahoo.es yahoo.fr yahoo.ie yahoo.in yahoo.it yahoo.se yandex.com"
    " yandex.ru ya.ru yeah.net ymail.com zeelandnet.nl ziggo.nl zoho.com zohomail.com bluemail.ch hispeed.ch"
    " mailinator.com guerrillamail.com yopmail.com 10minutemail.com tempmail.com trashmail.com sharklasers.com".split()
)
"""Domains under which anybody has an e-mail address."""
HOSTED = frozenset(
    "facebook.com fb.com linkedin.com instagram.com twitter.com x.com youtube.com tiktok.com xing.com "
    "github.com github.io gitlab.io google.com goo.gl business.site bit.ly linktr.ee wixsite.com wix.com "
    "wordpress.com blogspot.com tumblr.com medium.com substack.com squarespace.com weebly.com jimdo.com "
    "jimdosite.com jimdofree.com webflow.io myshopify.com etsy.com ebay.com ebay.de amazon.com notion.site "
    "herokuapp.com netlify.app vercel.app web.app firebaseapp.com azurewebsites.net onmicrosoft.com "
    "cloudfront.net amazonaws.com pagesperso-orange.fr privaterelay.appleid.com appleid.com".split()
)
"""Domains under which anybody has a page."""
SECOND_LEVEL = frozenset("ac co com edu gob gouv gov gv ltd me mil net nhs nom or org plc sch asso".split())
"""`co.uk` and the like: under a country's domain these are nobody's own."""

SOLD_TO_ALL = frozenset(
    "ac ag ai am bz cc cd co eu fm gg im io is la li ly me mu nu pw sc sh so st to tv vc ws".split()
)
"""Countries' endings that companies everywhere take for their look."""


def country_of_domain(domain: str) -> str | None:
    """The country whose ending a domain has, unless companies everywhere take it."""
    ending = domain.rpartition(".")[2]
    if len(ending) != 2 or ending in SOLD_TO_ALL:
        return None
    return "GB" if ending == "uk" else ending.upper()


def plain_domain(text: str | None) -> str | None:
    """The bare host of a web address, e-mail address or domain, lower case."""
    bare = SCHEME.sub("", (text or "").strip().casefold()).removeprefix("mailto:").split("/")[0].rpartition("@")[2]
    found = HOST.match(bare)
    host = found[0].strip(".").removeprefix("www.") if found else ""
    return host or None


@lru_cache(maxsize=262_144)
def own_domain(text: str | None) -> str | None:
    """The domain that a company registered for itself; None for a shared one, and for what is no domain.

    `shop.acme.co.uk` gives `acme.co.uk`; an accented one gives the form that mail and DNS use.
    """
    host = plain_domain(text)
    if host is None or "." not in host or host.replace(".", "").isdigit():
        return None
    try:
        labels = host.encode("idna").decode("ascii").split(".")
    except UnicodeError:
        return None
    length = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SECOND_LEVEL else 2
    registered = ".".join(labels[-length:])
    is_shared = registered in FREE_MAIL or registered in HOSTED or host in FREE_MAIL or host in HOSTED
    is_suffix = len(labels) == 2 and len(labels[-1]) == 2 and labels[0] in SECOND_LEVEL
    return None if is_shared or is_suffix else registered


def label(domain: str) -> str:
    """The part of a company's own domain that is its name: `acme` of `acme.co.uk`, without hyphens."""
    return domain.split(".", maxsplit=1)[0].replace("-", "")

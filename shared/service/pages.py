"""HTML pages of a service; every resource that they load comes from the service itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from starlette.responses import HTMLResponse, Response

from shared.version import VERSION

POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; {more}frame-ancestors 'none'"
)
"""Content-Security-Policy: no resources of other origins, no inline scripts."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem;
  color: #1c2430; background: #fff; }}
code {{ font-family: ui-monospace, monospace; background: #eef1f5; padding: .1em .3em; }}
pre {{ background: #eef1f5; padding: .6em .8em; overflow-x: auto; }} pre code {{ padding: 0; }}
td, th {{ text-align: left; vertical-align: top; padding: .15em .8em .15em 0; }}
a {{ color: #0b57a4; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e4e8ee; background: #14181f; }}
  code, pre {{ background: #262d38; }} a {{ color: #8ec1f5; }} }}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""

_FRONT = """<h1>{title}</h1>
<p>{about} Version {version}.</p>
<ul>
{links}
</ul>
{words}"""

TOKEN = (
    "<p>Every request brings a token: <code>Authorization: Bearer …</code>. On a stack of your own machine"
    " <code>headrace token NAME</code> makes one; elsewhere the operator of this service gives it to you.</p>"
)


@dataclass(frozen=True, slots=True)
class Link:
    """One line of a page: an address, relative to the origin or absolute, and its description."""

    url: str
    words: str


def front_page(title: str, about: str, links: Sequence[Link]) -> Response:
    """The page at the root of a service."""
    lines = (f'<li><a href="{escape(link.url)}">{escape(link.words)}</a></li>' for link in links)
    body = _FRONT.format(
        title=escape(title), about=escape(about), version=VERSION, links="\n".join(lines), words=TOKEN
    )
    return html(page(title, body))


def page(title: str, body: str) -> str:
    """A whole page around `body`, which is HTML."""
    return _PAGE.format(title=escape(title), body=body)


def html(text: str, *, policy: str = "") -> Response:
    """A response that no other site may frame; `policy` extends its Content-Security-Policy."""
    headers = {
        "Content-Security-Policy": POLICY.format(more=policy),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(text, headers=headers)

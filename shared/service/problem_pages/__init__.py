"""Serves a page about each problem, from the Markdown files beside this module: `/problems/expired`.

Every problem response names its page in `Link` (`rel="help"`); its `type` stays a URN, independent of the
service's address. Browsers get HTML, all other clients the Markdown.
"""

import re
from functools import lru_cache
from pathlib import Path

from markdown_it import MarkdownIt
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.contract import problems
from shared.contract.problems import PAGES
from shared.service.pages import html, page

PLACE = Path(__file__).parent
INDEX = "README"
NAMES = {"": INDEX} | {kind.slug: kind.slug for kind in problems.ALL}
"""The file of each page, by the last part of its path."""

_LINK = re.compile(r"\[([^]]*)\]\(([^)]+)\)")


def routes() -> list[Route]:
    """The routes of the pages."""
    return [Route(PAGES + "{slug}", _page), Route(PAGES, _page)]


async def _page(request: Request) -> Response:
    slug = request.path_params.get("slug", "")
    if slug not in NAMES:
        raise HTTPException(404, "there is no problem of this name")
    wants_html = "text/html" in request.headers.get("Accept", "")
    answer = _page_response(slug) if wants_html else Response(_markdown(slug), media_type="text/markdown")
    answer.headers["Vary"] = "Accept"
    return answer


def _page_response(slug: str) -> Response:
    return html(page(f"Headrace: {slug or 'problems'}", _render(slug)))


@lru_cache
def _render(slug: str) -> str:
    rendered: str = MarkdownIt("commonmark").enable("table").render(_markdown(slug))
    return rendered


@lru_cache
def _markdown(slug: str) -> str:
    text = (PLACE / f"{NAMES[slug]}.md").read_text()
    return _LINK.sub(_serve_link, text)


def _serve_link(link: re.Match[str]) -> str:
    """Rewrite a link between pages to its served path; other links become plain text."""
    words, target = link.groups()
    if "/" not in target:
        return f"[{words}]({target.removesuffix('.md')})"
    place = target.removeprefix("../../").partition("#")[0]
    return f"`{place}`" if words.endswith(".md") else f"{words} (`{place}`)"

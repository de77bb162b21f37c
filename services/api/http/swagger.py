"""Swagger UI for an OpenAPI document; all that the page loads comes from the same service.

The assets are those of the package `fastapi-swagger`.
"""

from html import escape
from string import Template

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from shared.service.pages import html

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>$title</title>
<link rel="icon" href="$folder/assets/favicon-32x32.png">
<link rel="stylesheet" href="$folder/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="$folder/assets/swagger-ui-bundle.js"></script>
<script src="$folder/start.js"></script>
</body>
</html>
""")
_START = Template("""SwaggerUIBundle({
    url: "$document", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true, filter: true,
    presets: [SwaggerUIBundle.presets.apis], validatorUrl: null,
});
""")


def page(title: str, folder: str) -> Response:
    """The page; `folder` is the path, relative to the page, of its `start.js` and its `assets/`."""
    return html(_PAGE.substitute(title=escape(title), folder=folder))


def start_script(document: str) -> Response:
    """The page's script; `document` is the path of the OpenAPI document, relative to the page."""
    return Response(_START.substitute(document=document), media_type="text/javascript")


def assets() -> StaticFiles:
    """The page's assets."""
    return StaticFiles(packages=[("fastapi_swagger", "resources")])

"""Renders a page from its template, in one language, with the headers of the console."""

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from node.console.languages import LANGUAGES, Texts
from node.console.page_types import PREFIX, View, address
from node.console.response_headers import PAGE_HEADERS
from node.console.view_values import code_parts, date_of, id_of, sentence, time_of
from node.console.visible_text import finalized

_TEMPLATES: Final = Path(__file__).with_name("templates")
_ENVIRONMENT: Final = Environment(
    autoescape=True,
    undefined=StrictUndefined,
    loader=FileSystemLoader(_TEMPLATES),
    finalize=finalized,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.globals |= {
    "PREFIX": PREFIX,
    "LANGUAGES": LANGUAGES,
    "address": address,
    "time_of": time_of,
    "date_of": date_of,
    "id_of": id_of,
    "code_parts": code_parts,
}
_ENVIRONMENT.filters["sentence"] = sentence


def rendered(view: View, texts: Texts, **frame: Any) -> HTMLResponse:
    """The page as an answer; `frame` is what every page shows, such as the menu."""
    template = _ENVIRONMENT.get_template(view.template)
    html = template.render(
        t=texts.text,
        t_or=texts.text_or,
        label=texts.label,
        language=texts.language,
        title=texts.text(view.title),
        **frame,
        **view.values,
    )
    return HTMLResponse(html, status_code=view.status, headers=dict(PAGE_HEADERS))

"""The console over HTTP: who gets in, what a form needs, what is logged, and that no text becomes markup."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import httpx
import pytest

from node.clock import now_ms
from node.console.form_body import BODY_SIZE_BYTES_MAX
from node.console.login_limit import FAILURES_MAX
from node.console.pages import PAGES
from node.console.response_headers import CONTENT_SECURITY_POLICY, PAGE_HEADERS
from node.console.sessions import IDLE_MS_MAX
from node.database.engine import Store
from node.errors import Unavailable
from node.limits import DAY_MS
from node.runtime.home import Home
from node.store import access_log
from node.store.access_log import Entry
from tests.support.console_site import HOSTILE, TOKENS, ConsoleClient, console_client

SOME_ID = "8b8be73a-f678-5a5b-86a4-799c3959547f"
GET_PAGES = sorted({page.path.replace("{id}", SOME_ID) for page in PAGES if page.method == "GET"})
ALL_REPORTS = "/reports?since=2020-01-01"


async def entries(store: Store) -> list[Entry]:
    """The consultations of the access log, the newest first."""
    found = await store.read(lambda db: access_log.newest(db, limit=1000))
    return [entry for entry in found if entry.operation == "CONSULTATION"]


async def reports(client: ConsoleClient) -> list[str]:
    """The addresses of all reports."""
    return re.findall(r'href="/console(/reports/[0-9a-f-]+)"', (await client.get(ALL_REPORTS)).text)


@pytest.mark.parametrize("path", [*GET_PAGES, "/nothing"])
async def test_without_a_session_each_page_leads_to_the_login(home: Home, path: str) -> None:
    """No page shows anything, also not whether there is such a page; the login leads back to it."""
    async with console_client(home) as client:
        answer = await client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/console/login")
        assert answer.text == ""


async def test_without_a_session_no_action_is_done(home: Home) -> None:
    """A POST leads to the login too."""
    async with console_client(home) as client:
        for page in PAGES:
            if page.method == "POST":
                answer = await client.post(page.path.replace("{id}", SOME_ID))
                assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")


@pytest.mark.parametrize("token", sorted(TOKENS))
async def test_each_page_needs_one_of_its_scopes(home: Home, token: str) -> None:
    """Without it the page says which scopes are needed, and shows nothing else of itself."""
    async with console_client(home) as client:
        await client.ready(token)
        for page in PAGES:
            path = page.path.replace("{id}", SOME_ID)
            answer = await (client.get(path) if page.method == "GET" else client.post(path))
            allowed = not page.scopes.isdisjoint(TOKENS[token])
            assert (answer.status_code == 403) is not allowed, (token, path)
            if not allowed:
                assert all(f"<code>{scope.value}</code>" in answer.text for scope in page.scopes)


async def test_every_answer_has_the_headers_that_protect_it(home: Home) -> None:
    """Pages, errors, redirects and files: the policy admits nothing inline and nothing from elsewhere."""
    async with console_client(home) as client:
        answers = [await client.get(path) for path in ("/login", "/", "/assets/console.css", "/assets/console.js")]
        await client.ready("everything")
        answers += [await client.get(path) for path in (*GET_PAGES, "/nothing", "/reports/no-id", "/assets/icon.svg")]
        for answer in answers:
            for name, value in PAGE_HEADERS.items():
                if name != "Cache-Control":
                    assert answer.headers.get(name) == value, (answer.url, name)
            is_asset = "/assets/" in answer.url.path
            assert ("no-store" in answer.headers["cache-control"]) is not is_asset
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY


async def test_a_file_that_the_browser_has_is_not_sent_again(home: Home) -> None:
    """Its tag answers 304."""
    async with console_client(home) as client:
        tag = (await client.get("/assets/console.css")).headers["etag"]
        again = await client.http.get("/console/assets/console.css", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")


async def test_the_cookie_of_a_session_is_for_this_console_only(home: Home) -> None:
    """No script reads it, no other site makes the browser send it; over TLS it is never sent without."""
    async with console_client(home) as client:
        cookie = (await client.log_in("analyst")).headers["set-cookie"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/console"))
        assert "Secure" not in cookie
        client.http.base_url = httpx.URL("https://node.example")
        client.http.cookies.clear()
        assert "Secure" in (await client.log_in("analyst")).headers["set-cookie"]


async def test_each_login_has_a_new_session_and_ends_the_one_before(home: Home) -> None:
    """An id that somebody planted before the login is worth nothing."""
    async with console_client(home) as client:
        client.http.cookies.set("enlace_console", "planted", domain="node.example", path="/console")
        await client.log_in("analyst")
        first = client.http.cookies["enlace_console"]
        assert first != "planted"
        await client.log_in("officer")
        assert client.http.cookies["enlace_console"] != first
        client.http.cookies.set("enlace_console", first, domain="node.example", path="/console")
        assert (await client.get("/streams")).status_code == 303


@pytest.mark.parametrize("token", ["wrong", "", " ", "x" * 600, "é", "a\nb", "a\x00b"])
async def test_a_token_that_is_not_valid_begins_no_session(home: Home, token: str) -> None:
    """The form comes again with the reason, and never with the token."""
    async with console_client(home) as client:
        answer = await client.log_in(token)
        assert answer.status_code == 401
        assert "enlace_console" not in client.http.cookies
        assert "This token is not valid" in answer.text
        assert [part for part in token.split(maxsplit=0) if part in answer.text] == []


async def test_an_address_that_fails_too_often_has_to_wait(home: Home) -> None:
    """Also with a valid token; the answer says how long."""
    async with console_client(home) as client:
        for _ in range(FAILURES_MAX):
            assert (await client.log_in("wrong")).status_code == 401
        answer = await client.log_in("analyst")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("change", ["form", "cookie", "site", "origin"])
async def test_no_other_site_can_log_somebody_in(home: Home, change: str) -> None:
    """Form and cookie must be of one page, and the browser must not name another site."""
    async with console_client(home) as client:
        await client.get("/login")
        headers = {"site": {"Sec-Fetch-Site": "cross-site"}, "origin": {"Origin": "https://evil.example"}}
        if change == "cookie":
            client.http.cookies.clear()
        form_token = "0" * 64 if change == "form" else client.form_token
        fields = {"form_token": form_token, "token": client.tokens["analyst"].token}
        answer = await client.http.post("/console/login", data=fields, headers=headers.get(change, {}))
        assert answer.status_code == 403
        assert "enlace_console" not in client.http.cookies


@pytest.mark.parametrize(
    "to",
    [
        *(
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "/console//evil.example",
            "javascript:alert(1)",
        ),
        *("/consolex/", "/console/\r\nSet-Cookie: a=b", "/console/<script>", "/console/ñ"),
    ],
)
async def test_no_link_leads_from_the_login_to_another_site(home: Home, to: str) -> None:
    """The first page comes instead."""
    async with console_client(home) as client:
        assert (await client.log_in("analyst", to=to)).headers["location"] == "/console/"
        language = await client.http.get("/console/language", params={"to": "es", "next": to})
        assert language.headers["location"] == "/console/"


async def test_the_forms_of_two_tabs_both_log_in(home: Home) -> None:
    """The second tab does not make the form of the first one old, and neither does its login."""
    async with console_client(home) as client:
        await client.get("/login")
        first = client.form_token
        for _ in range(2):
            await client.get("/login")
            fields = {"form_token": first, "token": client.tokens["analyst"].token}
            answer = await client.http.post("/console/login", data=fields)
            assert (answer.status_code, answer.headers["location"]) == (303, "/console/")


async def test_after_the_login_comes_the_page_that_was_asked_for(home: Home) -> None:
    """With its filters."""
    async with console_client(home) as client:
        to_login = (await client.get("/quarantine?code=key_unknown")).headers["location"]
        page = await client.get(to_login.removeprefix("/console"))
        wanted = re.search(r'name="next" value="([^"]+)"', page.text)
        assert wanted is not None
        assert wanted[1] == "/console/quarantine?code=key_unknown"
        assert (await client.post("/login", token=client.tokens["everything"].token, next=wanted[1])).headers[
            "location"
        ] == wanted[1]


@pytest.mark.parametrize("change", ["none", "other_session", "site", "origin"])
async def test_an_action_needs_a_form_of_its_own_session(home: Home, change: str) -> None:
    """Else it answers 403 and does nothing: purpose and reason stay as they are."""
    async with console_client(home) as client:
        await client.ready("everything")
        own = client.form_token
        headers = {"site": {"Sec-Fetch-Site": "same-site"}, "origin": {"Origin": "http://evil.example"}}
        if change == "other_session":
            async with console_client(home) as other:
                await other.ready("everything")
                own = other.form_token
        fields = {"form_token": "" if change == "none" else own, "purpose": "RESEARCH", "reason": "stolen"}
        answer = await client.http.post("/console/reason", data=fields, headers=headers.get(change, {}))
        assert answer.status_code == 403
        assert "stolen" not in (await client.get("/")).text
        assert "case 7" in (await client.get("/")).text


async def test_a_session_ends_with_its_token(home: Home) -> None:
    """A token that was revoked or has expired shows nothing any more."""
    begun = now_ms()
    times = [begun]
    async with console_client(home, now=lambda: times[-1]) as client:
        await client.ready("everything")
        await client.revoke("everything")
        assert (await client.get("/streams")).status_code == 303
        assert (await client.log_in("everything")).status_code == 401
        await client.ready("officer")
        times.append(begun + DAY_MS + 60_000)
        assert (await client.log_in("officer")).status_code == 401


async def test_an_idle_session_ends(home: Home) -> None:
    """After its idle time the next request leads to the login; the page names the time to the browser."""
    begun = now_ms()
    times = [begun]
    async with console_client(home, now=lambda: times[-1]) as client:
        await client.ready("everything")
        times.append(begun + IDLE_MS_MAX - 1)
        page = await client.get("/agreements")
        assert f'data-idle-seconds="{IDLE_MS_MAX // 1000}"' in page.text
        times.append(begun + 2 * IDLE_MS_MAX - 1)
        assert (await client.get("/agreements")).status_code == 303


async def test_logging_out_ends_the_session_and_not_only_the_cookie(home: Home) -> None:
    """A copy of the cookie is worth nothing afterwards."""
    async with console_client(home) as client:
        await client.ready("everything")
        copy = client.http.cookies["enlace_console"]
        answer = await client.post("/logout")
        assert answer.headers["location"] == "/console/login?ended=out"
        client.http.cookies.set("enlace_console", copy, domain="node.example", path="/console")
        assert (await client.get("/streams")).status_code == 303


async def test_nobody_is_logged_out_by_another_site(home: Home) -> None:
    """A POST without the text of the session ends nothing."""
    async with console_client(home) as client:
        await client.ready("everything")
        await client.http.post("/console/logout", data={"form_token": "x"})
        assert (await client.get("/streams")).status_code == 200


async def test_reports_are_shown_after_a_purpose_and_a_reason_only(home: Home) -> None:
    """Search and report ask for them first; then each entry of the access log has them."""
    async with console_client(home) as client:
        await client.log_in("analyst")
        for path in (ALL_REPORTS, f"/reports/{SOME_ID}"):
            assert (await client.get(path)).headers["location"].startswith("/console/reason?next=")
        assert (await client.give_reason("CROSS_CHECKING", " ")).status_code == 400
        assert (await client.give_reason("NO_PURPOSE", "case")).status_code == 400
        assert (await client.give_reason("RESEARCH", "case 9")).status_code == 303
        [first, *_] = await reports(client)
        await client.get(first)
        newest, *_ = await entries(client.served.store)
        assert (newest.actor, newest.purpose, newest.reason) == (
            f"token analyst ({client.tokens['analyst'].id})",
            "RESEARCH",
            "case 9",
        )
        assert newest.subject in first


async def test_a_question_that_finds_nothing_is_logged_too(home: Home) -> None:
    """With the question itself."""
    async with console_client(home) as client:
        await client.ready("analyst")
        answer = await client.get("/reports?text=nobodywrotethis")
        assert "no report that matches" in answer.text
        newest, *_ = await entries(client.served.store)
        assert (newest.hits, newest.query) == (0, '{"text":"nobodywrotethis","limit":25}')


async def test_without_the_entry_there_is_no_report(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the access log cannot be written, the page has an error and nothing of the report."""
    async with console_client(home) as client:
        await client.ready("analyst")

        async def full(_store: Store, _work: object) -> None:
            raise Unavailable("disk_full", "the disk is full")

        monkeypatch.setattr(Store, "write", full)
        answer = await client.get(ALL_REPORTS)
        assert answer.status_code == 503
        assert "disk_full" in answer.text
        assert "Chiquibul" not in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/reports?text=a&after=99999999999999999999999999", 400),
        ("/reports?text=a&after=-1", 400),
        ("/reports?since=yesterday", 400),
        ("/reports?since=2026-13-41", 400),
        ("/reports?value=X&scheme=NOTHING", 400),
        ("/reports?value=123&scheme=IMO", 400),
        ("/reports?subject=NOTHING", 400),
        ("/reports?text=" + "a" * 60_000, 200),
        ("/reports?text=%00%ED%A0%80%FF", 400),
        ("/reports?originator=%27%22%3E%3Cscript%3E", 200),
        ("/reports/no-id", 400),
        (f"/reports/{SOME_ID[:-1]}0", 404),
        ("/reports/%00", 400),
        (f"/sent/{SOME_ID[:-1]}0", 404),
        ("/sent?before=1e9", 400),
        ("/sent?before=9999999999999999999", 400),
        ("/access?since=never", 400),
        ("/access?before=x", 400),
        ("/quarantine/nothing", 404),
        ("/quarantine?code=%3Cscript%3E&originator=%F0%9F%98%80", 200),
        ("/withheld?agreement=%3Cscript%3E", 200),
        ("/agreements?from=%3Cscript%3E&to=%00", 200),
        ("/documents?kind=%3Cscript%3E&after=" + "z" * 3000, 200),
        ("/reports/../../etc/passwd", 404),
        ("/assets/..%2f..%2fapplication.py", 404),
    ],
)
async def test_bad_input_gets_a_page_that_says_what_is_wrong(home: Home, path: str, status: int) -> None:
    """Never a bug, and never markup of the caller."""
    async with console_client(home) as client:
        await client.ready("everything")
        answer = await client.get(path)
        assert answer.status_code == status, answer.text
        assert "<script>" not in answer.text
        if status == 400:
            assert re.search(r"<code>[a-z_]+</code>", answer.text)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"{}", "application/json"),
        (b"a" * (BODY_SIZE_BYTES_MAX + 1), "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(100)), "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"a=%FF", "application/x-www-form-urlencoded"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
    ],
)
async def test_what_is_not_a_small_form_is_refused(home: Home, content: bytes, media_type: str) -> None:
    """With the code `form_invalid`, with and without a session."""
    async with console_client(home) as client:
        for path in ("/login", "/reason"):
            answer = await client.http.post(f"/console{path}", content=content, headers={"Content-Type": media_type})
            assert (answer.status_code, "form_invalid" in answer.text) == (400, True)
            await client.ready("everything")


async def test_a_bug_shows_an_id_and_nothing_of_itself(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log has the rest."""
    async with console_client(home) as client:
        await client.ready("everything")

        async def broken(_store: Store, _work: object) -> None:
            raise KeyError("a secret")

        monkeypatch.setattr(Store, "read", broken)
        answer = await client.get("/withheld")
        assert answer.status_code == 500
        assert "a secret" not in answer.text
        assert re.search(r"report it with the id [0-9a-f]{16}", answer.text)


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("language", ["en", "es"])
async def test_hostile_text_is_text_on_every_page(home: Home, language: str) -> None:
    """There is one script, nothing inline, no image, and no address that leaves the console; the text is all there."""
    async with console_client(home) as client:
        client.http.headers["Accept-Language"] = language
        await client.ready("everything")
        await client.give_reason(reason=HOSTILE)
        paths = [
            *await reports(client),
            ALL_REPORTS,
            *GET_PAGES,
            f"/reports?text={HOSTILE}",
            f"/access?actor={HOSTILE}",
        ]
        shown = 0
        for path in paths:
            html = (await client.get(path)).text
            shown += html.count("&lt;script&gt;window.hit=1")
            for tag, attributes in Tags(html).found:
                assert tag not in ("img", "style", "iframe", "object", "embed", "base", "foreignobject")
                assert not [name for name in attributes if name.startswith("on") or name == "style"]
                if tag == "script":
                    assert attributes == {"src": "/console/assets/console.js", "defer": None}
                for address in filter(None, map(attributes.get, ("href", "src", "action"))):
                    assert address.startswith(("/console/", "#")), address
                    assert not urlsplit(address).netloc
        assert shown > 15


async def test_a_field_of_a_report_cannot_turn_the_text_around_it(home: Home) -> None:
    """What overrides the direction is visible, and each value stands in its own direction."""
    async with console_client(home) as client:
        await client.ready("everything")
        pages = [(await client.get(path)).text for path in await reports(client)]
        [hostile] = [html for html in pages if "window.hit" in html]
        assert "\u202e" not in hostile
        assert "⟨U+202E⟩gnp.exe" in hostile
        assert hostile.count("<bdi>&lt;script") >= 6


async def test_the_language_of_a_page_is_marked(home: Home) -> None:
    """The page, the choice and texts that exist in English only have a language."""
    async with console_client(home) as client:
        await client.ready("everything")
        chosen = await client.http.get("/console/language", params={"to": "es", "next": "/console/quarantine"})
        assert chosen.headers["location"] == "/console/quarantine"
        page = (await client.get("/quarantine")).text
        assert '<html lang="es">' in page
        assert '<span lang="en"><bdi>no installed document lists the key' in page


async def test_the_outcomes_of_a_sent_report_are_those_of_its_receipts(home: Home) -> None:
    """The recipient that stored it has confirmed it."""
    async with console_client(home) as client:
        await client.ready("officer")
        page = await client.get("/sent")
        assert SOME_ID in page.text
        assert re.search(r"GT\s+<span class=\"badge", page.text)
        [link] = re.findall(r'href="/console(/sent/[0-9a-f-]+)"', page.text)
        assert (await client.get(link)).status_code == 200


async def test_a_record_that_still_fails_stays_in_quarantine(home: Home) -> None:
    """The page says so; an officer without the scope cannot ask for it."""
    async with console_client(home) as client:
        await client.ready("everything")
        [record, *_] = re.findall(r'href="/console(/quarantine/[0-9a-f-]{36})"', (await client.get("/quarantine")).text)
        done = await client.post(f"{record}/retry")
        assert done.headers["location"] == f"/console{record}?retried=1"
        assert "still fails" in (await client.get(f"{record}?retried=1")).text
        await client.log_in("officer")
        await client.get("/quarantine")
        assert (await client.post(f"{record}/retry")).status_code == 403

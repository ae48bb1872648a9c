"""A whole simulated Canvas behind a socket, and a browser without scripts: cookies, links, forms."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests
from flask import Flask
from werkzeug.serving import make_server

from lti_tool.simulator.app import create_simulator, platform_of
from lti_tool.simulator.platform import LtiPlatform
from lti_tool.simulator.records import User
from lti_tool.simulator.state import CanvasState


@dataclass
class Form:
    """A form as it stands on a page, with the values it would send untouched."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    target: str | None = None


class Page(HTMLParser):
    """The parts of an HTML page that a browser acts on."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__()
        self.url = response.url
        self.status = response.status_code
        self.html = response.text
        self.forms: list[Form] = []
        self.frames: list[dict[str, str]] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self._select: str | None = None
        self.feed(response.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self.url, values.get("action", ""))
            self.forms.append(Form(action, values.get("method", "get"), target=values.get("target")))
        elif tag == "input" and self.forms and values.get("name"):
            if values.get("type") not in ("checkbox", "radio") or "checked" in values:
                self.forms[-1].fields[values["name"]] = values.get("value", "")
        elif tag == "select":
            self._select = values["name"]
        elif tag == "option" and self._select:
            fields = self.forms[-1].fields
            if "selected" in values or self._select not in fields:
                fields[self._select] = values["value"]
        elif tag == "button" and self.forms and values.get("name"):
            self.forms[-1].buttons.append((values["name"], values.get("value", "")))
        elif tag == "iframe":
            self.frames.append(values)
        elif tag == "a" and "href" in values:
            self.links.append(urljoin(self.url, values["href"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        """The words of the page, white space folded."""
        return " ".join(" ".join(self.texts).split())

    def form(self, action_end: str) -> Form:
        """The form whose action ends so."""
        return next(form for form in self.forms if form.action.endswith(action_end))


class Browser:
    """One person's browser. Redirects to the simulator are followed, those to anybody else are not."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str) -> Page:
        return Page(self._follow(self.fetch("GET", path)))

    def submit(self, form: Form, button: tuple[str, str] | None = None, **changes: str) -> Page:
        """Send a form of this site and look at what comes."""
        return Page(self._follow(self.send(form, button, **changes)))

    def send(self, form: Form, button: tuple[str, str] | None = None, **changes: str) -> requests.Response:
        """Send a form; the answer as it is, redirects not followed."""
        fields = form.fields | changes | dict([button] if button else [])
        if form.method.lower() == "get":
            return self.session.get(form.action, params=fields, timeout=10, allow_redirects=False)
        return self.session.post(form.action, data=fields, timeout=10, allow_redirects=False)

    def fetch(self, method: str, path: str, data: dict[str, str] | None = None) -> requests.Response:
        url = urljoin(self.base_url, path)
        return self.session.request(method, url, data=data, timeout=10, allow_redirects=False)

    def _follow(self, response: requests.Response) -> requests.Response:
        for _ in range(10):
            target = urljoin(response.url, response.headers.get("Location", ""))
            if not response.is_redirect or not target.startswith(self.base_url):
                return response
            response = self.session.get(target, timeout=10, allow_redirects=False)
        raise AssertionError("redirected in circles")

    def act_as(self, person: User) -> Page:
        return self.submit(Form(f"{self.base_url}/act-as", "post", {"user_id": person.id, "next": "/"}))


class ServedCanvas:
    """A running simulator."""

    def __init__(self, app: Flask, state: CanvasState, base_url: str) -> None:
        self.app = app
        self.state = state
        self.base_url = base_url
        self._browsers: list[Browser] = []

    @property
    def local_url(self) -> str:
        """The same server by its number: Python resolves no names below localhost, browsers do."""
        return f"http://127.0.0.1:{urlsplit(self.base_url).port}"

    @property
    def platform(self) -> LtiPlatform:
        return platform_of(self.app)

    def browser(self, person: User | None = None) -> Browser:
        browser = Browser(self.base_url)
        self._browsers.append(browser)
        if person is not None:
            browser.act_as(person)
        return browser

    def close(self) -> None:
        for browser in self._browsers:
            browser.session.close()


@contextmanager
def serve_canvas(
    state: CanvasState, *, host: str = "127.0.0.1", issuer: str | None = None
) -> Iterator[ServedCanvas]:
    """Serve the whole simulator on a free loopback port; `host` is the name that it calls itself."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        base_url = f"http://{host}:{port}"
        app = create_simulator(
            state, base_url=base_url, issuer=issuer, api_base_url=f"http://127.0.0.1:{port}"
        )
        server = make_server("127.0.0.1", port, app, threaded=True, fd=listener.fileno())
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        served = ServedCanvas(app, state, base_url)
        try:
            yield served
        finally:
            served.close()
            server.shutdown()
            server.server_close()
            thread.join()

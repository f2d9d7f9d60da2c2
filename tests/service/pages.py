"""A browser without scripts: it follows links, keeps cookies, and sends the forms that it was shown."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from starlette.testclient import TestClient

from tests.service.conftest import House

HTML = {"Accept": "text/html"}


class Browser:
    """One person's browser, on the pages of a house."""

    def __init__(self, house: House, base_url: str = "http://testserver") -> None:
        self.house = house
        self.client = TestClient(house.app, base_url=base_url, follow_redirects=False)
        self.client.headers.update(HTML)
        self.origin = base_url

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, **more)

    def page(self, path: str) -> str:
        """The text of a page that must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
        return str(answer.text)

    def form(self, page: str, action: str) -> dict[str, str]:
        """The hidden fields of the form that leads there."""
        for tag, body in re.findall(r"<form ([^>]*)>(.*?)</form>", page, re.DOTALL):
            if f'action="{action}"' in tag and 'method="post"' in tag:
                return {
                    name: unescape(value)
                    for name, value in re.findall(
                        r'<input type="hidden" name="([^"]+)" value="([^"]*)"', body
                    )
                }
        raise AssertionError(f"the page has no form that leads to {action}")

    def send(self, page: str, action: str, **fields: str) -> Any:
        """Fill in a form of a page, and send it as a browser does."""
        data = {**self.form(page, action), **fields}
        return self.client.post(
            action, data=data, headers={"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        )

    def sign_in(self, key: str | None = None) -> Browser:
        answer = self.send(self.page("/admin/sign-in"), "/admin/sign-in", key=key or self.house.key.secret)
        assert answer.status_code == 303, answer.text
        return self

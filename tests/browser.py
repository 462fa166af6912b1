"""A browser without a window, as people have one: Chromium of this machine, driven from outside, with a device of its
own for passkeys; and axe, which looks for what keeps people with a handicap out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from conftest import absent

WIDE, PHONE = {"width": 1180, "height": 900}, {"width": 390, "height": 800}


@contextmanager
def chromium() -> Iterator[Any]:
    """Skips without a Chromium on this machine; fails where services are required."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        absent("no Chromium on this machine")
    # The region's own authority is not among the browser's: that it is the right one is tested elsewhere.
    words = ["--no-sandbox", "--ignore-certificate-errors"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=words)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def person(browser: Any, **more: Any) -> Iterator[Page]:
    """A page of a browser of its own. Whatever its console says is a failure, but that an answer was no success."""
    context: BrowserContext = browser.new_context(**{"viewport": WIDE, "locale": "en-US", **more})
    context.set_default_timeout(60_000)
    page, said = context.new_page(), []
    page.on("console", lambda m: said.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        yield page
        assert [text for text in said if "Failed to load resource" not in text] == []
    finally:
        context.close()


def picture(page: Page, name: str, whole: bool = False) -> None:
    """What the page looks like now, for docs/pictures, where HUIZHEN_PICTURES names a folder."""
    folder = os.environ.get("HUIZHEN_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"console-{name}.png", full_page=whole)


def give_passkey_device(page: Page) -> None:
    """A device that makes passkeys and always finds its person there."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def barriers(page: Page) -> list[str]:
    """What axe finds on the page as it is shown now (WCAG 2.2 A and AA, and its best practices)."""
    from axe_playwright_python.sync_playwright import Axe

    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in Axe().run(page).response["violations"]]

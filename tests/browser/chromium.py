"""Which browser is driven, and how."""

import shutil

from playwright.sync_api import Page

__all__ = ["CHROMIUM_FLAGS", "NAMES", "complaints", "find_chromium"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
#: Nothing but the page is fetched, and no sandbox is needed for pages of our own.
CHROMIUM_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
#: Answers that a page expects now and then, and that Chromium complains of.
_EXPECTED = (
    "status of 404",
    "status of 405",
    "status of 503",
    "net::ERR_CONNECTION_REFUSED",
    "net::ERR_INCOMPLETE_CHUNKED_ENCODING",
    "net::ERR_EMPTY_RESPONSE",
)


def find_chromium() -> str | None:
    """The system's, if there is one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def complaints(page: Page) -> list[str]:
    """From now on: what the policy refuses, what scripts throw, dialogs that open."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(f"thrown: {error}"))
    page.on(
        "console",
        lambda said: found.append(said.text) if said.type in {"error", "warning"} and not _is_expected(said.text) else None,
    )

    def close(dialog: object) -> None:
        found.append(f"dialog: {dialog}")
        dialog.dismiss()  # type: ignore[attr-defined]  # Playwright's

    page.on("dialog", close)
    return found


def _is_expected(text: str) -> bool:
    return any(each in text for each in _EXPECTED)

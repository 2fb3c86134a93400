"""A real browser: headless Chromium, driven by WebDriver (W3C), which is HTTP and JSON.

Its profile is in a folder of the test's, so nothing of it is left behind; it asks nobody but the
page's own server.
"""

import base64
import json
import re
import shutil
import urllib.error
import urllib.request

from fabric_process import Process, eventually, free_tcp

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key that the standard gives elements
ENTER, TAB, ESCAPE = "\ue007", "\ue004", "\ue00c"  # likewise for keys
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--disable-extensions", "--no-default-browser-check",
)


class Browser:
    """One window. `folder` is for its profile; call end ()."""

    def __init__(self, folder, dark=False):
        chromium = shutil.which("chromium")
        if not chromium or not shutil.which("chromedriver"):
            raise AssertionError("chromium and chromedriver: see cmake/packages.txt")
        port = free_tcp().rpartition(":")[2]
        self._driver = Process("chromedriver", f"--port={port}", "--allowed-ips=127.0.0.1")
        self._server = f"http://127.0.0.1:{port}"
        self._session = ""
        eventually(self._is_up, "chromedriver answers")
        flags = [*FLAGS, f"--user-data-dir={folder}"] + ["--force-dark-mode"] * dark
        options = {"binary": chromium, "args": flags}
        made = self._ask("POST", "/session", capabilities={"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }})
        self._session = f"/session/{made['sessionId']}"

    def end(self):
        try:
            if self._session:
                self._ask("DELETE", self._session)
        finally:
            self._driver.end()

    def _is_up(self):
        try:
            return self._ask("GET", "/status")["ready"]
        except (urllib.error.URLError, ConnectionError):
            return False

    def _ask(self, method, path, **body):
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(
            self._server + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"].splitlines()[0]) from None

    def _do(self, method, path, **body):
        return self._ask(method, self._session + path, **body)

    # -- what a person does and sees

    def open(self, url):
        self._do("POST", "/url", url=url)

    def resize(self, width, height):
        self._do("POST", "/window/rect", width=width, height=height)

    def run(self, script):
        """What a script says: `return document.title`."""
        return self._do("POST", "/execute/sync", script=script, args=[])

    def find(self, selector):
        return self._do("POST", "/element", using="css selector", value=selector)[ELEMENT]

    def click(self, selector):
        self._do("POST", f"/element/{self.find(selector)}/click")

    def type(self, selector, text):
        self._do("POST", f"/element/{self.find(selector)}/value", text=text)

    def press(self, key):
        """On whatever has the focus."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._do("POST", "/actions", actions=[{"type": "key", "id": "keyboard", "actions": keys}])

    def text(self, selector="body"):
        """What is to be read there now."""
        return self._do("GET", f"/element/{self.find(selector)}/text")

    def wait_for(self, pattern, selector="body"):
        seen = [""]

        def there():
            seen[0] = self.text(selector)
            return re.search(pattern, seen[0])

        try:
            eventually(there, f"the page says {pattern}")
        except AssertionError as problem:
            raise AssertionError(f"{problem}; it says: {seen[0]}") from None

    def complaints(self):
        """What the console got since the last call that is worse than a note."""
        return [
            f"{entry['level']}: {entry['message']}"
            for entry in self._do("POST", "/se/log", type="browser")
            if entry["level"] in ("SEVERE", "WARNING")
        ]

    def picture(self, path):
        path.write_bytes(base64.b64decode(self._do("GET", "/screenshot")))

"""The page at `/`, in a real browser: what a person who watches the fleet sees and does.

`test_page.py FOLDER` keeps a picture there of how each test ended.
"""

import pathlib
import re
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_browser import ENTER, ESCAPE, TAB, Browser
from fabric_case import FabricCase
from fabric_keys import KeysCase
from fabric_process import BINARY, eventually, free_tcp

MARKUP = "<img src=x onerror=alert(1)><b>bold</b>"


class PageCase(FabricCase):
    """One browser for all of a class; each test has a broker, and so a page, of its own."""

    dark = False
    pictures = None  # a folder

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        profile = tempfile.TemporaryDirectory(prefix="zf-", ignore_cleanup_errors=True)
        cls.addClassCleanup(profile.cleanup)
        cls.browser = Browser(profile.name, cls.dark)
        cls.addClassCleanup(cls.browser.end)

    def setUp(self):
        super().setUp()
        self.door = free_tcp().replace("tcp:", "http:")
        self.endpoints = {
            "serve": [self.scratch.ipc(), self.door],
            "listen": [self.scratch.ipc()],
        }

    def open(self, *options):
        """The page of a broker that has just started."""
        self.start(*options, **self.endpoints)
        self.browser.resize(1200, 900)
        self.browser.complaints()  # of the test before: its broker has gone
        self.browser.open(self.door + "/")

    def tearDown(self):
        """Issue: screenshots are kept by the test"""
        if self.pictures:
            self.pictures.mkdir(parents=True, exist_ok=True)
            self.browser.picture(self.pictures / f"{self.id().partition('.')[2]}.png")
        super().tearDown()

    def quiet(self):
        self.assertEqual(self.browser.complaints(), [])


class Page(PageCase):
    def test_it_shows_workers_that_join_and_go(self):
        """Issue: shows a worker that joins and one that dies; no console errors"""
        self.open()
        self.browser.wait_for("live", "#state")
        self.browser.wait_for("None is here", "#workers-note")
        worker = self.worker(4, ["p", "q.*"], name="first")
        self.worker(0, ["r"], name="second")
        self.browser.wait_for(r"(?s)first.*0 of 4.*p, q\.\*.*second.*paused", "#workers")
        client = self.client()
        client.run("p")
        worker.take()
        self.browser.wait_for("first[^a-z]*1 of 4", "#workers")
        worker.close()
        eventually(lambda: "first" not in self.browser.text("#workers"), "it is gone")
        self.assertIn("second", self.browser.text("#workers"))
        self.quiet()

    def test_it_shows_where_tasks_are_and_why_and_cancels_them(self):
        """Issue: tasks with why-is-it-waiting and a cancel button, with a confirmation"""
        self.open()
        client, worker = self.client(), self.worker(1, ["p"])
        running, waiting = client.run("p"), client.run("nobody", priority=7)
        worker.take(running)
        self.browser.wait_for(r"(?s)p\s+running.*nobody\s+waiting", "#tasks")
        self.browser.wait_for(r"(?s)p\s+0\s+1", "#pipelines")
        self.browser.click(f'[aria-label="Why?: task {waiting}"]')
        self.browser.wait_for("(?s)a worker that serves its pipeline.*Priority\\s+7", "#explain")
        self.browser.click("#explain [data-close]")
        self.browser.click(f'[aria-label="Cancel: task {waiting}"]')
        self.browser.wait_for(f"(?s)Cancel this task.*{waiting}", "#ask-cancel")
        self.browser.click("#ask-cancel [data-close]")
        client.expect_nothing()
        self.browser.click(f'[aria-label="Cancel: task {waiting}"]')
        self.browser.click("#ask-cancel [type=submit]")
        client.expect_result("CANCELLED", waiting)
        eventually(lambda: "nobody" not in self.browser.text("#tasks"), "it is gone")
        self.quiet()

    def test_names_are_text_whatever_they_are(self):
        """Issue: nothing a peer sends can inject markup"""
        self.open()
        client, worker = self.client(), self.worker(1, [MARKUP], name=MARKUP)
        client.run(MARKUP)
        worker.take()
        for table in ("#workers", "#pipelines", "#tasks"):
            self.browser.wait_for(re.escape(MARKUP), table)
        self.assertEqual(self.browser.run("return document.querySelectorAll('img, b b').length"), 0)
        self.quiet()

    def test_it_goes_on_with_the_next_broker(self):
        """Issue: survives a broker restart"""
        self.open("--drain", "600s")
        client, worker = self.client(), self.worker()
        worker.take(client.run("p"))
        self.browser.wait_for("live", "#state")
        self.broker.signal(signal.SIGTERM)
        self.browser.wait_for("the broker is stopping", "#state")
        self.broker.signal(signal.SIGTERM)
        self.browser.wait_for("no answer", "#state")
        self.broker.wait()
        self.start(**self.endpoints)
        self.worker(3, ["p"], name="anew")
        self.browser.wait_for("live", "#state")
        self.browser.wait_for("anew", "#workers")

    def test_it_asks_for_the_doors_token(self):
        """Issue: a bearer token guards everything; the page is where it is entered"""
        secret = self.scratch.file("correct-horse-battery\n")
        secret.chmod(0o600)
        self.open("--http-token", str(secret))
        self.browser.wait_for("wants a token", "#ask-token")
        self.browser.type("#token-text", "wrong-horse-battery")
        self.browser.click("#ask-token [type=submit]")
        self.browser.wait_for("does not take that one", "#ask-token")
        self.browser.type("#token-text", "correct-horse-battery")
        self.browser.click("#ask-token [type=submit]")
        self.browser.wait_for("live", "#state")

    def test_it_is_usable_by_keyboard(self):
        """Issue: usable by keyboard; what has the focus keeps it while numbers change"""
        self.open()
        client = self.client()
        cookie = client.run("nobody")
        cancel = f'[aria-label="Cancel: task {cookie}"]'
        self.browser.wait_for("nobody", "#tasks")
        self.browser.run(f"document.querySelector('{cancel}').focus()")
        self.worker(1, ["p"], name="news")
        self.browser.wait_for("news", "#workers")
        self.assertTrue(self.browser.run(f"return document.activeElement.matches('{cancel}')"))
        self.browser.press(ENTER)
        self.browser.wait_for("Cancel this task", "#ask-cancel")
        self.browser.press(ESCAPE)
        eventually(lambda: not self.browser.run("return document.querySelector('[open]')"), "it is closed")
        self.browser.press(ENTER)
        self.browser.press(TAB)
        self.browser.press(ENTER)
        client.expect_result("CANCELLED", cookie)

    def test_it_fits_a_phone(self):
        """Issue: readable on a phone"""
        self.open()
        self.browser.resize(500, 900)
        self.worker(4, [f"a.very.long.name.of.a.pipeline.{n}" for n in range(20)])
        self.browser.wait_for("0 of 4", "#workers")
        wide = "return document.documentElement.scrollWidth <= window.innerWidth"
        self.assertTrue(self.browser.run(wide))


class WithKeys(PageCase, KeysCase):
    def open_as(self, key):
        broker = self.start()
        bridge = self.process(
            BINARY, "bridge", "--broker", broker.client_endpoint, "--serve", self.door, "--drain", "100",
            "--curve", key.secret_file, "--server-key", self.own.certificate,
        )  # fmt: skip
        bridge.wait_for_output("ready\n")
        self.browser.open(self.door + "/")
        self.browser.wait_for("live", "#state")

    def test_what_the_doors_key_may_not_see(self):
        """PROTOCOL 7: workers, tasks and metrics are for admins; the rest is shown to others as well"""
        self.open_as(self.alice)
        for note in ("#workers-note", "#tasks-note", "#pipelines-note"):
            self.browser.wait_for("not an admin's", note)

    def test_what_an_admins_key_may_see(self):
        """PROTOCOL 7"""
        self.open_as(self.root)
        self.worker_of(self.hal, 2, ["p"], name="hal")
        self.browser.wait_for("hal", "#workers")
        self.assertEqual(self.browser.text("#tasks-note"), "None.")


class Dark(PageCase):
    dark = True

    def test_it_is_dark_where_that_is_liked(self):
        """Issue: dark and light"""
        self.open()
        self.browser.wait_for("live", "#state")
        colour = self.browser.run("return getComputedStyle(document.body).backgroundColor")
        red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
        self.assertLess(red + green + blue, 3 * 64)
        self.quiet()


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1].startswith("/"):
        PageCase.pictures = pathlib.Path(sys.argv.pop(1))
    unittest.main()

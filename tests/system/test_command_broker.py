"""`zfabric broker`: endpoints, options, its config file, and what it says."""

import pathlib
import signal
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import CommandCase
from fabric_process import BINARY, free_tcp, zfabric


class Endpoints(CommandCase):
    def assert_serves(self, serve, listen):
        client, worker = self.client(endpoint=serve), self.worker(endpoint=listen)
        cookie = client.run("p", serve)
        worker.finish(worker.take(cookie), listen)
        self.assertEqual(client.expect_result("OK", cookie).document(), listen)
        worker.register(0)  # out of the way of the next one

    def test_it_binds_any_number_of_endpoints_of_each_side(self):
        """PROTOCOL 1: each on any number of endpoints"""
        serve = [self.scratch.ipc(), free_tcp(), self.scratch.ipc()]
        listen = [free_tcp(), self.scratch.ipc()]
        self.start(serve=serve, listen=listen)
        for endpoint in serve:
            for another in listen:
                with self.subTest(serve=endpoint, listen=another):
                    self.assert_serves(endpoint, another)

    @unittest.skipUnless(free_tcp("::1"), "this host has no IPv6 loopback")
    def test_it_binds_ipv6(self):
        """PROTOCOL 1: tcp, IPv4 and IPv6"""
        serve, listen = free_tcp("::1"), free_tcp("::1")
        self.start(serve=[serve, free_tcp()], listen=listen)
        self.assert_serves(serve, listen)

    def test_peers_of_different_endpoints_are_one_fabric(self):
        """PROTOCOL 1: the broker binds two ROUTER sockets"""
        serve = [self.scratch.ipc(), free_tcp()]
        self.start(serve=serve)
        clients = [self.client(endpoint=endpoint) for endpoint in serve]
        cookie = clients[0].run("p")
        clients[0].expect_nothing()
        clients[1].cancel(cookie)
        clients[1].expect_result("OK", cookie)
        clients[0].expect_result("CANCELLED", cookie)

    def test_tcp_beyond_loopback_needs_insecure(self):
        """PROTOCOL 1: no tcp on anything but loopback without keys, unless told --insecure"""
        port = free_tcp().rpartition(":")[2]
        inside = self.scratch.ipc()
        for host in ("0.0.0.0", "*"):
            endpoint = f"tcp://{host}:{port}"
            for option, another in (("--serve", "--listen"), ("--listen", "--serve")):
                with self.subTest(endpoint=endpoint, option=option):
                    self.assert_refused(zfabric("broker", option, endpoint, another, inside), endpoint)
        self.start("--insecure", serve=f"tcp://0.0.0.0:{port}")
        self.assertEqual(self.client(endpoint=f"tcp://127.0.0.1:{port}").ask("$ping").rc, "OK")

    def test_a_port_in_use_is_named(self):
        """a port in use: one line that names it, exit status 2 or 1"""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
            free = self.scratch.ipc()
            for serve, listen in ((endpoint, free), (free, endpoint)):
                finished = zfabric("broker", "--serve", serve, "--listen", listen)
                self.assert_refused(finished, endpoint)
                self.assertNotIn("ready", finished.out)

    def test_an_endpoint_that_is_none_is_named(self):
        """a bad option: one line that names it"""
        free = self.scratch.ipc()
        for endpoint in (
            *("nonsense", "tcp://", "tcp://127.0.0.1", "ftp://127.0.0.1:1", "ipc://"),
            "tcp://127.0.0.1:99999",
        ):
            with self.subTest(endpoint=endpoint):
                self.assert_refused(zfabric("broker", "--serve", endpoint, "--listen", free), endpoint)


class Words(CommandCase):
    def test_it_prints_ready_and_nothing_else_on_stdout(self):
        """when every endpoint is bound it prints the line `ready`; logs go to stderr"""
        broker = self.start("--verbose")
        client, worker = self.pair()
        cookie = client.run("p")
        worker.finish(worker.take(cookie))
        client.expect_result("OK", cookie)
        client.send_frames(b"garbage")
        client.recv(codec="any")
        broker.stop()
        self.assertEqual(broker.out.text, "ready\n")

    def test_it_logs_one_line_an_event_with_time_and_level(self):
        """logs go to stderr, one line an event, with time and level"""
        broker = self.start("-v")
        client, worker = self.pair()
        client.expect_nothing()
        client.send_frames(b"a line\nin two\x1b[31m")
        client.recv(codec="any")
        worker.close()
        broker.stop()
        lines = broker.err.text.splitlines()
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"\d\d:\d\d:\d\d")
            self.assertRegex(line.lower(), r"\b(error|warning|warn|notice|info|debug)\b")
            self.assertNotIn("\x1b", line)

    def test_sigterm_before_any_peer_came_ends_it_with_0(self):
        """PROTOCOL 5.9: and exits 0"""
        broker = self.start()
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.wait(), 0)


class Options(CommandCase):
    def test_help_names_every_option_and_gives_an_example(self):
        """`--help` everywhere, with an example"""
        finished = zfabric("broker", "--help")
        self.assertEqual((finished.status, finished.err), (0, ""), finished)
        for option in (
            *("--serve", "--listen", "--queue", "--queue-wait", "--client-tasks", "--cancel-grace"),
            *("--drain", "--max-payload", "--insecure", "--config", "--verbose"),
        ):
            self.assertIn(option, finished.out)
        self.assertIn("example", finished.out.lower())

    def test_an_unknown_option_names_the_nearest_known_one(self):
        """unknown options name the nearest known one; a bad option: exit status 2 or 1"""
        for wrong, right in (
            ("--serv", "--serve"), ("--listne", "--listen"), ("--max-paylod", "--max-payload"),
            ("--quewe", "--queue"), ("--drian", "--drain"), ("--insecur", "--insecure"),
        ):
            with self.subTest(wrong=wrong):
                self.assert_refused(zfabric("broker", wrong, "1"), wrong, right)

    def test_a_bad_value_names_its_option(self):
        """a bad option: one line that names it"""
        for option in (
            *("--queue", "--queue-wait", "--client-tasks"),
            *("--cancel-grace", "--drain", "--max-payload"),
        ):
            for value in ("x", "-1", "1x", "", "99999999999999999999999"):
                with self.subTest(option=option, value=value):
                    self.assert_refused(zfabric("broker", option, value), option)
        self.assert_refused(zfabric("broker", "--queue"), "--queue")
        self.assert_refused(zfabric("broker", "surplus"), "surplus")


class Config(CommandCase):
    def start_with(self, config, *options, **endpoints):
        path = self.scratch.file(config)
        return self.start("--config", path, *options, **endpoints)

    def queue_limit(self):
        client = self.client()
        cookies = [client.run("nobody") for _ in range(10)]
        refused = client.sync()
        self.assertEqual({packet.rc for packet in refused}, {"NO_CAPACITY"})
        return len(cookies) - len(refused)

    def test_options_can_stand_in_a_file(self):
        """--config FILE: CZMQ's ZPL; every option can stand in it"""
        self.start_with("#   the house's broker\nqueue = 3\n\nclient-tasks = 100\n")
        self.assertEqual(self.queue_limit(), 3)

    def test_times_can_stand_in_a_file(self):
        """--config FILE: every option can stand in it"""
        self.start_with("queue-wait = 200\n")
        with self.takes_at_least(200):
            self.assertEqual(self.client().ask("nobody").rc, "NO_CAPACITY")

    def test_options_win_over_the_file(self):
        """options win over it"""
        self.start_with("queue = 3\n", "--queue", "5")
        self.assertEqual(self.queue_limit(), 5)

    def test_endpoints_and_flags_can_stand_in_it(self):
        """every option can stand in it"""
        serve = [self.scratch.ipc(), self.scratch.ipc()]
        listen = self.scratch.ipc()
        lines = [f'serve = "{endpoint}"' for endpoint in serve]
        lines += [f'listen = "{listen}"', "drain = 500", "cancel-grace = 1000", "max-payload = 1000"]
        lines += ["insecure = 1", "verbose = 1"]
        path = self.scratch.file("\n".join(lines) + "\n")
        broker = self.process(BINARY, "broker", "--config", path)
        broker.wait_for_output("ready\n")
        for endpoint in serve:
            with self.subTest(endpoint=endpoint):
                self.assertEqual(self.client_of(broker, endpoint).ask("$ping").rc, "OK")
        self.assertEqual(broker.stop(), 0)

    def client_of(self, broker, endpoint):
        self._broker = broker
        return self.client(endpoint=endpoint)

    def test_a_bad_line_is_named(self):
        """a bad config line: one line that names it, exit status 2 or 1"""
        for config, *names in (
            ("quewe = 3\n", "quewe"),
            ("queue = many\n", "queue"),
            ("drain = 100\nqueue = -5\n", "queue"),
            ('serve = "nonsense"\n', "nonsense"),
        ):
            with self.subTest(config=config):
                path = self.scratch.file(config)
                self.assert_refused(zfabric("broker", "--config", path), *names)

    def test_a_line_that_is_none_is_named(self):
        """a bad config line: one line that names it"""
        path = self.scratch.file("queue = 3\nthis is no line\n")
        finished = zfabric("broker", "--config", path)
        self.assert_refused(finished, str(path))
        self.assertRegex(finished.err, r"(:|line )2\b|this is no line")

    def test_a_file_that_is_not_there_is_named(self):
        """one line that names it, exit status 2 or 1"""
        path = str(self.scratch.path / "nowhere.zpl")
        self.assert_refused(zfabric("broker", "--config", path), path)


if __name__ == "__main__":
    unittest.main()

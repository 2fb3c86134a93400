"""The gRPC door (PROTOCOL section 9): who talks with whom, and how tasks and streams end."""

import json
import os
import pathlib
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import fabric_grpc
import legacy_peers as legacy
from fabric_case import each
from fabric_doors import CODECS
from fabric_faults import FaultCase
from fabric_grpc import (
    CARRIERS, NOT_SERVING, SERVICE, SERVICE_UNKNOWN, SERVING, Code, Ended, GrpcCase, InTheBroker,
    document,
)  # fmt: skip
from fabric_keys import KeysCase
from fabric_packets import new_cookie
from fabric_process import BINARY, ROOT, SLOW, eventually, free_tcp

MIB = 1024 * 1024
LONG = "600000"  # ms: longer than any test
DEADLINE_S = 1.5 * SLOW  # of a call: long enough to get where it should
EXACT = [
    [0, -1, 2**53 + 1, -(2**63), 2**63 - 1, 2**64 - 1],
    [0.1, -0.0, 1e-300, 5e-324, 1.7976931348623157e308, 1 / 3],
    'é "x"\\\n\t\u0000\u007f\u2028\ud7ff\uffff\U0001f600 Ω≈ç',
    {"ключ": {"": None, "deep": [[[[]], {}]]}, "yes": True, "no": False},
]


def text(value):
    """What tells 1 from 1.0 and 0.0 from -0.0."""
    return json.dumps(value, sort_keys=True)


class Pairings(GrpcCase):
    @each(*CARRIERS)
    def test_client_and_worker(self, carrier):
        self.open_grpc(carrier)
        client, worker = self.grpc_client(), self.grpc_worker()
        cookie = client.run("greet", {"who": 'é "x"\n'})
        run = worker.take(cookie)
        self.assertEqual(run["pipeline"], "greet")
        self.assertEqual(document(run, "variables"), {"who": 'é "x"\n'})
        worker.finish(run, [1, None, "zwei"])
        self.assertEqual(document(client.expect_result("OK", cookie)), [1, None, "zwei"])

    @each(*CODECS)
    def test_client_and_native_worker(self, codec):
        self.open_grpc()
        client, worker = self.grpc_client(), self.worker(codec=CODECS[codec])
        for value in EXACT:
            cookie = client.run("echo", value)
            run = worker.take(cookie)
            self.assertEqual(text(run.document()), text(value))
            worker.finish(run, run.document())
            self.assertEqual(text(document(client.expect_result("OK", cookie))), text(value))

    @each(*CODECS)
    def test_native_client_and_worker(self, codec):
        self.open_grpc()
        client, worker = self.client(CODECS[codec]), self.grpc_worker()
        for value in EXACT:
            cookie = client.run("echo", value)
            run = worker.take(cookie)
            self.assertEqual(text(document(run, "variables")), text(value))
            worker.finish(run, document(run, "variables"))
            self.assertEqual(text(client.expect_result("OK", cookie).document()), text(value))

    def test_numbers_and_text_to_the_letter(self):
        """Between two of them nothing is read, so nothing is written another way."""
        self.open_grpc()
        client, worker = self.grpc_client(), self.grpc_worker()
        as_written = '{ "a":1.50,\t"b" : [1E2, 0.10],"c":"\\u00e9é\\/" }'
        cookie = client.run("p", variables=as_written)
        run = worker.take(cookie)
        self.assertEqual(run["variables"], as_written)
        worker.send(packet_type="RESULT", cookie=cookie, rc="OK", result=as_written)
        self.assertEqual(client.expect_result("OK", cookie)["result"], as_written)

    @each("grpc", "unix", "grpcs")
    def test_a_mebibyte_both_ways(self, carrier):
        self.open_grpc(carrier)
        client, worker = self.grpc_client(), self.grpc_worker()
        long = 'x"\\é' * (MIB // 4)
        cookie = client.run("p", long)
        run = worker.take(cookie)
        self.assertEqual(document(run, "variables"), long)
        worker.finish(run, long)
        self.assertEqual(document(client.expect_result("OK", cookie)), long)

    def test_no_variables_and_no_result(self):
        self.open_grpc()
        client, native, worker = self.grpc_client(), self.client(), self.grpc_worker()
        for asker in (client, native):
            run = worker.take(asker.run("p"))
            self.assertNotIn("variables", run)
            worker.finish(run)
        self.assertNotIn("result", client.expect_result("OK"))
        self.assertEqual(native.expect_result("OK").payload, b"")


class PairingsInTheBroker(InTheBroker, Pairings):
    pass


class WithLegacyPeers(GrpcCase):
    def test_legacy_clients_and_workers(self):
        self.open_places("grpc://127.0.0.1:*", "grpc://127.0.0.1:*", "--serve",
                         "json+tcp://127.0.0.1:*", "--listen", "json+tcp://127.0.0.1:*")  # fmt: skip
        self.connect().until_serving()
        found = lambda side: re.findall(f"a door for {side}: (json.*)\n", self.bridge.err.text)
        framed = {side: eventually(lambda: found(side), side)[0] for side in ("clients", "workers")}
        clients = self.grpc_client(), self._peer(legacy.Client(framed["clients"]))
        worker = self.grpc_worker()
        self.serve(worker, clients)
        worker.half_close()
        self.until_workers(0)
        framed_worker = lambda: legacy.Worker(framed["workers"]).register(1)
        self.serve(self._peer(self.known(framed_worker)), clients)

    def serve(self, worker, clients):
        for client in clients:
            cookie = client.run("p", EXACT)
            run = worker.take(cookie)
            self.assertEqual(text(document(run, "variables")), text(EXACT))
            worker.finish(run, EXACT, error="no", stacktrace=["a", "b"], rc="EXCEPTION")
            packet = client.expect_result("EXCEPTION", cookie)
            self.assertEqual((packet["error"], packet["stacktrace"]), ("no", ["a", "b"]))


class Sides(GrpcCase):
    @each("serve", "listen")
    def test_one_door_for_both(self, option):
        """PROTOCOL 9: the first packet of a stream says which side it is of"""
        self.bridge = self.process(
            BINARY, "bridge", "--broker", self.broker.client_endpoint,
            "--worker-broker", self.broker.worker_endpoint, f"--{option}", "grpc://127.0.0.1:*",
        )  # fmt: skip
        self.bridge.wait_for_output("ready\n")
        self.addCleanup(self._close_peers)
        door = self.door("clients" if option == "serve" else "workers")
        connection = self.connect(door).until_serving()
        client, worker = connection.client(), self.known(lambda: connection.worker().register(1))
        cookie = client.run("p", 1)
        worker.finish(worker.take(cookie), 2)
        self.assertEqual(document(client.expect_result("OK", cookie)), 2)

    def test_what_the_other_side_may_not_send(self):
        self.open_grpc()
        client, worker = self.grpc_client(), self.grpc_worker()
        client.ask("$ping")
        client.send(packet_type="REGISTER", capacity=1)
        client.expect_result("UNSUPPORTED_PACKET_TYPE")
        cookie = new_cookie()
        worker.send(packet_type="RUN", cookie=cookie, pipeline="$ping")
        worker.expect("RESULT", rc="UNSUPPORTED_PACKET_TYPE", cookie=cookie)

    def test_each_stream_is_a_peer(self):
        """PROTOCOL 9: one stream is one peer"""
        self.open_grpc()
        connection, worker = self.connect(), self.worker(3)
        one, two = connection.client(), connection.client()
        cookie = one.run("p", 1)
        run = worker.take(cookie)
        two.run("p", 2, cookie=cookie)
        two.expect_result("COOKIE_COLLISION", cookie)
        two.cancel_task(cookie)
        two.expect_result("OK", cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(run, "first")
        self.assertEqual(document(one.expect_result("OK", cookie)), "first")
        two.cancel_task(cookie)
        two.expect_result("COOKIE_NOT_FOUND", cookie)
        self.assertFalse(one.has_news(20))

    def test_many_workers_on_one_connection(self):
        self.open_grpc()
        connection, client = self.connect(self.worker_door), self.client()
        workers = [connection.worker().register(1) for _ in range(20)]
        self.until_workers(20)
        cookies = [client.run("p", number) for number in range(20)]
        runs = [worker.take() for worker in workers]
        self.assertEqual({run["cookie"] for run in runs}, set(cookies))
        for worker, run in zip(workers, runs):
            worker.finish(run, document(run, "variables") * 2)
        found = {}
        for _ in cookies:
            packet = client.expect_result("OK")
            found[str(packet.cookie)] = packet.document()
        self.assertEqual(found, {cookie: 2 * n for n, cookie in enumerate(cookies)})

    def test_capacity(self):
        """Absent it is 0: no task for now. Told again it is another one."""
        self.open_grpc()
        client, worker = self.client(), self.grpc_worker(None)
        self.assertEqual(client.ask("$workers").document()[0]["capacity"], 0)
        cookies = [client.run("p") for _ in range(3)]
        worker.register(2)
        runs = [worker.take() for _ in range(2)]
        self.assertFalse(worker.has_news(20))
        self.assertEqual(client.ask("$workers").document()[0]["capacity"], 2)
        worker.finish(runs[0])
        runs.append(worker.take())
        for run in runs[1:]:
            worker.finish(run)
        self.assert_same_cookies([client.expect_result("OK") for _ in cookies], cookies)

    def test_500_streams_at_once(self):
        self.open_grpc()
        connections = [self.connect() for _ in range(2)]
        worker = self.worker(500)
        streams = [connections[n % 2].client() for n in range(500)]
        cookies = [stream.run("p", n) for n, stream in enumerate(streams)]
        runs = [worker.take() for _ in streams]
        self.assertEqual({str(run.cookie) for run in runs}, set(cookies))
        for run in reversed(runs):
            worker.finish(run, [run.document()])
        for n, stream in enumerate(streams):
            self.assertEqual(document(stream.expect_result("OK", cookies[n])), [n])
        for stream in streams:
            stream.half_close()
        for stream in streams:
            stream.expect_end(Code.OK)


class Tasks(GrpcCase):
    def test_pieces_only_for_who_asked(self):
        self.open_grpc()
        client, worker = self.grpc_client(extended=True), self.worker(2)
        run = worker.take(client.run("p"))
        worker.partial(run, 1, seq=0)
        worker.finish(run, 2)
        client.expect("RESULT", result="2")
        cookie = client.run("p", stream=True)
        run = worker.take(cookie)
        for seq in range(100):
            worker.partial(run, {"n": seq}, seq=seq)
        worker.finish(run, 2)
        for seq in range(100):
            packet = client.expect("PARTIAL", cookie=cookie)
            self.assertEqual(document(packet), {"n": seq})
        client.expect("RESULT", result="2", cookie=cookie)

    def test_pieces_of_its_workers(self):
        self.open_grpc()
        native, client = self.client(), self.grpc_client(extended=True)
        worker = self.grpc_worker()
        for asker in (native, client):
            run = worker.take(asker.run("p", stream=True))
            self.assertTrue(run.get("stream"))
            worker.partial(run, ["a"])
            worker.partial(run, ["b"])
            worker.finish(run, "c")
        pieces = [native.expect("PARTIAL").document() for _ in range(2)]
        self.assertEqual(pieces + [native.expect_result().document()], [["a"], ["b"], "c"])
        pieces = [document(client.expect("PARTIAL")) for _ in range(2)]
        self.assertEqual(pieces + [document(client.expect_result())], [["a"], ["b"], "c"])

    def test_cancel(self):
        """PROTOCOL 5.6; 9: CANCELLED becomes EXCEPTION"""
        self.open_grpc()
        client, native, worker = self.grpc_client(), self.client(), self.grpc_worker()
        running, waiting = client.run("p"), client.run("p")
        worker.take(running)
        client.cancel_task(waiting)
        packet = client.expect_result("EXCEPTION", waiting)
        self.assertTrue(packet["error"].startswith("CANCELLED"), packet)
        client.cancel_task(running)
        worker.expect("CANCEL", cookie=running)
        worker.finish(running, rc="EXCEPTION", error="stopped", stacktrace=["here"])
        packet = client.expect_result("EXCEPTION", running)
        cookie = native.run("p")
        worker.take(cookie)
        native.cancel(cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(cookie, rc="CANCELLED")
        native.expect_result("CANCELLED", cookie)

    def test_codes_that_they_do_not_know(self):
        """PROTOCOL 9: CANCELLED, TIMED_OUT and FORBIDDEN become EXCEPTION"""
        self.open_grpc()
        client, worker = self.grpc_client(), self.worker()
        for rc in ("CANCELLED", "TIMED_OUT", "FORBIDDEN"):
            run = worker.take(client.run("p"))
            worker.finish(run, rc=rc, error='said "no"', stacktrace=["a", "", "ü"])
            packet = client.expect_result("EXCEPTION")
            self.assertEqual(packet["error"], f'{rc}: said "no"')
            self.assertEqual(packet["stacktrace"], ["a", "", "ü"])

    @each("PROCESSOR_EXCEPTION", "EXCEPTION")
    def test_errors(self, rc):
        self.open_grpc()
        native, client, worker = self.client(), self.grpc_client(), self.grpc_worker()
        lines = ['  File "é.py", line 1', "", "    \\x\t\u0000"] * 30
        for asker in (native, client):
            worker.finish(worker.take(asker.run("p")), rc=rc, error="Ω\n", stacktrace=lines)
        packet = native.expect_result(rc)
        self.assertEqual((packet.error, packet.header["stacktrace"]), ("Ω\n", lines))
        packet = client.expect_result(rc)
        self.assertEqual((packet["error"], packet["stacktrace"]), ("Ω\n", lines))

    def test_detached(self):
        """No RESULT, unless it is refused at once (PROTOCOL 2)"""
        self.open_grpc()
        client, worker = self.grpc_client(), self.grpc_worker(2)
        detached = client.run("p", "later", detach=True)
        run = worker.take(detached)
        self.assertTrue(run.get("detach"))
        client.run("p", detach=True, cookie=detached)
        client.expect_result("COOKIE_COLLISION", detached)
        worker.finish(run, "nobody hears it")
        cookie = client.run("p")
        worker.finish(worker.take(cookie), 1)
        client.expect_result("OK", cookie)

    def test_a_cookie_in_capitals(self):
        """PROTOCOL 2: any letter case"""
        self.open_grpc()
        client, worker = self.grpc_client(), self.worker()
        cookie = client.run("p", 1, cookie=new_cookie().upper())
        worker.finish(worker.take(cookie), 2)
        self.assertEqual(client.expect_result("OK")["cookie"].lower(), cookie.lower())

    def test_own_pipelines(self):
        """PROTOCOL 7"""
        self.open_grpc()
        client = self.grpc_client()
        self.assertEqual(document(client.ask("$ping"))["protocol"], 1)
        self.assertEqual(client.ask("$what")["rc"], "BAD_PACKET")


class Deadlines(GrpcCase):
    def test_a_deadline_becomes_the_timeout(self):
        self.open_grpc()
        worker = self.worker(2)
        without, within = self.grpc_client(), self.grpc_client(deadline=1000)
        self.assertNotIn("timeout", worker.take(without.run("p")).header)
        timeout = worker.take(within.run("p")).header["timeout"]
        # It travels as a few digits and a unit: 1000 s may be 1010.
        self.assertLessEqual(timeout, 1_020_000)
        self.assertGreater(timeout, 1000)

    def test_a_deadline_that_passes(self):
        """The task is TIMED_OUT: its worker is sent a CANCEL."""
        self.open_grpc()
        worker, connection = self.worker(), self.connect().until_serving()
        client = connection.client(deadline=DEADLINE_S)
        cookie = client.run("p")
        run = worker.take(cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(run, rc="CANCELLED")
        self.assertEqual(client.status()[0], Code.DEADLINE_EXCEEDED)
        if client.has_news() and client._early != [fabric_grpc.END]:
            packet = client.expect_result("EXCEPTION", cookie)  # it was a little quicker
            self.assertTrue(packet["error"].startswith("TIMED_OUT"), packet)
        self.until_no_tasks()

    def test_in_the_queue(self):
        """With no worker there at all"""
        self.open_grpc()
        connection, asker = self.connect().until_serving(), self.client()
        client = connection.client(deadline=DEADLINE_S)
        client.run("p")
        eventually(lambda: asker.ask("$tasks").document(), "the task is there")
        self.assertEqual(client.status()[0], Code.DEADLINE_EXCEEDED)
        self.until_no_tasks()


class ClientsThatLeave(GrpcCase):
    def test_a_cancelled_call(self):
        """PROTOCOL 5.7: without `orphan` its tasks finish, and their results are dropped"""
        self.open_grpc()
        connection, worker = self.connect(), self.worker(2)
        gone, stays = connection.client(), connection.client()
        run, other = worker.take(gone.run("p")), worker.take(stays.run("p"))
        gone.cancel()
        gone.expect_end(Code.CANCELLED)
        worker.expect_nothing()
        worker.finish(run)
        worker.finish(other, "done")
        self.assertEqual(document(stays.expect_result()), "done")
        self.until_no_tasks()
        self.assertEqual(self.client().ask("$status").document()["tasks"]["outcomes"]["OK"], 2)

    def test_a_connection_that_breaks(self):
        self.open_grpc()
        worker, client = self.worker(1), self.client()
        process = self.process(
            sys.executable, fabric_grpc.__file__, "client", self.client_door, "p"
        )
        run = worker.take()
        process.kill()
        worker.finish(run, "x" * MIB)
        cookie = client.run("p")
        worker.finish(worker.take(cookie))
        client.expect_result("OK", cookie)
        self.until_no_tasks()

    def test_half_closed(self):
        """It gets the results of what it has open, then OK."""
        self.open_grpc()
        client, worker = self.grpc_client(), self.worker(5)
        cookies = [client.run("p", n) for n in range(5)]
        detached = client.run("p", detach=True)
        client.half_close()
        runs = [worker.take() for _ in cookies]
        self.assertFalse(client.has_news(20))
        for run in runs:
            worker.finish(run, run.document())
        self.assertEqual([document(client.expect_result()) for _ in cookies], list(range(5)))
        client.expect_end(Code.OK)
        worker.finish(worker.take(detached))

    @each("nothing", "ping", "bad")
    def test_half_closed_with_nothing_open(self, said):
        self.open_grpc()
        client = self.grpc_client()
        if said == "ping":
            client.ask("$ping")
        elif said == "bad":
            client.send_octets(b"\xff")
            client.expect_result("BAD_PACKET")
        client.half_close()
        client.expect_end(Code.OK)

    def test_half_closed_with_a_detached_task(self):
        self.open_grpc()
        connection = self.connect()
        for _ in range(100):
            client = connection.client()
            client.run("p", detach=True)
            client.half_close()
            client.expect_end(Code.OK)
        self.worker(100).serve(100, lambda run: 1)

    def test_half_closed_at_once(self):
        """RUN and the end of the stream come together."""
        self.open_grpc()
        connection = self.connect()
        for _ in range(100):
            client = connection.client()
            cookie = client.run("$ping")
            client.half_close()
            client.expect_result("OK", cookie)
            client.expect_end(Code.OK)


class WorkersThatLeave(GrpcCase):
    @each("half_close", "cancel", "close")
    def test_with_a_task(self, how):
        """PROTOCOL 5.8"""
        self.open_grpc()
        client, connection = self.client(), self.connect(self.worker_door)
        worker = self.known(lambda: connection.worker().register(2))
        done, lost, retried = client.run("p", 1), client.run("p", 2), client.run("p", 3, retries=1)
        worker.take(done)
        worker.take(lost)
        worker.finish(done, "in time")
        worker.take(retried)
        if how == "half_close":
            worker.half_close()
            worker.expect_end(Code.OK)
        elif how == "cancel":
            worker.cancel()
        else:
            connection.close()
        self.assertEqual(client.expect_result("OK", done).document(), "in time")
        client.expect_result("WORKER_WENT_AWAY", lost)
        self.until_workers(0)
        other = self.grpc_worker()
        other.finish(other.take(retried), 4)
        client.expect_result("OK", retried)

    def test_results_before_the_half_close_all_arrive(self):
        self.open_grpc()
        client, worker = self.client(), self.grpc_worker(100)
        cookies = [client.run("p") for _ in range(100)]
        runs = [worker.take() for _ in cookies]
        for run in runs:
            worker.finish(run, "x" * 10000)
        worker.half_close()
        for cookie in cookies:
            client.expect_result("OK", cookie)
        worker.expect_end(Code.OK)
        self.until_workers(0)

    def test_killed(self):
        self.open_grpc()
        client = self.client()
        process = self.process(sys.executable, fabric_grpc.__file__, "worker", self.worker_door, 2)
        process.wait_for_output("registered\n")
        cookies = [client.run("p"), client.run("p")]
        for cookie in cookies:
            process.wait_for_output(f"took {cookie}\n")
        process.signal(signal.SIGKILL)
        codes = {client.expect_result("WORKER_WENT_AWAY").cookie for _ in cookies}
        self.assertEqual({str(cookie) for cookie in codes}, set(cookies))

    def test_in_good_order(self):
        """PROTOCOL 3: SHUTDOWN of a worker's: nothing more, I leave when I have finished"""
        self.open_grpc()
        client, worker = self.client(), self.grpc_worker(3)
        first, second = client.run("p"), client.run("p")
        worker.take(first)
        worker.take(second)
        worker.send(packet_type="SHUTDOWN")
        worker.finish(first, 1)
        client.expect_result("OK", first)
        self.assertEqual(client.ask("p", wait=0).rc, "NO_CAPACITY")
        worker.finish(second, 2)
        client.expect_result("OK", second)
        worker.half_close()
        worker.expect_end(Code.OK)


class DrainCase(GrpcCase):
    def open_grpc(self, carrier="grpc", *options):
        super().open_grpc(carrier, *(options or ("--drain", LONG)))

    def stop_serving(self, worker):
        self.bridge.signal(signal.SIGTERM)
        worker.expect("SHUTDOWN")

    def expect_stopped(self, worker):
        """The worker's stream ends, with nothing more said, and so does the process."""
        with self.assertRaises(Ended):
            worker.expect("SHUTDOWN")
        self.assertEqual(self.bridge.wait(), 0)


class Draining(DrainCase):
    def test_what_is_open_is_answered(self):
        """Streams get what they have open, then UNAVAILABLE; workers are told."""
        self.open_grpc()
        idle, client, worker = self.grpc_client(), self.grpc_client(), self.grpc_worker(2)
        idle.ask("$ping")
        cookie = client.run("p")
        run = worker.take(cookie)
        self.stop_serving(worker)
        refused = client.run("p")
        client.expect_result("BROKER_WENT_AWAY", refused)  # PROTOCOL 5.9
        worker.finish(run, "done")
        self.assertEqual(document(client.expect_result("OK", cookie)), "done")
        client.expect_end(Code.UNAVAILABLE)
        idle.expect_end(Code.UNAVAILABLE)
        self.expect_stopped(worker)

    def test_the_drain_is_bounded(self):
        self.open_grpc("grpc", "--drain", "300")
        client, worker = self.grpc_client(), self.grpc_worker()
        worker.take(client.run("p"))
        self.stop_serving(worker)
        self.expect_stopped(worker)
        try:
            client.expect_result("BROKER_WENT_AWAY")
        except Ended:
            pass  # a bridge does not know what becomes of it
        client.expect_end(Code.UNAVAILABLE)

    def test_with_nothing_open(self):
        self.open_grpc()
        client, worker, silent = self.grpc_client(), self.grpc_worker(), self.grpc_client()
        client.ask("$ping")
        self.stop_serving(worker)
        client.expect_end(Code.UNAVAILABLE)
        silent.expect_end(Code.UNAVAILABLE)
        self.expect_stopped(worker)

    def test_health(self):
        """NOT_SERVING from the beginning of the drain"""
        self.open_grpc()
        client, worker = self.grpc_client(), self.grpc_worker()
        watches = [self.connect().watch(name) for name in ("", SERVICE, "some.Other")]
        self.assertEqual([watch.next() for watch in watches], [SERVING, SERVING, SERVICE_UNKNOWN])
        run = worker.take(client.run("p"))
        self.stop_serving(worker)
        self.assertEqual([watch.next() for watch in watches[:2]], [NOT_SERVING] * 2)
        self.assertFalse(watches[0].has_news(20))
        worker.finish(run)
        client.expect_result("OK")
        for watch in watches:
            watch.expect_end()
        self.expect_stopped(worker)


class DrainingInTheBroker(InTheBroker, Draining):
    pass


class DrainingAtOnce(DrainCase):
    def test_who_has_nothing_open_ends_first(self):
        self.open_grpc()
        idle, client, worker = self.grpc_client(), self.grpc_client(), self.grpc_worker()
        idle.ask("$ping")
        run = worker.take(client.run("p"))
        self.stop_serving(worker)
        idle.expect_end(Code.UNAVAILABLE)
        self.assertFalse(client.has_news(20))
        worker.finish(run)
        client.expect_result("OK")
        self.expect_stopped(worker)


class Health(GrpcCase):
    def test_check(self):
        self.open_grpc()
        connection = self.connect()
        for service in ("", SERVICE):
            self.assertEqual(connection.check(service), SERVING)
        with self.assertRaises(fabric_grpc.grpc.RpcError) as raised:
            connection.check("some.Other")
        self.assertEqual(raised.exception.code(), Code.NOT_FOUND)

    def test_watch_what_is_not_there(self):
        self.open_grpc()
        watch = self.connect().watch("some.Other")
        self.assertEqual(watch.next(), SERVICE_UNKNOWN)
        self.assertFalse(watch.has_news(20))  # the stream goes on

    def test_many_watchers(self):
        self.open_grpc()
        connection = self.connect()
        watchers = [connection.watch() for _ in range(100)]
        for watch in watchers:
            self.assertEqual(watch.next(), SERVING)
        for watch in watchers[::2]:
            watch.cancel()
        self.assertEqual(connection.check(), SERVING)


class OverRestarts(GrpcCase, FaultCase):
    def restarting(self):
        self.start_mortal()
        self.open_grpc()

    def test_health(self):
        self.restarting()
        connection = self.connect()
        watches = [connection.watch(service) for service in ("", SERVICE)]
        for watch in watches:
            self.assertEqual(watch.next(), SERVING)
        serve, listen = self.broker.client_endpoint, self.broker.worker_endpoint
        self.broker.kill()
        for watch in watches:
            self.assertEqual(watch.next(), NOT_SERVING)
        self.assertEqual(connection.check(), NOT_SERVING)
        self.start_mortal(serve=serve, listen=listen)
        for watch in watches:
            self.assertEqual(watch.next(), SERVING)
        self.assertEqual(connection.check(SERVICE), SERVING)

    def test_streams_go_on(self):
        """What was open ends with BROKER_WENT_AWAY; workers are there again without a word"""
        self.restarting()
        client, worker = self.grpc_client(), self.grpc_worker(2)
        cookie = client.run("p")
        run = worker.take(cookie)
        self.restart()
        client.expect_result("BROKER_WENT_AWAY", cookie)
        self.until_workers(1)
        while worker.has_news(20):
            worker.expect("CANCEL", cookie=cookie)
        worker.finish(run)
        self.connect().until_serving()
        after = client.run("p", 1)
        worker.finish(worker.take(after), 2)
        self.assertEqual(document(client.expect_result("OK", after)), 2)


class WithoutABroker(GrpcCase):
    def test_health_and_tasks(self):
        self.bridge = self.process(
            BINARY, "bridge", "--broker", free_tcp(), "--serve", "grpc://127.0.0.1:*"
        )
        connection = self.connect(self.door("clients"))
        self.assertEqual(connection.check(), NOT_SERVING)
        client = connection.client()
        cookie = client.run("p")
        client.expect_result("BROKER_WENT_AWAY", cookie)


class WhileThereIsNone(GrpcCase, FaultCase):
    PATIENCE = 5  # seconds that a bridge has for a broker to come

    def test_clients_are_held(self):
        """docs: what they ask is answered when there is a broker again, or after 5 s"""
        self.start_mortal()
        self.open_grpc()
        connection = self.connect()
        old, new = connection.client(), connection.client()
        old.ask("$ping")
        serve, listen = self.broker.client_endpoint, self.broker.worker_endpoint
        self.broker.kill()
        eventually(lambda: connection.check() == NOT_SERVING, "the bridge knows it")
        began = time.monotonic()
        asked = [(client, client.run("$ping")) for client in (old, new)]
        self.start_mortal(serve=serve, listen=listen)
        for client, cookie in asked:
            packet = client.expect("RESULT", cookie=cookie)
            if time.monotonic() - began < self.PATIENCE:
                self.assertEqual(packet["rc"], "OK", packet)


class Places(GrpcCase):
    def test_beyond_loopback_it_wants_certificates(self):
        bridge = self.process(BINARY, "bridge", "--serve", "grpc://0.0.0.0:*")
        self.assertEqual(bridge.wait(), 1)
        self.assertIn("--insecure", bridge.err.text)

    def test_grpcs_wants_a_certificate(self):
        bridge = self.process(BINARY, "bridge", "--serve", "grpcs://127.0.0.1:*")
        self.assertIn(bridge.wait(), (1, 2))
        self.assertIn("--tls-cert", bridge.err.text)

    def test_a_port_in_use(self):
        self.open_grpc()
        bridge = self.process(BINARY, "bridge", "--serve", self.client_door)
        self.assertEqual(bridge.wait(), 1)
        self.assertIn("in use", bridge.err.text)

    def test_socket_files(self):
        path = self.scratch.file()
        self.start_bridge(f"grpc+unix://{path}", self.place("unix"), "--socket-mode", "0660")
        self.connect().until_serving()
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
        self.grpc_client().ask("$ping")
        again = self.process(BINARY, "bridge", "--serve", f"grpc+unix://{path}")
        self.assertEqual(again.wait(), 1)
        self.grpc_client().ask("$ping")
        self.assertEqual(self.bridge.stop(), 0)
        self.assertFalse(path.exists())

    def test_ipv6(self):
        if not pathlib.Path("/proc/net/if_inet6").exists():
            self.skipTest("no IPv6 here")
        self.start_bridge("grpc://[::1]:*", "grpc://[::1]:*")
        self.connect().until_serving()
        self.grpc_client().ask("$ping")

    def test_the_description(self):
        """transports/reasonchip.proto says what PROTOCOL 9 says."""
        said = (ROOT / "transports" / "reasonchip.proto").read_text()
        self.assertRegex(said, r'syntax *= *"proto3"')
        found = re.findall(r"^ *(repeated +)?(\w+) +(\w+) *= *(\d+);", said, re.MULTILINE)
        told = {name: (int(number), kind, bool(again)) for again, kind, name, number in found}
        wanted = {
            field.name: (field.number, field.message_type.name if field.message_type else None,
                         field.label == field.LABEL_REPEATED)
            for field in fabric_grpc.Packet.DESCRIPTOR.fields
        }  # fmt: skip
        self.assertEqual(told.pop("value")[0], 1)
        self.assertEqual({name: (number, again) for name, (number, _, again) in told.items()},
                         {name: (number, again) for name, (number, _, again) in wanted.items()})


class Unused(GrpcCase):
    def test_no_threads_and_no_libraries(self):
        """A broker or bridge without such a door has nothing of gRPC in it."""
        self.start(serve=[self.scratch.ipc(), "http://127.0.0.1:*"])
        self.bridge = self.process(
            BINARY, "bridge", "--broker", self.broker.client_endpoint, "--serve",
            "json+tcp://127.0.0.1:*",
        )  # fmt: skip
        self.bridge.wait_for_output("ready\n")
        for process in (self.broker, self.bridge):
            proc = pathlib.Path(f"/proc/{process.pid}")
            self.assertNotRegex((proc / "maps").read_text(), r"libgrpc|libgpr|libabsl|libprotobuf\.so")
            names = [(task / "comm").read_text().strip() for task in (proc / "task").iterdir()]
            for name in names:
                self.assertNotRegex(name, "grpc|event_engine|resolver|timer", names)


class WithKeys(GrpcCase, KeysCase):
    def test_rights(self):
        """PROTOCOL 8 and 9: who comes through the door has the rights of the bridge's key"""
        narrow = self.authorize(self.key("narrow", "client", "allowed.*"))
        self.open_grpc("grpc", "--server-key", self.own.certificate, "--curve",
                       narrow.secret_file, "--worker-curve", self.hal.secret_file)  # fmt: skip
        worker = self.connect(self.worker_door).worker().register(1)
        client = self.grpc_client()
        packet = client.ask("other")
        self.assertEqual(packet["rc"], "EXCEPTION")
        self.assertTrue(packet["error"].startswith("FORBIDDEN"), packet)
        cookie = client.run("allowed.x", 1)
        worker.finish(worker.take(cookie), 2)
        client.expect_result("OK", cookie)


class Tls(GrpcCase):
    def assert_turned_away(self, **keys):
        stream = self.connect(**keys).client()
        self.assertEqual(stream.status()[0], Code.UNAVAILABLE)

    def test_certificates_of_clients(self):
        pair, other = self.make_certificate("client"), self.make_certificate("other")
        self.open_grpc("grpcs", "--tls-ca", pair[0], "--tls-require-client-cert")
        trust = (self.certificates[0], self.NAME)
        self.connect(tls=(*trust, *pair)).until_serving().client().ask("$ping")
        self.assert_turned_away(tls=trust)
        self.assert_turned_away(tls=(*trust, *other))
        self.connect(tls=(*trust, *pair)).client().ask("$ping")

    def test_without_tls_at_a_door_with_it(self):
        self.open_grpc("grpcs")
        plain, self.certificates = self.certificates, None
        self.assert_turned_away()
        self.certificates = plain
        self.grpc_client().ask("$ping")

    def test_certificates_are_read_again(self):
        self.open_grpc("grpcs")
        client = self.grpc_client()
        client.ask("$ping")
        old = self.make_certificate("kept")[0]
        old.write_bytes(self.certificates[0].read_bytes())
        cert, key = self.make_certificate("new")
        cert.rename(self.certificates[0])
        key.rename(self.certificates[1])
        self.bridge.signal(signal.SIGHUP)
        self.assertTrue(self.bridge.err.wait_for("read again"))
        client.ask("$ping")  # what stands goes on
        new = (self.certificates[0], "new")
        self.connect(tls=new).client().ask("$ping")
        self.assert_turned_away(tls=(old, self.NAME))
        keep = cert.with_suffix(".keep")
        keep.write_bytes(self.certificates[0].read_bytes())
        self.certificates[0].write_text("rubbish")
        self.bridge.signal(signal.SIGHUP)
        self.assertTrue(self.bridge.err.wait_for("stay as they were"))
        self.connect(tls=(keep, "new")).client().ask("$ping")


if __name__ == "__main__":
    unittest.main()

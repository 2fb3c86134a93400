"""The house's own checks must ring as well: planted breaches of each rule, in a scratch tree."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = '#ifndef %s\n#define %s\n%s\n#endif\n'


class Rules(unittest.TestCase):
    def setUp(self):
        self.tree = tempfile.TemporaryDirectory()
        self.addCleanup(self.tree.cleanup)
        self.put('fabric/a.h', HEADER % ('FABRIC_A_H', 'FABRIC_A_H', 'int a (void);'))
        self.put('fabric/a.c', '#include "fabric/a.h"\n\n#include <string.h>\n')
        self.put('codec/b.c', '#include "fabric/a.h"\n')

    def put(self, path, text):
        path = os.path.join(self.tree.name, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)

    def run_rule(self, rule):
        environment = dict(os.environ, ZFABRIC_SOURCE=self.tree.name)
        done = subprocess.run([sys.executable, os.path.join(HERE, rule)], env=environment,
                              text=True, capture_output=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def rings(self, rule, words):
        status, output = self.run_rule(rule)
        self.assertEqual(status, 1, output)
        self.assertIn(words, output)

    def is_silent(self, rule):
        status, output = self.run_rule(rule)
        self.assertEqual(status, 0, output)

    def test_a_tidy_tree_is_silent(self):
        self.is_silent('test_includes.py')
        self.is_silent('test_calls.py')
        self.is_silent('test_sizes.py')

    def test_an_empty_tree_rings(self):
        self.tree.cleanup()
        os.makedirs(self.tree.name)
        self.rings('test_includes.py', 'nothing was found')

    def test_a_room_below_cannot_enter_one_above(self):
        self.put('codec/b.h', HEADER % ('CODEC_B_H', 'CODEC_B_H', ''))
        self.put('fabric/c.c', '#include "codec/b.h"\n')
        self.rings('test_includes.py', 'fabric/c.c:1: fabric may not enter codec')

    def test_rooms_side_by_side_do_not_know_each_other(self):
        self.put('worker/w.h', HEADER % ('WORKER_W_H', 'WORKER_W_H', ''))
        self.put('client/c.c', '\n#include "worker/w.h"\n')
        self.rings('test_includes.py', 'client/c.c:2: client may not enter worker')

    def test_transports_enter_by_the_public_door_only(self):
        self.put('worker/w.h', HEADER % ('WORKER_W_H', 'WORKER_W_H', ''))
        self.put('transports/t.c', '#include "worker/w.h"\n')
        self.rings('test_includes.py', 'transports may not enter worker')

    def test_pure_files_do_not_look_at_the_clock(self):
        self.put('codec/c.c', '#include <time.h>\n')
        self.rings('test_includes.py', 'codec/c.c:1: is pure')

    def test_pure_files_have_only_snprintf_of_stdio(self):
        self.put('codec/c.c', '#include <stdio.h>\nvoid c (void)\n{\n    snprintf (0, 0, "x");\n}\n')
        self.is_silent('test_includes.py')
        self.put('codec/c.c', '#include <stdio.h>\nvoid c (void)\n{\n    fopen ("x", "r");\n}\n')
        self.rings('test_includes.py', 'codec/c.c:4: is pure, and this is not: fopen')

    def test_pure_files_do_not_speak_to_zeromq(self):
        for header in 'zmq.h', 'czmq.h', 'zactor.h', 'zmq_utils.h':
            self.put('broker/c.c', '#include <%s>\n' % header)
            self.rings('test_includes.py', 'broker/c.c:1: may not speak to ZeroMQ')

    def test_what_is_not_pure_cannot_come_in_by_a_header(self):
        self.put('broker/sockets.h', HEADER % ('BROKER_SOCKETS_H', 'BROKER_SOCKETS_H', ''))
        self.put('broker/broker.c', '#include "broker/sockets.h"\n')
        self.is_silent('test_includes.py')
        self.put('broker/task.c', '#include "broker/sockets.h"\n')
        self.rings('test_includes.py', 'broker/task.c:1: is pure')

    def test_headers_name_their_room(self):
        self.put('fabric/c.c', '#include "a.h"\n')
        self.rings('test_includes.py', 'fabric/c.c:1: name its room')
        self.put('fabric/c.c', '#include "b.h"\n')
        self.rings('test_includes.py', 'fabric/c.c:1: no such header')

    def test_a_source_includes_its_own_header_first(self):
        self.put('fabric/a.c', '#include <string.h>\n\n#include "fabric/a.h"\n')
        self.rings('test_includes.py', 'first comes its own header')

    def test_headers_do_not_include_each_other(self):
        self.put('fabric/a.h', HEADER % ('FABRIC_A_H', 'FABRIC_A_H', '#include "fabric/c.h"'))
        self.put('fabric/c.h', HEADER % ('FABRIC_C_H', 'FABRIC_C_H', '#include "fabric/a.h"'))
        self.rings('test_includes.py', 'fabric/a.h -> fabric/c.h -> fabric/a.h')

    def test_guards_have_the_headers_name(self):
        self.put('fabric/c.h', HEADER % ('C_H', 'C_H', ''))
        self.rings('test_includes.py', 'FABRIC_C_H')

    def test_an_include_in_a_comment_is_none(self):
        self.put('codec/c.c', '/* #include <zmq.h> */\n// #include <time.h>\n')
        self.is_silent('test_includes.py')

    def test_banned_calls_are_found(self):
        self.put('codec/c.c', 'void c (char *s)\n{\n    strcpy(s, "x");\n}\n')
        self.rings('test_calls.py', 'codec/c.c:3: strcpy ()')

    def test_the_library_does_not_print(self):
        self.put('codec/c.c', 'void c (void)\n{\n    printf ("x");\n}\n')
        self.rings('test_calls.py', 'codec/c.c:3: printf () prints')
        self.put('codec/c.c', '')
        self.put('cli/c.c', 'void c (void)\n{\n    printf ("x");\n}\n')
        self.is_silent('test_calls.py')

    def test_calls_in_comments_strings_and_members_are_none(self):
        self.put('codec/c.c', '// gets ()\n/* gets () */\nchar *c = "gets ()";\n'
                 'int d (struct x *y) { return y->gets (1) + y.gets (2) + fgets (3); }\n')
        self.is_silent('test_calls.py')

    def test_long_functions_are_listed(self):
        self.put('codec/c.c', 'int c (void)\n{\n%s}\n' % ('    x ();\n' * 61))
        status, output = self.run_rule('test_sizes.py')
        self.assertEqual(status, 0)
        self.assertIn('codec/c.c:1: c () has 61 lines', output)


if __name__ == '__main__':
    unittest.main()

"""Writes the manual of the library's classes, section 3, in scdoc's notation, from the public headers:
what the headers say is what the pages say.

    library.py SOURCE VERSION FOLDER     writes FOLDER/zfabric_client.3.scd and its like
    library.py SOURCE                    prints their names

A header is read in pieces that blank lines divide: a comment, and the declarations that it is about.
A piece goes to the page of the class that its first name belongs to. Before the first piece stands
the comment on the whole header, which opens the page that the header is named for; what stands
deeper in it is shown as it is.
"""

import copy
import itertools
import re
import sys

# The page, its one line, the header, other names that belong there, the program that is its example.
PAGES = (
    ('zfabric_client', 'runs tasks through a broker', 'client/zfabric_client.h',
     ('zfabric_run', 'zfabric_result_fn', 'zfabric_partial_fn'), 'batch.c'),
    ('zfabric_call', 'a task that was started', 'client/zfabric_client.h', (), 'stream.c'),
    ('zfabric_result', 'how a task ended, and pieces that came before', 'client/zfabric_client.h',
     ('zfabric_partial', 'zfabric_rc', 'zfabric_encoding'), 'hello.c'),
    ('zfabric_worker', 'serves pipelines for a broker, or for several', 'worker/zfabric_worker.h',
     ('zfabric_handler',), 'worker.c'),
    ('zfabric_task', 'what a handler is given', 'worker/zfabric_worker.h', (), 'worker.c'),
    ('zfabric_broker', 'a broker inside of a program', 'broker/zfabric_broker.h',
     ('zfabric_log',), 'embedded.c'),
)
HEADERS = ('client/zfabric_client.h', 'worker/zfabric_worker.h', 'broker/zfabric_broker.h',
           'fabric/zfabric_result.h', 'fabric/zfabric_encoding.h')


def words_of(comment):
    """The text of a comment; what is indented in it stays so."""
    if comment.startswith('/*'):
        lines = [re.sub(r'^ ?\* {0,2}', '', line) for line in comment[2:-2].split('\n')]
        lines[0] = lines[0].strip()
    else:
        lines = [re.sub(r'^// ?', '', line) for line in comment.split('\n')]
    return '\n'.join(lines).rstrip()


class Piece:
    COMMENT = re.compile(r'\A(/\*.*?\*/|(?://[^\n]*\n?)+)\s*', re.S)

    def __init__(self, text):
        match = self.COMMENT.match(text)
        self.words = words_of(match.group(1).rstrip()) if match else ''
        self.code = re.sub(r'^ZFABRIC_EXPORT ', '', text[match.end() if match else 0:], flags=re.M)
        self.is_function = 'ZFABRIC_EXPORT ' in text
        if self.is_function:
            # What a function's name is aligned to loses what went before it.
            self.code = '\n'.join(re.sub(r'^ {15}', '', line) for line in self.code.split('\n'))
        names = re.findall(r'\bzfabric_\w+', re.sub(r'//[^\n]*|/\*.*?\*/', '', self.code, flags=re.S))
        calls = re.findall(r'\b(zfabric_\w+)\)? \(', self.code)
        if self.is_function or self.code.startswith('typedef void'):
            names = calls
        elif self.code.startswith('#define'):
            names = [self.code.split()[1].lower()]
        elif re.match(r'typedef (struct|enum) \{', self.code):
            names = names[-1:]
        self.name = names[0] if names else ''

    def parts(self):
        """Functions that share a comment may belong to different pages."""
        functions = re.findall(r'[^;]*;', self.code) if self.is_function else []
        for code in functions:
            part = copy.copy(self)
            part.code = code.strip('\n')
            part.name = re.findall(r'\b(zfabric_\w+) \(', code)[0]
            yield part
        if not functions:
            yield self


def read(path):
    """The comment on the whole header, and its pieces."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    top = re.match(r'/\*.*?\*/', text, re.S).group()
    rest = re.sub(r'^#(if|endif|include)[^\n]*\n|^extern "C" \{\n(#endif\n)?|^\}\n|^#define \w+_H\n', '',
                  text[len(top):], flags=re.M)
    blocks = [block.strip('\n') for block in re.split(r'\n{2,}', rest) if block.strip()]
    # The table of codes has a blank line behind it, and its names are made in what follows.
    return words_of(top), [Piece(block) for block in blocks]


def page_of(piece, header):
    best, longest = None, 0
    for name, _, _, others, _ in PAGES:
        for prefix in (name,) + others:
            if piece.name.startswith(prefix) and len(prefix) > longest:
                best, longest = name, len(prefix)
    own = header.split('/')[1][:-2]
    return best or (own if own in [page[0] for page in PAGES] else 'zfabric_result')


def escape(text):
    """A line, with what stands between `backquotes` bold."""
    text = re.sub(r'([\\*_])', r'\\\1', text)
    text = re.sub(r'`([^`]+)`', r'*\1*', text)
    return '\\' + text if re.match(r'[-#|\[\]<>`.]', text) else text


def literal(code):
    return '```\n' + code.replace('\\', '\\\\') + '\n```\n'


def prose(words):
    """Paragraphs, with what is indented by four or more as it stands."""
    out, block = [], []
    for part in words.split('\n\n'):
        if part.startswith('    '):
            block.append('\n'.join(line[4:] for line in part.split('\n')))
            continue
        if block:
            out.append(literal('\n\n'.join(block)))
            block = []
        out.append('\n'.join(escape(line.strip()) for line in part.split('\n')) + '\n')
    if block:
        out.append(literal('\n\n'.join(block)))
    return '\n'.join(out)


def codes_of(piece):
    """The table of codes, as the enumeration that the compiler makes of it."""
    if piece.code.startswith('#define ZFABRIC_RESULT_CODES'):
        return '\n'.join('*ZFABRIC_%s*\n\t%s\n' % (escape(name), escape(meaning))
                         for name, meaning in re.findall(r'X \((\w+), "(.*)"\)', piece.code))
    return ''


def write_page(page, version, tops, pieces, source, out):
    name, summary, header, _, example = page
    own = header.split('/')[1][:-2] == name
    types = [piece for piece in pieces if not piece.is_function]
    functions = [piece for piece in pieces if piece.is_function]
    out.write('%s(3) "zfabric %s" "libzfabric"\n\n' % (name, version))
    out.write('# NAME\n\n%s - %s\n\n' % (name, summary))
    out.write('# SYNOPSIS\n\n%s\n' % literal('#include <zfabric.h>\n\n' + '\n'.join(
        piece.code for piece in functions)))
    out.write('Link with *pkg-config --libs libzfabric*.\n\n# DESCRIPTION\n\n')
    if own:
        words = tops[header].split('\n', 1)[1].strip('\n')
        out.write(prose(words) + '\n')
    else:
        main = header.split('/')[1][:-2]
        out.write('What holds for all of these, threads and errors among it, is in *%s*(3).\n\n'
                  % escape(main))
    if types:
        out.write('# TYPES\n\n')
    for piece in types:
        if piece.words:
            out.write(prose(piece.words) + '\n')
        out.write((codes_of(piece) or literal(piece.code)) + '\n')
    out.write('# FUNCTIONS\n\n')
    for words, group in itertools.groupby(functions, key=lambda piece: piece.words):
        out.write('*%s*\n' % '*, *'.join(escape(piece.name) + ' ()' for piece in group))
        out.write(''.join('\t' + line + '\n' if line else '\n' for line in
                          prose(words).split('\n')) + '\n')
    with open('%s/examples/c/%s' % (source, example), encoding='utf-8') as file:
        out.write('# EXAMPLE\n\n%s\n' % literal(file.read().rstrip('\n')))
    others = ['*%s*(3)' % escape(other[0]) for other in PAGES if other[0] != name]
    out.write('# SEE ALSO\n\n%s, *zfabric*(1), *zfabric*(7)\n' % ', '.join(others))


def main():
    source = sys.argv[1]
    if len(sys.argv) == 2:
        print(';'.join(page[0] + '.3' for page in PAGES))
        return
    version, folder = sys.argv[2:4]
    tops, on_page = {}, {page[0]: [] for page in PAGES}
    for header in HEADERS:
        tops[header], pieces = read('%s/%s' % (source, header))
        for piece in pieces:
            for part in piece.parts():
                on_page[page_of(part, header)].append(part)
    for page in PAGES:
        with open('%s/%s.3.scd' % (folder, page[0]), 'w', encoding='utf-8') as out:
            write_page(page, version, tops, on_page[page[0]], source, out)


if __name__ == '__main__':
    main()

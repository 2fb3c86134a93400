/*  Line by line: a section at the margin, its members indented by four spaces, what is deeper
 * passed over.
 */
#define _DEFAULT_SOURCE // explicit_bzero ()

#include "fabric/certificate.h"

#include <errno.h>

#define INDENT 4 // spaces a level, by the RFC

typedef enum { ELSEWHERE, IN_METADATA, IN_CURVE } section_t;

typedef struct {
    certificate_t *certificate;
    section_t section;
    unsigned sections; // 1 << section_t of those that were there
    bool has_public;
    unsigned number; // of the line
    fault_t *fault;
} reader_t;

static int refuse (const reader_t *self, const char *words)
{
    fault_set (self->fault, "line %u: %s", self->number, words);
    errno = EINVAL;
    return -1;
}

static bool is_space (uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static slice_t skip (slice_t text, size_t count)
{
    return count ? slice_of (text.ptr + count, text.len - count) : text;
}

static slice_t trim (slice_t text)
{
    while (text.len && is_space (text.ptr[0]))
        text = skip (text, 1);
    while (text.len && is_space (text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static bool is_name (uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || (c && strchr ("$-_@.&+/", c));
}

static slice_t take_name (slice_t *rest)
{
    slice_t name = slice_of (rest->ptr, 0);

    while (name.len < rest->len && is_name (rest->ptr[name.len]))
        name.len++;
    *rest = skip (*rest, name.len);
    return name;
}

static bool is_over (slice_t rest)
{
    rest = trim (rest);
    return rest.len == 0 || rest.ptr[0] == '#';
}

// What follows the `=`, to the end of the line.
static int read_value (const reader_t *self, slice_t rest, slice_t *value)
{
    rest = trim (rest);
    if (rest.len && (rest.ptr[0] == '"' || rest.ptr[0] == '\'')) {
        const uint8_t *end = (const uint8_t *)memchr (rest.ptr + 1, rest.ptr[0], rest.len - 1);
        if (!end)
            return refuse (self, "a quote is missing");
        *value = slice_of (rest.ptr + 1, (size_t)(end - rest.ptr) - 1);
        if (!is_over (skip (rest, value->len + 2)))
            return refuse (self, "something follows the quoted value");
        return 0;
    }
    const uint8_t *comment = rest.len ? (const uint8_t *)memchr (rest.ptr, '#', rest.len) : NULL;
    // The alphabet of Z85 has a '#': a key that is not quoted would be cut.
    if (comment && comment > rest.ptr && !is_space (comment[-1]))
        return refuse (self, "a value with a # in it must be quoted");
    *value = trim (slice_of (rest.ptr, comment ? (size_t)(comment - rest.ptr) : rest.len));
    return 0;
}

static int take_key (reader_t *self, slice_t value, bool *had, fabric_key_t *key)
{
    if (*had)
        return refuse (self, "a key stands there twice");
    if (key_parse (value, key))
        return refuse (self, "a key is not 40 characters of Z85");
    *had = true;
    return 0;
}

static int take_text (reader_t *self, slice_t value, bool *had, slice_t *text)
{
    if (*had)
        return refuse (self, "role or pipelines stand there twice");
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < 0x20 || value.ptr[i] == 0x7f)
            return refuse (self, "a control character in the metadata");
    }
    *had = true;
    *text = value;
    return 0;
}

static int read_member (reader_t *self, slice_t rest)
{
    certificate_t *certificate = self->certificate;
    slice_t name = take_name (&rest), value = {0};

    rest = trim (rest);
    if (name.len == 0 || (rest.len && rest.ptr[0] != '=' && rest.ptr[0] != '#'))
        return refuse (self, "not `name = value`");
    if (rest.len && rest.ptr[0] == '=' && read_value (self, skip (rest, 1), &value))
        return -1;
    if (self->section == IN_CURVE && slice_equal (name, slice_text ("public-key")))
        return take_key (self, value, &self->has_public, &certificate->public_key);
    if (self->section == IN_CURVE && slice_equal (name, slice_text ("secret-key")))
        return take_key (self, value, &certificate->has_secret, &certificate->secret_key);
    if (self->section == IN_METADATA && slice_equal (name, slice_text ("role")))
        return take_text (self, value, &certificate->has_role, &certificate->role);
    if (self->section == IN_METADATA && slice_equal (name, slice_text ("pipelines")))
        return take_text (self, value, &certificate->has_pipelines, &certificate->pipelines);
    return 0;
}

static int read_section (reader_t *self, slice_t rest)
{
    slice_t name = take_name (&rest), value;

    self->section = ELSEWHERE;
    if (slice_equal (name, slice_text ("metadata")))
        self->section = IN_METADATA;
    if (slice_equal (name, slice_text ("curve")))
        self->section = IN_CURVE;
    rest = trim (rest);
    if (name.len == 0 || (rest.len && rest.ptr[0] != '=' && rest.ptr[0] != '#'))
        return refuse (self, "not the name of a section");
    if (rest.len && rest.ptr[0] == '=' && read_value (self, skip (rest, 1), &value))
        return -1;
    if (self->section != ELSEWHERE && self->sections >> self->section & 1)
        return refuse (self, "a section stands there twice");
    self->sections |= 1u << self->section;
    return 0;
}

static int read_line (reader_t *self, slice_t line)
{
    size_t indent = 0;

    if (line.len && memchr (line.ptr, '\0', line.len))
        return refuse (self, "a zero octet: this is no text");
    while (indent < line.len && line.ptr[indent] == ' ')
        indent++;
    slice_t rest = skip (line, indent);
    if (is_over (rest))
        return 0;
    if (rest.ptr[0] == '\t' || indent % INDENT)
        return refuse (self, "not indented by four spaces a level");
    if (indent == 0)
        return read_section (self, rest);
    if (!self->sections)
        return refuse (self, "indented, but below no section");
    return indent == INDENT ? read_member (self, rest) : 0;
}

int certificate_read (slice_t text, certificate_t *certificate, fault_t *fault)
{
    reader_t reader = {.certificate = certificate, .fault = fault};

    *certificate = (certificate_t){0};
    if (text.len > CERTIFICATE_OCTETS_MAX) {
        fault_set (fault, "more than %u octets are no certificate", CERTIFICATE_OCTETS_MAX);
        errno = EINVAL;
        return -1;
    }
    while (text.len > 0) {
        const uint8_t *newline = (const uint8_t *)memchr (text.ptr, '\n', text.len);
        size_t len = newline ? (size_t)(newline - text.ptr) : text.len;
        reader.number++;
        if (read_line (&reader, slice_of (text.ptr, len)))
            return -1;
        text = skip (text, newline ? len + 1 : len);
    }
    if (!reader.has_public)
        return refuse (&reader, "no public-key below curve");
    return 0;
}

static void put_member (buffer_t *out, const char *name, slice_t value)
{
    buffer_text (out, "    ");
    buffer_text (out, name);
    buffer_text (out, " = \"");
    buffer_slice (out, value);
    buffer_text (out, "\"\n");
}

static void put_key (buffer_t *out, const char *name, const fabric_key_t *key)
{
    char text[KEY_TEXT + 1];

    key_print (key, text);
    put_member (out, name, slice_text (text));
    explicit_bzero (text, sizeof text);
}

void certificate_write (const certificate_t *certificate, const char *comment, buffer_t *out)
{
    if (comment) {
        buffer_text (out, "#   ");
        buffer_text (out, comment);
        buffer_octet (out, '\n');
    }
    buffer_text (out, "metadata\n");
    if (certificate->has_role)
        put_member (out, "role", certificate->role);
    if (certificate->has_pipelines)
        put_member (out, "pipelines", certificate->pipelines);
    buffer_text (out, "curve\n");
    put_key (out, "public-key", &certificate->public_key);
    if (certificate->has_secret)
        put_key (out, "secret-key", &certificate->secret_key);
}

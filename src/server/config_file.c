#include "server/config_file.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define VALUE_SIZE 4096
#define WHERE_SIZE 1024

struct file {
    const char *path;
    yaml_document_t document;
    config_entry *entry;
    void *context;
};

void config_complain(const char *where, const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "monoport: %s: %s\n", where, line);
}

static const char *place(const struct file *f, size_t line, char where[WHERE_SIZE])
{
    snprintf(where, WHERE_SIZE, "%.*s:%zu", WHERE_SIZE - 32, f->path, line + 1);
    return where;
}

static bool append(char value[VALUE_SIZE], const yaml_node_t *n)
{
    size_t len = strlen(value), more = n->data.scalar.length;
    if (memchr(n->data.scalar.value, 0, more) || len + more + 2 > VALUE_SIZE)
        return false;
    snprintf(value + len, VALUE_SIZE - len, "%s%s", len ? "," : "", (const char *)n->data.scalar.value);
    return true;
}

static bool value_of(struct file *f, const yaml_node_t *n, char value[VALUE_SIZE])
{
    value[0] = 0;
    if (n->type == YAML_SCALAR_NODE)
        return append(value, n);
    if (n->type != YAML_SEQUENCE_NODE)
        return false;
    for (const yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
        const yaml_node_t *element = yaml_document_get_node(&f->document, *i);
        if (!element || element->type != YAML_SCALAR_NODE || !append(value, element))
            return false;
    }
    return true;
}

static bool read_pair(struct file *f, const yaml_node_pair_t *pair)
{
    const yaml_node_t *key = yaml_document_get_node(&f->document, pair->key);
    const yaml_node_t *node = yaml_document_get_node(&f->document, pair->value);
    char where[WHERE_SIZE], value[VALUE_SIZE];
    place(f, key ? key->start_mark.line : 0, where);
    if (!key || key->type != YAML_SCALAR_NODE || !node || !value_of(f, node, value)) {
        config_complain(where, "expected NAME: VALUE, or NAME: and a list of values");
        return false;
    }
    return f->entry(f->context, where, (const char *)key->data.scalar.value, value);
}

static bool read_document(struct file *f)
{
    const yaml_node_t *root = yaml_document_get_root_node(&f->document);
    char where[WHERE_SIZE];
    if (!root || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0))
        return true; /* an empty file */
    if (root->type != YAML_MAPPING_NODE) {
        config_complain(place(f, root->start_mark.line, where), "expected lines of NAME: VALUE");
        return false;
    }
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++)
        if (!read_pair(f, p))
            return false;
    return true;
}

static bool parse(struct file *f, FILE *in)
{
    yaml_parser_t parser;
    char where[WHERE_SIZE];
    if (!yaml_parser_initialize(&parser)) {
        config_complain(f->path, "out of memory");
        return false;
    }
    yaml_parser_set_input_file(&parser, in);
    bool ok = yaml_parser_load(&parser, &f->document) != 0;
    if (ok) {
        ok = read_document(f);
        yaml_document_delete(&f->document);
    } else if (ferror(in)) {
        config_complain(f->path, "%s", strerror(errno));
    } else {
        config_complain(place(f, parser.problem_mark.line, where), "%s",
                        parser.problem ? parser.problem : "not a YAML file");
    }
    yaml_parser_delete(&parser);
    return ok;
}

bool config_file_read(const char *path, config_entry *entry, void *context)
{
    struct file f = {.path = path, .entry = entry, .context = context};
    FILE *in = fopen(path, "rb");
    if (!in) {
        config_complain(path, "%s", strerror(errno));
        return false;
    }
    bool ok = parse(&f, in);
    fclose(in);
    return ok;
}

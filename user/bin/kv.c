// SPDX-License-Identifier: Apache-2.0
/* A key-value store in memory, a line a command: a hash table that doubles as it fills. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "user/lib/tool.h"

struct pair {
    struct pair *next;
    uint64_t hash;
    char *value;
    char key[];
};

static struct {
    struct pair **buckets;
    size_t bucket_count; // a power of two
    size_t count;
    size_t bytes;
    uint64_t gets, sets, deletes;
} store;

// FNV-1a.
static uint64_t hash_of(const char *key)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *key != '\0'; key++) {
        hash = (hash ^ (unsigned char)*key) * 0x100000001b3;
    }
    return hash;
}

static void grow(void)
{
    size_t count = store.bucket_count == 0 ? 64 : store.bucket_count * 2;
    struct pair **buckets = calloc(count, sizeof(struct pair *));
    if (buckets == NULL) {
        if (store.bucket_count == 0) {
            tool_die("out of memory");
        }
        return; // longer chains until there is memory
    }
    for (size_t i = 0; i < store.bucket_count; i++) {
        while (store.buckets[i] != NULL) {
            struct pair *p = store.buckets[i];
            store.buckets[i] = p->next;
            p->next = buckets[p->hash & (count - 1)];
            buckets[p->hash & (count - 1)] = p;
        }
    }
    free(store.buckets);
    store.buckets = buckets;
    store.bucket_count = count;
}

// Where the pair hangs, or would.
static struct pair **find(const char *key, uint64_t hash)
{
    struct pair **link = &store.buckets[hash & (store.bucket_count - 1)];
    while (*link != NULL && ((*link)->hash != hash || strcmp((*link)->key, key) != 0)) {
        link = &(*link)->next;
    }
    return link;
}

static void set(const char *key, const char *value)
{
    if (store.count >= store.bucket_count) {
        grow();
    }
    uint64_t hash = hash_of(key);
    struct pair **link = find(key, hash);
    char *copy = strdup(value);
    struct pair *p = *link;
    if (copy != NULL && p == NULL) {
        size_t size = strlen(key) + 1;
        p = malloc(sizeof(*p) + size);
        if (p != NULL) {
            *p = (struct pair){.hash = hash};
            memcpy(p->key, key, size);
            *link = p;
            store.count++;
            store.bytes += size - 1;
        }
    }
    if (copy == NULL || p == NULL) {
        free(copy);
        tool_warn("%s: out of memory", key);
        return;
    }
    store.bytes += strlen(copy) - (p->value == NULL ? 0 : strlen(p->value));
    free(p->value);
    p->value = copy;
    store.sets++;
    puts("OK");
}

static void get(const char *key)
{
    const struct pair *p = *find(key, hash_of(key));
    store.gets++;
    puts(p != NULL ? p->value : "(nil)");
}

static void delete(const char *key)
{
    struct pair **link = find(key, hash_of(key));
    struct pair *p = *link;
    store.deletes++;
    if (p == NULL) {
        puts("(nil)");
        return;
    }
    *link = p->next;
    store.count--;
    store.bytes -= strlen(p->key) + strlen(p->value);
    free(p->value);
    free(p);
    puts("OK");
}

static void list_keys(void)
{
    for (size_t i = 0; i < store.bucket_count; i++) {
        for (const struct pair *p = store.buckets[i]; p != NULL; p = p->next) {
            puts(p->key);
        }
    }
}

// False: the end was asked for.
static bool execute(char *line)
{
    char *rest = line + strcspn(line, " \t");
    rest += *rest == '\0' ? 0 : (*rest = '\0', 1);
    rest += strspn(rest, " \t");
    char *value = rest + strcspn(rest, " \t");
    if (strcmp(line, ":q") == 0) {
        return false;
    }
    if (strcasecmp(line, "SET") == 0 && *value != '\0') {
        *value++ = '\0';
        set(rest, value + strspn(value, " \t"));
    } else if (strcasecmp(line, "GET") == 0 && *rest != '\0') {
        get(rest);
    } else if (strcasecmp(line, "DEL") == 0 && *rest != '\0') {
        delete (rest);
    } else if (strcasecmp(line, "KEYS") == 0) {
        list_keys();
    } else if (strcasecmp(line, "COUNT") == 0) {
        printf("%zu\n", store.count);
    } else if (strcmp(line, ":stats") == 0) {
        printf("keys %zu gets %llu sets %llu deletes %llu\n", store.count,
               (unsigned long long)store.gets, (unsigned long long)store.sets,
               (unsigned long long)store.deletes);
    } else if (strcmp(line, ":mem") == 0) {
        printf("%zu bytes in %zu pairs, %zu buckets\n", store.bytes, store.count,
               store.bucket_count);
    } else if (strcmp(line, ":help") == 0) {
        puts("SET KEY VALUE, GET KEY, DEL KEY, KEYS, COUNT; :stats, :mem, :q ends");
    } else {
        tool_warn("%s: no such command, or its key is missing; :help lists them", line);
    }
    return true;
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "", "A key-value store in memory; commands come from standard input.");
    if (argc > 1) {
        tool_usage();
    }
    grow();
    bool is_terminal = isatty(STDIN_FILENO);
    char *line = NULL;
    size_t room = 0;
    for (bool goes_on = true; goes_on;) {
        if (is_terminal) {
            (void)fputs("kv> ", stdout);
            (void)fflush(stdout);
        }
        if (getline(&line, &room, stdin) < 0) {
            break;
        }
        line[strcspn(line, "\r\n")] = '\0';
        goes_on = line[0] == '\0' || execute(line);
        (void)fflush(stdout);
    }
    free(line);
    return tool_end();
}

// SPDX-License-Identifier: Apache-2.0
#include "user/swos-resolver/resolver.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/list.h"

enum { KEPT_MAX = 1024, TTL_MAX = 86400 };

struct kept {
    struct list link; // of cache.kept: most recently used first
    struct key key;
    uint32_t hash; // of the name, without regard to case
    int64_t since_ms;
    uint32_t ttl;
    size_t size;
    uint8_t message[];
};

static struct {
    struct list kept;
    size_t count;
} cache;

void cache_init(void)
{
    list_init(&cache.kept);
}

bool key_is_same(const struct key *a, const struct key *b)
{
    return a->question.type == b->question.type &&
           a->question.class_code == b->question.class_code && a->has_edns == b->has_edns &&
           a->wants_signatures == b->wants_signatures && a->wants_unchecked == b->wants_unchecked &&
           dns_name_is_equal(&a->question.name, &b->question.name);
}

static uint32_t hash_of(const struct dns_name *n)
{
    uint32_t hash = 0x811c9dc5;
    for (size_t i = 0; i < n->size; i++) {
        uint8_t c = n->bytes[i];
        hash = (hash ^ (c >= 'A' && c <= 'Z' ? c | 0x20 : c)) * 0x01000193;
    }
    return hash;
}

static void forget(struct kept *k)
{
    list_del(&k->link);
    cache.count--;
    free(k);
}

struct span cache_find(const struct key *key, uint32_t *age)
{
    uint32_t hash = hash_of(&key->question.name);
    for (struct list *node = cache.kept.next; node != &cache.kept; node = node->next) {
        struct kept *k = container_of(node, struct kept, link);
        if (k->hash != hash || !key_is_same(&k->key, key)) {
            continue;
        }
        int64_t seconds = (now_ms() - k->since_ms) / 1000;
        if (seconds >= k->ttl) {
            forget(k);
            break;
        }
        list_del(&k->link);
        list_add_head(&cache.kept, &k->link);
        *age = (uint32_t)seconds;
        return span_of(k->message, k->size);
    }
    return span_of(NULL, 0);
}

void cache_keep(const struct key *key, const struct dns_reply *r)
{
    uint32_t ttl = dns_reply_ttl(r);
    bool is_certain = r->code == DNS_NO_ERROR || r->code == DNS_NO_NAME;
    if (ttl == 0 || !is_certain || r->is_truncated) {
        return;
    }
    if (cache.count >= KEPT_MAX) {
        forget(container_of(cache.kept.prev, struct kept, link));
    }
    struct kept *k = malloc(sizeof(*k) + r->message.size);
    if (k == NULL) {
        return;
    }
    *k = (struct kept){.key = *key,
                       .hash = hash_of(&key->question.name),
                       .since_ms = now_ms(),
                       .ttl = ttl < TTL_MAX ? ttl : TTL_MAX,
                       .size = r->message.size};
    memcpy(k->message, r->message.data, k->size);
    list_add_head(&cache.kept, &k->link);
    cache.count++;
}

// SPDX-License-Identifier: Apache-2.0
#include "user/httpd/listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAMES_MAX = 10000 }; // that are listed; what is more is not

struct item {
    char *name;
    struct stat st;
};

struct items {
    struct item *list;
    size_t count;
    size_t room;
};

size_t listing_escape(const char *path, char *out, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] = "-._~/!$()*,;:@+=";
    size_t used = 0;
    for (; *path != '\0'; path++) {
        unsigned char c = (unsigned char)*path;
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                        (c >= 'a' && c <= 'z') || strchr(plain, c) != NULL;
        if (size - used < 4) {
            return 0;
        }
        if (is_plain) {
            out[used++] = (char)c;
        } else {
            out[used++] = '%';
            out[used++] = digits[c >> 4];
            out[used++] = digits[c & 15];
        }
    }
    return used;
}

static void put_html(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&': (void)fputs("&amp;", out); break;
        case '<': (void)fputs("&lt;", out); break;
        case '>': (void)fputs("&gt;", out); break;
        case '"': (void)fputs("&quot;", out); break;
        default: (void)fputc(*text, out); break;
        }
    }
}

static bool add(struct items *items, const char *name, const struct stat *st)
{
    if (items->count == items->room) {
        size_t room = items->room == 0 ? 64 : items->room * 2;
        struct item *list = reallocarray(items->list, room, sizeof(*list));
        if (list == NULL) {
            return false;
        }
        items->list = list;
        items->room = room;
    }
    char *copy = strdup(name);
    if (copy == NULL) {
        return false;
    }
    items->list[items->count++] = (struct item){.name = copy, .st = *st};
    return true;
}

// What may be asked for: folders and files, but no hidden ones.
static bool read_items(DIR *folder, struct items *items)
{
    int handle = dirfd(folder);
    for (struct dirent *d;
         handle >= 0 && items->count < NAMES_MAX && (d = readdir(folder)) != NULL;) {
        struct stat st;
        if (d->d_name[0] != '.' && fstatat(handle, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)) &&
            !add(items, d->d_name, &st)) {
            return false;
        }
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    bool x_first = S_ISDIR(x->st.st_mode);
    bool y_first = S_ISDIR(y->st.st_mode);
    return x_first != y_first ? y_first - x_first : strcmp(x->name, y->name);
}

static void put_item(FILE *out, const struct item *item)
{
    char link[3 * NAME_MAX + 4];
    char time[32] = "";
    struct tm fields;
    const char *slash = S_ISDIR(item->st.st_mode) ? "/" : "";
    link[listing_escape(item->name, link, sizeof(link))] = '\0';
    if (gmtime_r(&item->st.st_mtim.tv_sec, &fields) != NULL) {
        (void)strftime(time, sizeof(time), "%Y-%m-%d %H:%M", &fields);
    }
    (void)fprintf(out, "<tr><td><a href=\"./%s%s\">", link, slash);
    put_html(out, item->name);
    (void)fprintf(out, "%s</a><td>%s<td>", slash, time);
    if (S_ISREG(item->st.st_mode)) {
        (void)fprintf(out, "%llu", (unsigned long long)item->st.st_size);
    }
    (void)fputs("\n", out);
}

static void put_page(FILE *out, const char *path, const struct items *items)
{
    (void)fputs("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Index of ", out);
    put_html(out, path);
    (void)fputs("</title><style>body{font-family:sans-serif}td{padding-right:2em}"
                "td:last-child{text-align:right}</style></head>\n<body><h1>Index of ",
                out);
    put_html(out, path);
    (void)fputs("</h1>\n<table>\n", out);
    if (strcmp(path, "/") != 0) {
        (void)fputs("<tr><td><a href=\"../\">../</a><td><td>\n", out);
    }
    for (size_t i = 0; i < items->count; i++) {
        put_item(out, &items->list[i]);
    }
    (void)fputs("</table>\n</body></html>\n", out);
}

char *listing_create(int folder, const char *path, size_t *size)
{
    struct items items = {};
    char *text = NULL;
    DIR *stream = fdopendir(folder);
    if (stream == NULL) {
        close(folder);
        return NULL;
    }
    bool is_read = read_items(stream, &items);
    closedir(stream);
    FILE *out = is_read ? open_memstream(&text, size) : NULL;
    if (out != NULL) {
        if (items.count > 0) {
            qsort(items.list, items.count, sizeof(items.list[0]), compare);
        }
        put_page(out, path, &items);
        bool is_whole = ferror(out) == 0;
        if (fclose(out) != 0 || !is_whole) {
            free(text);
            text = NULL;
        }
    }
    for (size_t i = 0; i < items.count; i++) {
        free(items.list[i].name);
    }
    free(items.list);
    return text;
}

// SPDX-License-Identifier: Apache-2.0
/* Locales, multibyte text, conversions, regular expressions, names of hosts that need no network. */
#include "user/tests/check.h"

#include <arpa/inet.h>
#include <fnmatch.h>
#include <iconv.h>
#include <langinfo.h>
#include <locale.h>
#include <netdb.h>
#include <regex.h>
#include <stdlib.h>
#include <wchar.h>
#include <wctype.h>

static void multibyte(void)
{
    CHECK_STR(setlocale(LC_ALL, NULL), "C");
    CHECK(MB_CUR_MAX == 1);
    CHECK(setlocale(LC_ALL, "C.UTF-8") != NULL && MB_CUR_MAX == 4);
    CHECK_STR(nl_langinfo(CODESET), "UTF-8");
    wchar_t wide[8];
    CHECK(mbstowcs(wide, "a\u00e4\u20ac\U0001f600", 8) == 4 && wide[3] == 0x1f600);
    CHECK(wcwidth(wide[1]) == 1 && wcwidth(wide[3]) == 2 && iswalpha(wide[1]));
    CHECK(towupper(0xe4) == 0xc4);
    char back[16];
    CHECK(wcstombs(back, wide, sizeof back) == 10);
    CHECK(mblen("\xff", 1) == -1);
    CHECK_STR(localeconv()->decimal_point, ".");
}

static void conversion(void)
{
    iconv_t converter = iconv_open("UTF-16LE", "UTF-8");
    if (!CHECK(converter != (iconv_t)-1)) {
        return;
    }
    char in[] = "\u20ac!";
    char out[8];
    char *from = in;
    char *to = out;
    size_t left = strlen(in);
    size_t room = sizeof out;
    CHECK(iconv(converter, &from, &left, &to, &room) == 0 && room == 4);
    CHECK(memcmp(out, "\xac\x20!\0", 4) == 0);
    iconv_close(converter);
    CHECK(iconv_open("no-such-code", "UTF-8") == (iconv_t)-1 && errno == EINVAL);
}

static void patterns(void)
{
    regex_t expression;
    regmatch_t match[2];
    CHECK(regcomp(&expression, "b(a+)$", REG_EXTENDED) == 0);
    CHECK(regexec(&expression, "abbaa", 2, match, 0) == 0 && match[1].rm_so == 3);
    CHECK(regexec(&expression, "abb", 0, NULL, 0) == REG_NOMATCH);
    regfree(&expression);
    CHECK(regcomp(&expression, "(", REG_EXTENDED) == REG_EPAREN);
    CHECK(fnmatch("*.[ch]", "x.c", 0) == 0 && fnmatch("*/x", "a/b/x", FNM_PATHNAME) == FNM_NOMATCH);
}

static void addresses(void)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    CHECK(getaddrinfo("127.0.0.1", "80", &hints, &found) == 0);
    if (found != NULL) {
        const struct sockaddr_in *address = (void *)found->ai_addr;
        CHECK(found->ai_family == AF_INET && ntohs(address->sin_port) == 80);
        CHECK(ntohl(address->sin_addr.s_addr) == INADDR_LOOPBACK);
        char host[64];
        char service[8];
        CHECK(getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, service,
                          sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) == 0);
        CHECK_STR(host, "127.0.0.1");
        CHECK_STR(service, "80");
        freeaddrinfo(found);
    }
    CHECK(getaddrinfo("fe80::1", NULL, &hints, &found) == 0 && found->ai_family == AF_INET6);
    freeaddrinfo(found);
    CHECK(getaddrinfo("not-a-number", NULL, &hints, &found) == EAI_NONAME);
    CHECK(getaddrinfo(NULL, NULL, NULL, &found) == EAI_NONAME);
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN];
    CHECK(inet_pton(AF_INET6, "2001:db8::42", &address) == 1);
    CHECK_STR(inet_ntop(AF_INET6, &address, text, sizeof text), "2001:db8::42");
    CHECK(inet_pton(AF_INET, "256.0.0.1", &address) == 0);
}

int main(void)
{
    multibyte();
    conversion();
    patterns();
    addresses();
    return check_end();
}

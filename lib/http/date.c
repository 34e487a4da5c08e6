// SPDX-License-Identifier: Apache-2.0
#include "lib/http/date.h"

#include "lib/base/string.h"

enum { DAY = 86400 };

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct date {
    int64_t year;
    unsigned month; // 1 to 12
    unsigned day;
    unsigned hour;
    unsigned minute;
    unsigned second;
};

// Days since 1970-01-01 of the proleptic calendar; years count from March, so that leap days come last.
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct date date_of(int64_t seconds)
{
    int64_t day = seconds / DAY - (seconds % DAY < 0 ? 1 : 0);
    unsigned rest = (unsigned)(seconds - day * DAY);
    int64_t z = day + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned shifted = (unsigned)((5 * of_year + 2) / 153);
    unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    return (struct date){.year = year + era * 400 + (month <= 2 ? 1 : 0),
                         .month = month,
                         .day = (unsigned)(of_year - (153 * (int64_t)shifted + 2) / 5 + 1),
                         .hour = rest / 3600,
                         .minute = rest / 60 % 60,
                         .second = rest % 60};
}

static char *put_number(char *out, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--, value /= 10) {
        out[i - 1] = (char)('0' + value % 10);
    }
    return out + digits;
}

static char *put_text(char *out, const char *text, size_t size)
{
    memcpy(out, text, size);
    return out + size;
}

void http_date_format(int64_t seconds, char out[static HTTP_DATE_SIZE])
{
    static const int64_t first = -62167219200; // 0000-01-01
    static const int64_t last = 253402300799;  // 9999-12-31
    seconds = seconds < first ? first : seconds > last ? last : seconds;
    struct date d = date_of(seconds);
    int64_t day = seconds / DAY - (seconds % DAY < 0 ? 1 : 0);
    unsigned weekday = (unsigned)(((day + 4) % 7 + 7) % 7); // 1970 began on a Thursday
    char *p = put_text(out, days + (size_t)3 * weekday, 3);
    p = put_text(p, ", ", 2);
    p = put_number(p, d.day, 2);
    *p++ = ' ';
    p = put_text(p, months + (size_t)3 * (d.month - 1), 3);
    *p++ = ' ';
    p = put_number(p, (unsigned)d.year, 4);
    *p++ = ' ';
    p = put_number(p, d.hour, 2);
    *p++ = ':';
    p = put_number(p, d.minute, 2);
    *p++ = ':';
    p = put_number(p, d.second, 2);
    memcpy(p, " GMT", 5);
}

/*
 * Reading, by a pattern with a letter for each thing:
 *   a name of a day     A its long name     b name of a month
 *   d two digits or a blank and one   Y four digits   y two   H M S two   Z " GMT"
 */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

static bool read_digits(struct reader *r, unsigned count, unsigned *out)
{
    unsigned value = 0;
    for (unsigned i = 0; i < count; i++) {
        if (r->at == r->end || *r->at < '0' || *r->at > '9') {
            return false;
        }
        value = value * 10 + (*r->at++ - '0');
    }
    *out = value;
    return true;
}

// The number of the name, from 0, of `count` names of three letters.
static bool read_name(struct reader *r, const char *names, unsigned count, unsigned *out)
{
    for (unsigned i = 0; r->end - r->at >= 3 && i < count; i++) {
        if (memcmp(r->at, names + (size_t)3 * i, 3) == 0) {
            r->at += 3;
            *out = i;
            return true;
        }
    }
    return false;
}

static bool read_long_day(struct reader *r)
{
    unsigned ignored;
    if (!read_name(r, days, 7, &ignored)) {
        return false;
    }
    while (r->at < r->end && *r->at >= 'a' && *r->at <= 'z') {
        r->at++;
    }
    return true;
}

static bool read_zone(struct reader *r)
{
    static const char zone[] = " GMT";
    bool is_there = r->end - r->at >= 4 && memcmp(r->at, zone, 4) == 0;
    r->at += is_there ? 4 : 0;
    return is_there;
}

static bool read_day(struct reader *r, unsigned *out)
{
    bool is_short = r->at < r->end && *r->at == ' ';
    r->at += is_short;
    return read_digits(r, is_short ? 1 : 2, out);
}

static bool read_part(struct reader *r, char what, struct date *d)
{
    unsigned value = 0;
    bool is_there;
    switch (what) {
    case 'a': return read_name(r, days, 7, &value);
    case 'A': return read_long_day(r);
    case 'b':
        is_there = read_name(r, months, 12, &value);
        d->month = value + 1;
        return is_there;
    case 'd': return read_day(r, &d->day);
    case 'Y':
    case 'y':
        is_there = read_digits(r, what == 'Y' ? 4 : 2, &value);
        d->year = value;
        return is_there;
    case 'H': return read_digits(r, 2, &d->hour);
    case 'M': return read_digits(r, 2, &d->minute);
    case 'S': return read_digits(r, 2, &d->second);
    case 'Z': return read_zone(r);
    default:
        is_there = r->at < r->end && *r->at == (uint8_t)what;
        r->at += is_there;
        return is_there;
    }
}

static bool read_form(struct span text, const char *form, struct date *out)
{
    struct reader r = {.at = text.data, .end = text.data + text.size};
    *out = (struct date){};
    for (; *form != '\0'; form++) {
        if (!read_part(&r, *form, out)) {
            return false;
        }
    }
    return r.at == r.end && out->day >= 1 && out->day <= 31 && out->hour < 24 && out->minute < 60 &&
           out->second <= 60;
}

bool http_date_parse(struct span text, int64_t now, int64_t *seconds)
{
    struct date d;
    if (read_form(text, "A, d-b-y H:M:SZ", &d)) {
        // More than 50 years ahead means the past (RFC 9110, 5.6.7).
        int64_t this_year = date_of(now).year;
        d.year += this_year - this_year % 100;
        d.year -= d.year > this_year + 50 ? 100 : 0;
    } else if (!read_form(text, "a, d b Y H:M:SZ", &d) && !read_form(text, "a b d H:M:S Y", &d)) {
        return false;
    }
    *seconds = days_of(d.year, d.month, d.day) * DAY + (int64_t)d.hour * 3600 +
               (int64_t)d.minute * 60 + d.second;
    return true;
}

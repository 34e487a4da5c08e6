// SPDX-License-Identifier: Apache-2.0
/*
 * A calculator for 64-bit integers with variables.  Overflow and division by zero are errors, never
 * wrong numbers.  Operators by precedence (shunting-yard, so that depth costs no stack).
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

enum { STACK_MAX = 256, NAME_MAX_BYTES = 32 };

struct variable {
    char name[NAME_MAX_BYTES];
    int64_t value;
};

static struct {
    struct variable *list;
    size_t count;
} variables;

struct evaluation {
    const char *at;
    int64_t values[STACK_MAX];
    char operators[STACK_MAX];
    unsigned value_count;
    unsigned operator_count;
    const char *error;
};

static struct variable *find(const char *name, bool makes)
{
    for (size_t i = 0; i < variables.count; i++) {
        if (strcmp(variables.list[i].name, name) == 0) {
            return &variables.list[i];
        }
    }
    if (!makes) {
        return NULL;
    }
    struct variable *list =
        reallocarray(variables.list, variables.count + 1, sizeof(*variables.list));
    if (list == NULL) {
        tool_die("out of memory");
    }
    variables.list = list;
    struct variable *v = &list[variables.count++];
    *v = (struct variable){};
    (void)snprintf(v->name, sizeof(v->name), "%s", name);
    return v;
}

// A minus sign before an operand is `n`.
static int precedence(char operator)
{
    switch (operator) {
    case '+':
    case '-': return 1;
    case '*':
    case '/':
    case '%': return 2;
    case 'n': return 3;
    case '^': return 4;
    default: return 0;
    }
}

static bool power(int64_t base, int64_t exponent, int64_t *out)
{
    *out = 1;
    if (exponent < 0) {
        return false;
    }
    while (exponent > 0) {
        if ((exponent & 1) != 0 && __builtin_mul_overflow(*out, base, out)) {
            return false;
        }
        exponent >>= 1;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) {
            return false;
        }
    }
    return true;
}

static bool binary(char operator, int64_t a, int64_t b, int64_t *out)
{
    switch (operator) {
    case '+': return !__builtin_add_overflow(a, b, out);
    case '-': return !__builtin_sub_overflow(a, b, out);
    case '*': return !__builtin_mul_overflow(a, b, out);
    case '^': return power(a, b, out);
    default:
        if (b == 0 || (a == INT64_MIN && b == -1)) {
            return false;
        }
        *out = operator== '/' ? a / b : a % b;
        return true;
    }
}

static void apply(struct evaluation *e)
{
    char operator= e->operators[--e->operator_count];
    unsigned needs = operator== 'n' ? 1 : 2;
    if (e->value_count < needs) {
        e->error = "an operand is missing";
        return;
    }
    int64_t b = e->values[--e->value_count];
    int64_t a = operator== 'n' ? 0 : e->values[--e->value_count];
    bool is_good = binary(operator== 'n' ? '-' : operator, a, b, &e->values[e->value_count++]);
    if (!is_good) {
        bool is_division = (operator== '/' || operator== '%') && b == 0;
        e->error = is_division ? "division by zero" : "the result does not fit 64 bits";
    }
}

static void push_operator(struct evaluation *e, char operator)
{
    bool is_right = operator== '^' || operator== 'n';
    while (e->error == NULL && operator!= '(' && e->operator_count> 0) {
        int top = precedence(e->operators[e->operator_count - 1]);
        if (top < precedence(operator) || (is_right && top == precedence(operator)) || top == 0) {
            break;
        }
        apply(e);
    }
    if (e->operator_count == STACK_MAX) {
        e->error = "too deep";
    } else {
        e->operators[e->operator_count++] = operator;
    }
}

static void push_value(struct evaluation *e, int64_t value)
{
    if (e->value_count == STACK_MAX) {
        e->error = "too deep";
    } else {
        e->values[e->value_count++] = value;
    }
}

static void close_parenthesis(struct evaluation *e)
{
    while (e->error == NULL && e->operator_count > 0 &&
           e->operators[e->operator_count - 1] != '(') {
        apply(e);
    }
    if (e->operator_count == 0) {
        e->error = "a ) without its (";
    } else {
        e->operator_count--;
    }
}

static size_t read_name(const char *at, char name[static NAME_MAX_BYTES])
{
    size_t len = 0;
    while (isalnum((unsigned char)at[len]) || at[len] == '_') {
        len++;
    }
    (void)snprintf(name, NAME_MAX_BYTES, "%.*s", (int)len, at);
    return len;
}

static void operand(struct evaluation *e)
{
    char name[NAME_MAX_BYTES];
    if (isdigit((unsigned char)*e->at)) {
        char *end;
        errno = 0;
        push_value(e, strtoll(e->at, &end, 0));
        e->at = end;
        if (errno != 0) {
            e->error = "a number does not fit 64 bits";
        }
        return;
    }
    size_t len = read_name(e->at, name);
    const struct variable *v = find(name, false);
    if (len == 0 || v == NULL) {
        e->error = len == 0 ? "an operand is missing" : "no such variable";
        return;
    }
    e->at += len;
    push_value(e, v->value);
}

// The value of an expression; false with e->error.
static bool evaluate(struct evaluation *e, int64_t *out)
{
    bool wants_operand = true;
    while (e->error == NULL) {
        e->at += strspn(e->at, " \t\r\n");
        char c = *e->at;
        if (c == '\0') {
            break;
        }
        if (wants_operand && (c == '-' || c == '(' || c == '+')) {
            if (c != '+') {
                push_operator(e, c == '-' ? 'n' : c);
            }
            e->at++;
        } else if (wants_operand) {
            operand(e);
            wants_operand = false;
        } else if (c == ')') {
            close_parenthesis(e);
            e->at++;
        } else if (strchr("+-*/%^", c) != NULL) {
            push_operator(e, c);
            e->at++;
            wants_operand = true;
        } else {
            e->error = "an operator is missing";
        }
    }
    if (e->error == NULL && wants_operand) {
        e->error = "an operand is missing";
    }
    while (e->error == NULL && e->operator_count > 0) {
        if (e->operators[e->operator_count - 1] == '(') {
            e->error = "a ( without its )";
            break;
        }
        apply(e);
    }
    if (e->error != NULL) {
        return false;
    }
    *out = e->values[0];
    return true;
}

static void calculate(const char *line)
{
    char name[NAME_MAX_BYTES];
    const char *begin = line + strspn(line, " \t");
    size_t len = isdigit((unsigned char)*begin) ? 0 : read_name(begin, name);
    const char *after = begin + len + strspn(begin + len, " \t");
    bool assigns = len > 0 && *after == '=';
    struct evaluation e = {.at = assigns ? after + 1 : begin};
    int64_t value;
    if (!evaluate(&e, &value)) {
        tool_warn("%s", e.error);
        return;
    }
    if (assigns) {
        find(name, true)->value = value;
        printf("%s = ", name);
    }
    printf("%lld\n", (long long)value);
}

static void print_variables(void)
{
    for (size_t i = 0; i < variables.count; i++) {
        printf("%s = %lld\n", variables.list[i].name, (long long)variables.list[i].value);
    }
}

static void print_sum(void)
{
    int64_t sum = 0;
    for (size_t i = 0; i < variables.count; i++) {
        if (__builtin_add_overflow(sum, variables.list[i].value, &sum)) {
            tool_warn("the result does not fit 64 bits");
            return;
        }
    }
    printf("%lld\n", (long long)sum);
}

// False: the end was asked for.
static bool command(const char *line)
{
    if (strcmp(line, ":q") == 0) {
        return false;
    }
    if (strcmp(line, ":vars") == 0) {
        print_variables();
    } else if (strcmp(line, ":sum") == 0) {
        print_sum();
    } else if (strcmp(line, ":mem") == 0) {
        printf("%zu variables, %zu bytes\n", variables.count,
               variables.count * sizeof(*variables.list));
    } else if (strcmp(line, ":help") == 0) {
        puts("EXPRESSION, or NAME = EXPRESSION, of 64-bit integers with + - * / % ^ and ( )\n"
             ":vars lists variables, :sum adds them up, :mem their memory, :q ends");
    } else {
        tool_warn("%s: no such command; :help lists them", line);
    }
    return true;
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[EXPRESSION...]",
               "Calculates with 64-bit integers: the arguments, or lines of standard input.");
    for (int i = 1; i < argc; i++) {
        calculate(argv[i]);
    }
    bool is_terminal = isatty(STDIN_FILENO);
    char *line = NULL;
    size_t room = 0;
    for (bool goes_on = argc == 1; goes_on;) {
        if (is_terminal) {
            (void)fputs("calc> ", stdout);
            (void)fflush(stdout);
        }
        if (getline(&line, &room, stdin) < 0) {
            break;
        }
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == ':') {
            goes_on = command(line);
        } else if (line[strspn(line, " \t")] != '\0') {
            calculate(line);
        }
    }
    free(line);
    return tool_end();
}

#include "daemon/ctl/term.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"

void term_init(struct term *t, FILE *to, bool no_color)
{
	const char *asked = getenv("NO_COLOR"), *kind = getenv("TERM");

	t->to = to;
	t->tty = isatty(fileno(to)) == 1;
	t->color =
	    t->tty && !no_color && !(asked && *asked) && !(kind && strcmp(kind, "dumb") == 0);
}

unsigned term_width(const struct term *t)
{
	struct winsize size;

	if (ioctl(fileno(t->to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

const char *term_on(const struct term *t, enum style style)
{
	static const char *const codes[] = {"", "\033[1m", "\033[32m", "\033[33m", "\033[31m"};

	return t->color ? codes[style] : "";
}

const char *term_off(const struct term *t, enum style style)
{
	return t->color && style != STYLE_PLAIN ? "\033[0m" : "";
}

__attribute__((format(printf, 4, 0))) static void
put_line(const struct term *t, enum style style, const char *lead, const char *fmt, va_list ap)
{
	struct str safe = {0};
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		text = mem_strdup("(out of memory)");
	text_safe(&safe, text);
	fprintf(t->to, "%s%s%s%s\n", term_on(t, style), lead, str_text(&safe), term_off(t, style));
	str_done(&safe);
	free(text);
}

void term_line(const struct term *t, enum style style, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(t, style, "", fmt, ap);
	va_end(ap);
}

void term_note(const struct term *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(t, STYLE_PLAIN, "mybakctl: ", fmt, ap);
	va_end(ap);
}

/* Length of the UTF-8 sequence at p, and its code point; 0 if it is none. */
static size_t decode(const unsigned char *p, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80         ? 1
	           : (p[0] >> 5) == 6  ? 2
	           : (p[0] >> 4) == 14 ? 3
	           : (p[0] >> 3) == 30 ? 4
	                               : 0;

	if (n <= 1) {
		*ret = p[0];
		return n;
	}
	*ret = p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*ret = *ret << 6 | (p[i] & 0x3f);
	}
	if (*ret < least[n] || *ret > 0x10ffff || (*ret >= 0xd800 && *ret < 0xe000))
		return 0;
	return n;
}

/* Control characters, and those that turn the direction of writing around. */
static bool harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
	       (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void text_safe(struct str *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		uint32_t c;
		size_t n = decode(p, &c);

		if (n && !harmful(c)) {
			str_addn(out, p, n);
			p += n;
			continue;
		}
		for (n = n ? n : 1; n; n--)
			str_addf(out, "\\x%02x", *p++);
	}
}

size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

const char *text_age(char buf[STR_HUMAN_MAX], int64_t seconds)
{
	long long s = seconds > 0 ? seconds : 0;

	if (s < 60)
		snprintf(buf, STR_HUMAN_MAX, "%llds", s);
	else if (s < 3600)
		snprintf(buf, STR_HUMAN_MAX, "%lldm", s / 60);
	else if (s < 86400)
		snprintf(buf, STR_HUMAN_MAX, "%lldh %02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(buf, STR_HUMAN_MAX, "%lldd %02lldh", s / 86400, s / 3600 % 24);
	return buf;
}

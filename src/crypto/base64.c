/*-------------------------------------------------------------------------
 *
 * base64.c
 *	  Decodes base64, of which only one way to write it is good.
 *
 * As it may be a key, there is no table to look into: time depends on the
 * length alone.
 *
 *-------------------------------------------------------------------------
 */
#include "crypto/base64.h"

#include <openssl/crypto.h>
#include <string.h>

/* All bits of a byte when c is one of first to last, else none. */
static uint32_t
in_range(uint32_t c, uint32_t first, uint32_t last)
{
	return ~((c - first) >> 8 | (last - c) >> 8) & 0xff;
}

/* The six bits of a digit; *valid: all bits when it is one. */
static uint32_t
digit_value(uint32_t c, uint32_t digit_62, uint32_t digit_63, uint32_t *valid)
{
	uint32_t	upper = in_range(c, 'A', 'Z');
	uint32_t	lower = in_range(c, 'a', 'z');
	uint32_t	number = in_range(c, '0', '9');
	uint32_t	is_62 = in_range(c, digit_62, digit_62);
	uint32_t	is_63 = in_range(c, digit_63, digit_63);

	*valid = upper | lower | number | is_62 | is_63;
	return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (number & (c - '0' + 52)) |
		(is_62 & 62) | (is_63 & 63);
}

/* Without padding; its length is right when the bits left over are zero. */
static bool
decode_digits(const char *text, size_t n, const char *last_digits, uint8_t *out, size_t *len)
{
	uint32_t	bits = 0;
	uint32_t	wrong = 0;
	int			n_bits = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint32_t	valid;

		bits = bits << 6 | digit_value((uint8_t) text[i], last_digits[0], last_digits[1], &valid);
		wrong |= ~valid & 0xff;
		n_bits += 6;
		if (n_bits >= 8)
		{
			n_bits -= 8;
			out[(*len)++] = (uint8_t) (bits >> n_bits);
		}
	}
	wrong |= bits & ((1U << n_bits) - 1);
	return wrong == 0;
}

static bool
decode(const char *text, size_t n, const char *last_digits,
	   uint8_t *out, size_t capacity, size_t *len)
{
	*len = 0;
	if (n % 4 != 1 && n / 4 * 3 + n % 4 * 3 / 4 <= capacity &&
		decode_digits(text, n, last_digits, out, len))
		return true;
	OPENSSL_cleanse(out, capacity);
	*len = 0;
	return false;
}

bool
base64_decode(const char *text, uint8_t *out, size_t capacity, size_t *len)
{
	size_t		padded = strlen(text);
	size_t		n = padded;

	while (n > 0 && padded - n < 2 && text[n - 1] == '=')
		n--;
	/* of one digit there is nothing */
	return decode(text, padded % 4 == 0 ? n : 1, "+/", out, capacity, len);
}

bool
base64url_decode(const char *text, uint8_t *out, size_t capacity, size_t *len)
{
	return decode(text, strlen(text), "-_", out, capacity, len);
}

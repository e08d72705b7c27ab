/*-------------------------------------------------------------------------
 *
 * tap.h
 *	  One line "ok" or "not ok" a test, as prove and people read it.
 *
 * A test of many cases counts them: TAP_EACH() says where the first case went
 * wrong, and the test's one line comes at its end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_TAP_H
#define UNIT_TAP_H

#include <stdarg.h>
#include <stdbool.h>

extern void tap_ok(bool ok, const char *format, ...)
			__attribute__((format(printf, 2, 3)));
extern void tap_note(const char *format, ...)
			__attribute__((format(printf, 1, 2)));

/* Prints the plan; the program's exit code. */
extern int	tap_done(void);

/* Marks the test's flag false, and says where, for the first case only. */
#define TAP_EACH(flag, condition, ...) \
	do { \
		if (!(condition)) \
		{ \
			if (flag) \
			{ \
				tap_note("%s:%d: %s", __FILE__, __LINE__, #condition); \
				tap_note(__VA_ARGS__); \
			} \
			(flag) = false; \
		} \
	} while (0)

/* One function a file of tests. */
extern void test_bytes(void);
extern void test_kdf(const char *vectors);
extern void test_aead(const char *vectors);
extern void test_aead_cache(void);
extern void test_aead_wipe(void);
extern void test_envelope(const char *vectors);
extern void test_armour(const char *vectors);
extern void test_sealed_box(void);
extern void test_fips(void);

#endif							/* UNIT_TAP_H */

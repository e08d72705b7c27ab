/*-------------------------------------------------------------------------
 *
 * test_wiping.c
 *	  After a transfer, nothing of what was sent and read is left in memory.
 *
 * What is looked for is only ever written by transfers: here it stands with
 * each of its bytes changed.  Not looked for is a client key, of
 * which OpenSSL leaves copies in memory that it freed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "../tap.h"
#include "frames_over_tls.h"

#define MASK 0x2a
#define MAPPING_MAX (UINT64CONST(1) << 32)	/* larger ones are sanitizers' */

typedef struct Marker
{
	const char *what;
	char		masked[64];
	Size		len;
} Marker;

static void
marker_set(Marker *marker, const char *what, const char *text, Size len)
{
	marker->what = what;
	marker->len = len;
	for (Size i = 0; i < len; i++)
		marker->masked[i] = text[i] ^ MASK;
}

static void
marker_show(const Marker *marker, char *out)
{
	for (Size i = 0; i < marker->len; i++)
		out[i] = marker->masked[i] ^ MASK;
	out[marker->len] = '\0';
}

static int
count_in_block(const unsigned char *block, Size len, const Marker *marker)
{
	int			found = 0;

	for (Size at = 0; at + marker->len <= len; at++)
	{
		Size		same = 0;

		while (same < marker->len && (block[at + same] ^ MASK) == marker->masked[same])
			same++;
		found += same == marker->len;
	}
	return found;
}

/*
 * In all memory that can be written: heaps, stacks, data of libraries.  Blocks
 * overlap by the length of a marker, less one; what ceases to be while it is
 * looked at, as the stack of a thread that ends, is left out.
 */
static int
count_in_memory(const Marker *marker)
{
	static unsigned char block[65536];
	int			memory = open("/proc/self/mem", O_RDONLY);
	FILE	   *maps = fopen("/proc/self/maps", "r");
	char		line[512];
	int			found = 0;

	while (fgets(line, sizeof(line), maps) != NULL)
	{
		unsigned long at;
		unsigned long end;
		char		mode[8];

		if (sscanf(line, "%lx-%lx %7s", &at, &end, mode) != 3 || strncmp(mode, "rw", 2) != 0 ||
			end - at > MAPPING_MAX)
			continue;
		while (at < end)
		{
			ssize_t		len = pread(memory, block, Min(sizeof(block), end - at), (off_t) at);

			if (len < (ssize_t) marker->len)
				break;
			found += count_in_block(block, len, marker);
			OPENSSL_cleanse(block, len);
			at += len - (marker->len - 1);
		}
	}
	fclose(maps);
	close(memory);
	return found;
}

static bool
all_gone(const Marker *markers, int n)
{
	bool		ok = true;

	for (int i = 0; i < n; i++)
	{
		int			found = count_in_memory(&markers[i]);

		TAP_EACH(ok, found == 0, "%s: %d times", markers[i].what, found);
	}
	return ok;
}

/* Both long, so that memory for them grows, which would leave their first part. */
static void
make_request(Call *call, const char *port, const char *path, const Marker *token,
			 const Marker *body)
{
	static char filler[16384];

	memset(filler, 'x', sizeof(filler));
	call_init(call, "POST", "127.0.0.1", port, path);
	filler[sizeof(filler) - 1] = '\0';
	marker_show(token, filler);
	filler[token->len] = 'x';
	http_request_header(&call->request, "X-Vault-Token", filler);
	marker_show(body, filler);
	kms_request_body(&call->request, bytes_of(filler, sizeof(filler)));
	OPENSSL_cleanse(filler, sizeof(filler));
}

static bool
waited_a_while(void *since)
{
	return now_ms() - *(int64 *) since > 50;
}

static void
test_http(const Marker *markers, int n)
{
	HttpClient *client = create_client_with("ca.pem", "client.pem", "client.key", 2);
	Call	   *call = malloc(sizeof(Call));
	int64		started;
	bool		found;

	make_request(call, "mutual", "/secret", &markers[1], &markers[2]);
	found = count_in_memory(&markers[1]) > 0 && count_in_memory(&markers[2]) > 0;
	call_send(call, client, TIMEOUT_MS);
	calls_wait(call, 1);
	found = found && call->reply.status == 200 && count_in_memory(&markers[0]) > 0;
	tap_ok(found, "secrets are found where they are");
	OPENSSL_cleanse(call, sizeof(*call));
	tap_ok(all_gone(markers, n), "no secret is left after a transfer");

	make_request(call, "mutual", "/hang", &markers[1], &markers[2]);
	call_send(call, client, TIMEOUT_MS);
	started = now_ms();
	loop_until(waited_a_while, &started);
	found = count_in_memory(&markers[1]) > 0;
	http_cancel(call->transfer);
	OPENSSL_cleanse(call, sizeof(*call));
	tap_ok(found && all_gone(markers, n), "nor after one that was cancelled");

	make_request(call, "closed", "/", &markers[1], &markers[2]);
	call_send(call, client, TIMEOUT_MS);
	calls_wait(call, 1);
	OPENSSL_cleanse(call, sizeof(*call));
	tap_ok(all_gone(markers, n), "nor after one that failed");
	http_client_free(client);
	tap_ok(all_gone(markers, n), "nor after their client");
	free(call);
}

/* A frame of the path, and the marker in the lines after it. */
static void
send_frame(Call *call, void *client, const char *path, const Marker *marker)
{
	static char text[16384];
	Size		at = snprintf(text, sizeof(text), "%s\n", path);

	memset(text +at, 'x', sizeof(text) - at);
	text[		sizeof(text) - 1] = '\0';

	marker_show(marker, text +at);
	text[		at + marker->len] = 'x';

	tls_send(call, client, text, TIMEOUT_MS);
	OPENSSL_cleanse(text, sizeof(text));
}

static bool
whole_secret_came(void *argument)
{
	return ((Call *) argument)->reply.body_len == 8 + 29;
}

static void
test_frames_of_secrets(const Marker *markers, int n)
{
	/* hanging: before the reply, in it, in the queue */
	static const char *const hanging[] = {"/hang", "/secret_body", "/secret_body"};
	void	   *client = tls_client_with("127.0.0.1", "frames_mutual", "ca.pem", "client.pem",
										 "client.key", 2);
	Call	   *calls = malloc(lengthof(hanging) * sizeof(Call));
	bool		found;

	send_frame(&calls[0], client, "/secret", &markers[2]);
	calls_wait(calls, 1);
	found = calls[0].reply.failure == KMS_REPLIED && count_in_memory(&markers[0]) > 0;
	OPENSSL_cleanse(calls, lengthof(hanging) * sizeof(Call));
	tap_ok(found && all_gone(markers, n), "no secret is left after a frame");

	for (int i = 0; i < lengthof(hanging); i++)
		send_frame(&calls[i], client, hanging[i], &markers[2]);
	loop_until(whole_secret_came, &calls[1]);
	found = count_in_memory(&markers[2]) > 0 && count_in_memory(&markers[0]) > 0;
	for (int i = 0; i < lengthof(hanging); i++)
		kms_over_tls.cancel(calls[i].transfer);
	OPENSSL_cleanse(calls, lengthof(hanging) * sizeof(Call));
	tap_ok(found && all_gone(markers, n), "nor after one that was cancelled");

	send_frame(&calls[0], client, "/secret_cut", &markers[2]);
	calls_wait(calls, 1);
	found = calls[0].reply.failure == KMS_BAD_REPLY;
	tap_ok(found && all_gone(markers, n), "nor after one that failed, in its reply neither");
	send_frame(&calls[0], client, "/secret", &markers[2]);
	calls_wait(calls, 1);
	kms_over_tls.close(client);
	OPENSSL_cleanse(calls, lengthof(hanging) * sizeof(Call));
	tap_ok(all_gone(markers, n), "nor after their client");
	free(calls);
}

void
test_wiping(void)
{
	Marker		markers[3];

	/* as in replies.json for /secret */
	marker_set(&markers[0], "reply", "reply-marker-0123456789abcdef", 29);
	marker_set(&markers[1], "token", "token-marker-0123456789abcdef", 29);
	marker_set(&markers[2], "body", "body-marker-0123456789abcdef", 28);
	test_http(markers, lengthof(markers));
	test_frames_of_secrets(markers, lengthof(markers));
}

/*-------------------------------------------------------------------------
 *
 * certificate_table.c
 *	  The certificates that vouch for the key of a report of SEV-SNP.
 *
 * The host writes the table, and may be hostile: all that is in it is bounded
 * here, and proven by who verifies the evidence.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/certificate_table.h"
#include "base/config.h"

#define GUID_LEN		16
#define ENTRY_LEN		(GUID_LEN + 4 + 4)
#define ENTRIES_MAX		16
#define FILE_MAX		32768

/* Of a report: which key signed it, bits 4:2, and the number of the VLEK. */
#define SIGNING_KEY_AT	0x48
#define SIGNED_BY_VLEK	1

#define VCEK			0		/* places in guids */
#define VLEK			1

/*
 * In the order in which they are sent.  AMD's own tools read a GUID's bytes as
 * its digits stand; hosts have been seen that write the first three parts
 * little-endian, as UEFI does.
 */
static const uint8 guids[][GUID_LEN] = {
	[VCEK] = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd},
	[VLEK] = {0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1},
	/* ASK, ARK */
	{0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82},
	{0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae},
};

static bool
guid_is(const uint8 *bytes, const uint8 *guid)
{
	static const uint8 order[GUID_LEN] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	bool		swapped = true;

	for (int i = 0; i < GUID_LEN; i++)
		swapped = swapped && bytes[i] == guid[order[i]];
	return swapped || memcmp(bytes, guid, GUID_LEN) == 0;
}

static void
add_certificate(FoundEvidence *found, X509 *certificate)
{
	uint8	   *der = NULL;
	int			len = i2d_X509(certificate, &der);
	uint8	   *copy;

	if (len <= 0 || len > EVIDENCE_CERTIFICATE_MAX ||
		found->n_certificates == EVIDENCE_CERTIFICATES_MAX)
	{
		OPENSSL_free(der);
		return;
	}
	copy = palloc(len);
	memcpy(copy, der, len);
	OPENSSL_free(der);
	found->certificates[found->n_certificates++] = bytes_of(copy, len);
}

/* Nobody is at the terminal, nor is the host to have us ask there. */
static int
no_password(char *out, int size, int writing, void *unused)
{
	return -1;
}

/* DER, or PEM: some hosts put that into the table. */
static bool
add_certificates(FoundEvidence *found, Bytes in)
{
	const uint8 *pos = in.data;
	X509	   *certificate = d2i_X509(NULL, &pos, (long) in.len);
	BIO		   *pem;
	int			n = found->n_certificates;

	if (certificate != NULL)
	{
		add_certificate(found, certificate);
		X509_free(certificate);
		return true;
	}
	pem = BIO_new_mem_buf(in.data, (int) in.len);
	while (pem != NULL && (certificate = PEM_read_bio_X509(pem, NULL, no_password, NULL)) != NULL)
	{
		add_certificate(found, certificate);
		X509_free(certificate);
	}
	BIO_free(pem);
	ERR_clear_error();
	return found->n_certificates > n;
}

bool
certificate_table_read(Bytes table, FoundEvidence *found)
{
	bool		vlek = (found->report.data[SIGNING_KEY_AT] >> 2 & 7) == SIGNED_BY_VLEK;

	for (int wanted = 0; wanted < lengthof(guids); wanted++)
	{
		ByteReader	entries = reader_of(table);
		Bytes		entry;
		int			n = 0;

		/* Of the chip's two keys the one that signed. */
		if (wanted == (vlek ? VCEK : VLEK))
			continue;
		while (reader_take(&entries, ENTRY_LEN, &entry) && n++ < ENTRIES_MAX)
		{
			static const uint8 end[GUID_LEN] = {0};
			ByteReader	numbers = reader_of(bytes_of(entry.data + GUID_LEN, ENTRY_LEN - GUID_LEN));
			uint32		offset;
			uint32		len;

			if (memcmp(entry.data, end, GUID_LEN) == 0)
				break;
			if (!reader_le32(&numbers, &offset) || !reader_le32(&numbers, &len) ||
				offset > table.len || len > table.len - offset)
				return evidence_fail(found, "the host's table of certificates is damaged");
			if (guid_is(entry.data, guids[wanted]) &&
				!add_certificates(found, bytes_of(table.data + offset, len)))
				return evidence_fail(found, "the host's table of certificates holds what is none");
		}
	}
	return true;
}

bool
certificate_file_read(FoundEvidence *found)
{
	const char *path = config_attestation_certificates;
	uint8	   *data;
	ssize_t		len;
	int			fd;

	if (found->n_certificates > 0 || path[0] == '\0')
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return evidence_fail(found, "could not open file \"%s\": %m", path);
	data = palloc(FILE_MAX);
	len = read(fd, data, FILE_MAX);
	close(fd);
	if (len <= 0 || !add_certificates(found, bytes_of(data, len)))
		return evidence_fail(found, "file \"%s\" holds no certificate", path);
	return true;
}

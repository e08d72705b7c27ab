/*-------------------------------------------------------------------------
 *
 * source_configfs.c
 *	  Evidence through the kernel's configfs-tsm (Linux 6.7 and newer): an
 *	  entry of /sys/kernel/config/tsm/report that root made for us, of which
 *	  we may write inblob (and privlevel, where there is an SVSM).
 *
 * What is written takes effect when its file is closed, and the kernel drops
 * an error of then.  So the order is: lock the folder, write, close, read,
 * and see that the entry was changed by our own writes alone; and in the end
 * that the report is about what we wrote.  Documentation/ABI/testing/
 * configfs-tsm-report.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "attest/certificate_table.h"
#include "attest/evidence_source.h"
#include "attest/patience.h"

#define NUMBER_MAX		32		/* bytes of provider, generation, levels */

/* Of one request: the folder, locked, and how often we wrote. */
typedef struct Entry
{
	int			folder;
	const char *path;
	int			writes;
	FoundEvidence *found;
} Entry;

static bool
fail_at(Entry *entry, const char *what, const char *attribute)
{
	return evidence_fail(entry->found, "could not %s \"%s/%s\": %m", what, entry->path, attribute);
}

/*
 * Reads to its end: the kernel says 0 for the size of such a file.  -1: errno;
 * EFBIG when there is more than fits.
 */
static ssize_t
read_whole(int folder, const char *attribute, uint8 *out, Size size)
{
	int			fd = openat(folder, attribute, O_RDONLY | O_CLOEXEC);
	Size		len = 0;
	ssize_t		got = 0;
	int			save_errno;

	if (fd < 0)
		return -1;
	while (len < size && (got = read(fd, out + len, size - len)) > 0)
		len += got;
	save_errno = len == size ? EFBIG : errno;
	close(fd);
	errno = save_errno;
	return got < 0 || len == size ? -1 : (ssize_t) len;
}

/* The same, as often as the kernel is only busy. */
static bool
read_patiently(Entry *entry, const char *attribute, uint8 *out, Size size, Bytes *value)
{
	ssize_t		len;
	int			tries = 0;

	while ((len = read_whole(entry->folder, attribute, out, size)) < 0)
	{
		if (!patience_left(&tries))
			return fail_at(entry, "read", attribute);
	}
	*value = bytes_of(out, len);
	return true;
}

/* A short one, as text without its end of line. */
static bool
read_text(Entry *entry, const char *attribute, char *text)
{
	Bytes		value;

	if (!read_patiently(entry, attribute, (uint8 *) text, NUMBER_MAX, &value))
		return false;
	text[value.len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

/* All in one write(): the kernel takes what it got when the file is closed. */
static bool
write_attribute(Entry *entry, const char *attribute, Bytes value)
{
	int			fd = openat(entry->folder, attribute, O_WRONLY | O_CLOEXEC);
	ssize_t		written;

	if (fd < 0)
		return fail_at(entry, "open", attribute);
	written = write(fd, value.data, value.len);
	if (close(fd) != 0 || written != (ssize_t) value.len)
		return fail_at(entry, "write", attribute);
	entry->writes++;
	return true;
}

/* The lowest level that this guest may ask at: above 0 under an SVSM only. */
static bool
set_level(Entry *entry)
{
	char		floor[NUMBER_MAX];

	if (faccessat(entry->folder, "privlevel_floor", F_OK, 0) != 0)
		return true;			/* TDX has no levels */
	return read_text(entry, "privlevel_floor", floor) &&
		(strcmp(floor, "0") == 0 ||
		 write_attribute(entry, "privlevel", bytes_of_string(floor)));
}

static bool
take_by_provider(Entry *entry, const char *provider, Bytes report, Bytes table,
				 const uint8 *report_data)
{
	if (strcmp(provider, "sev_guest") == 0)
		return evidence_take_snp(entry->found, report, report_data) &&
			certificate_table_read(table, entry->found) &&
			certificate_file_read(entry->found);
	if (strcmp(provider, "tdx_guest") == 0)
		return evidence_take_tdx(entry->found, report, report_data);
	return evidence_fail(entry->found, "no evidence is known of provider \"%s\"", provider);
}

/* The folder is locked. */
static bool
ask(Entry *entry, const uint8 *report_data)
{
	uint8	   *report = palloc(EVIDENCE_REPORT_MAX + 1);
	uint8	   *table = palloc(EVIDENCE_REPORT_MAX + 1);
	char		before[NUMBER_MAX];
	char		after[NUMBER_MAX];
	char		provider[NUMBER_MAX];
	Bytes		report_read;
	Bytes		table_read = {0};

	if (!read_text(entry, "generation", before) || !set_level(entry) ||
		!write_attribute(entry, "inblob", bytes_of(report_data, REPORT_DATA_LEN)) ||
		!read_patiently(entry, "outblob", report, EVIDENCE_REPORT_MAX + 1, &report_read) ||
		(faccessat(entry->folder, "auxblob", F_OK, 0) == 0 &&
		 !read_patiently(entry, "auxblob", table, EVIDENCE_REPORT_MAX + 1, &table_read)) ||
		!read_text(entry, "provider", provider) || !read_text(entry, "generation", after))
		return false;
	if (strtoull(after, NULL, 10) != strtoull(before, NULL, 10) + entry->writes)
		return evidence_fail(entry->found, "another process uses \"%s\": its generation went from %s to %s",
							 entry->path, before, after);
	return take_by_provider(entry, provider, report_read, table_read, report_data);
}

static bool
lock_and_ask(Entry *entry, const uint8 *report_data)
{
	int			tries = 0;

	/* EWOULDBLOCK is EAGAIN. */
	while (flock(entry->folder, LOCK_EX | LOCK_NB) != 0)
	{
		if (!patience_left(&tries))
			return evidence_fail(entry->found, "could not lock \"%s\": %m", entry->path);
	}
	return ask(entry, report_data);
}

static bool
get_from_configfs(const char *place, const uint8 *report_data, FoundEvidence *found)
{
	Entry		entry = {.path = place,.found = found};
	sigset_t	before;
	bool		got;

	entry.folder = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (entry.folder < 0)
		return evidence_fail(found, "could not open \"%s\": %m", place);
	signals_block_all(&before);
	got = lock_and_ask(&entry, report_data);
	signals_restore(&before);
	close(entry.folder);
	return got;
}

const EvidenceSource source_configfs = {
	.name = "configfs",
	.default_place = "/sys/kernel/config/tsm/report/bionic_crypt",
	.get = get_from_configfs,
};

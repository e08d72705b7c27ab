/*-------------------------------------------------------------------------
 *
 * scrub_log.h
 *	  Keeps what clients send and read out of the server log.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REPORT_SCRUB_LOG_H
#define REPORT_SCRUB_LOG_H

#include "postgres.h"

/* Defines the setting and installs the hook; from _PG_init(). */
extern void scrub_log_init(void);

/*
 * Whether the extension is created in this database, from whoever just
 * looked.  Without it the log is left alone; as long as no one knows, it is
 * scrubbed.
 */
extern void scrub_log_extension_known(bool present);

#endif							/* REPORT_SCRUB_LOG_H */

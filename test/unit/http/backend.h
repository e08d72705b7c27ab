/*-------------------------------------------------------------------------
 *
 * backend.h
 *	  What the tested files need of a server, and what the tests see of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_HTTP_BACKEND_H
#define UNIT_HTTP_BACKEND_H

#include "postgres.h"

/* Resolving HANGING_HOST ends when resolver_let_go() is called. */
#define HANGING_HOST "hanging.kms.example"

/* These are 127.0.0.1, in two ways. */
#define LOCAL_HOST	"local.kms.example"
#define MAPPED_HOST "mapped.kms.example"

/* Of a metadata service: a connection there gets to 127.0.0.1. */
#define METADATA_HOST "169.254.169.254"

/* How many connections were begun, wherever, and the port of the last. */
extern int	connections_begun;
extern int	port_connected;

extern void resolver_hang(void);
extern void resolver_let_go(void);

/* Whether a resolver's thread ran, and every one with all signals blocked. */
extern bool resolver_signals_blocked(void);

/* The next so many calls of epoll_ctl() that add or change fail. */
extern int	epoll_failures;

/* How often a folder of CAs was loaded. */
extern int	ca_folders_loaded;

/* How often OpenSSL was told not to ask for a password at the terminal. */
extern int	passwords_given;

#endif							/* UNIT_HTTP_BACKEND_H */

/*-------------------------------------------------------------------------
 *
 * types.c
 *	  Brings up the layer of types.
 *
 * Order matters in one place: literals and result types share the parser's
 * hook, literals first, because a result column may be a literal.  The last
 * hook installed runs first and calls the one before it, so literals.c is
 * installed first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "types/ddl_check.h"
#include "types/literals.h"
#include "types/result_type.h"
#include "types/types.h"

void
types_init(void)
{
	literals_init();
	result_type_init();
	ddl_check_init();
}

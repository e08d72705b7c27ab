/*-------------------------------------------------------------------------
 *
 * evidence_sourcelist.h
 *	  The sources of evidence, a line each; included wherever something is to
 *	  be said of each.
 *
 *-------------------------------------------------------------------------
 */
EVIDENCE_SOURCE(source_none)
EVIDENCE_SOURCE(source_configfs)
EVIDENCE_SOURCE(source_sev_guest)
EVIDENCE_SOURCE(source_confidential_space)
EVIDENCE_SOURCE(source_coco)
EVIDENCE_SOURCE(source_helper)

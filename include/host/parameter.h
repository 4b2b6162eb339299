/* SPDX-License-Identifier: GPL-2.0 */
/* The module's parameters (Documentation/ABI/testing/sysfs-driver-xen-blkback). */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

struct host_parameters {
	uint32_t max_buffer_pages;
	uint32_t max_persistent_grants;
	uint32_t persistent_grant_unused_seconds; /* 0: idle grants stay mapped */
	uint32_t max_queues;			  /* at least 1 */
	uint32_t max_ring_page_order;		  /* at most 4 */
	uint32_t buffer_squeeze_duration_ms;
	uint32_t max_guest_memory_kb; /* 0: no cap */
	uint32_t grant_copy_bytes;    /* larger requests are not copied; 0: none is */
	uint8_t log_stats;
	uint8_t feature_persistent;
	/* No parameters: the architecture; the domain that the toolstack runs in. */
	uint8_t x86;
	uint8_t initial_domain;
};

/* host_parameters_read - fill @parameters with the current values.  Context: any. */
void host_parameters_read(struct host_parameters *parameters);

HOST_DECLS_END

/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Adding to a histogram; what its buckets are: wire.h. */
#ifndef TCPDIAG_ENGINE_HISTOGRAM_H
#define TCPDIAG_ENGINE_HISTOGRAM_H

#include "engine/types.h"
#include "wire.h"

tcpd_subprogram void tcpd_hist_add(struct tcpd_hist *hist, u64 ns)
{
	u64 us = ns / 1000;
	u32 bucket = tcpd_bucket_of(us) &
		     (TCPD_HIST_BUCKETS - 1); /* the mask is for the verifier */

	if (!hist->max_us && !hist->sum_us && !hist->min_us && !hist->buckets[0])
		hist->min_us = us;
	if (us < hist->min_us)
		hist->min_us = us;
	if (us > hist->max_us)
		hist->max_us = us;
	hist->sum_us += us;
	hist->buckets[bucket]++;
}

#endif

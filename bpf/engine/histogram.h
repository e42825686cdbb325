/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Adding to a histogram; what its buckets are: wire.h. */
#ifndef TCPDIAG_ENGINE_HISTOGRAM_H
#define TCPDIAG_ENGINE_HISTOGRAM_H

#include "engine/types.h"
#include "wire.h"

/* Without a branch, as tcpd_bucket_of(). us: below 2^54. */
tcpd_subprogram void tcpd_hist_add(struct tcpd_hist *hist, u64 ns)
{
	u64 us = ns / 1000;
	u64 bucket = tcpd_bucket_of(us);
	u64 any = hist->max_us | hist->sum_us | hist->min_us | hist->buckets[0];
	u64 lowest = tcpd_above(hist->min_us, us) | (tcpd_above(any, 0) ^ 1);
	u64 highest = tcpd_above(us, hist->max_us);

	/* the mask is for verifiers up to 6.1: the compiler, which knows better, must not drop it */
	__asm__ volatile("" : "+r"(bucket));
	bucket &= TCPD_HIST_BUCKETS - 1;
	hist->min_us += (us - hist->min_us) & (0 - lowest);
	hist->max_us += (us - hist->max_us) & (0 - highest);
	hist->sum_us += us;
	hist->buckets[bucket]++;
}

#endif

/*  The distribution of latencies as a drawing (SVG): which latency how many of the tasks did not
 *  pass. Across, each step is ten times fewer tasks left over; upwards, ten times the latency.
 * Pure.
 */
#ifndef CLI_BENCH_PLOT_H
#define CLI_BENCH_PLOT_H

#include "fabric/buffer.h"
#include "load/plan.h"

void bench_plot (const load_plan_t *plan, const load_report_t *report, buffer_t *out);

#endif

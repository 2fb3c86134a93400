/*  What `zfabric bench` found, as text for a person and as JSON. Pure.
 */
#ifndef CLI_BENCH_REPORT_H
#define CLI_BENCH_REPORT_H

#include "fabric/buffer.h"
#include "load/plan.h"

void bench_report_text (const load_plan_t *plan, const load_report_t *report, buffer_t *out);

// One document, a line.
void bench_report_json (const load_plan_t *plan, const load_report_t *report, buffer_t *out);

// What was measured, in a line: "200000 tasks of 64 octets, json, ipc, ...".
void bench_report_title (const load_plan_t *plan, buffer_t *out);

#endif

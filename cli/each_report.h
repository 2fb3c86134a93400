/*  What `run --each` says while it works: results on stdout; failures, the progress bar and the
 *  summary on stderr, without getting into each other's way on a terminal.
 *
 *  Threads: one.
 */
#ifndef CLI_EACH_REPORT_H
#define CLI_EACH_REPORT_H

#include "cli/progress.h"
#include "cli/tally.h"

#define EACH_BAR_MS 100 // between two drawings of the bar

typedef struct {
    bool quiet;
    bool bar;    // there is one
    bool drawn;  // it stands on the terminal now
    bool shared; // stdout is a terminal as well: the bar makes room for results
    moment_t start, drawn_at;
    progress_t progress;
    tally_t tally;
} each_report_t;

void each_report_init (each_report_t *self, bool quiet, moment_t now);

// A result as a line, without its newline.
void each_report_result (each_report_t *self, slice_t text);

// A failed task: "line 7: CODE: words" on stderr, and `null` on stdout.
void each_report_failure (each_report_t *self, uint64_t line, const char *code, slice_t words);

// Something else that has to be said, on stderr.
void each_report_note (each_report_t *self, const char *text);

// Draws the bar if it is time. `part` of all the work is done, 0 to 1; negative: unknown.
void each_report_draw (each_report_t *self, moment_t now, double part);

// Takes the bar away, says the summary.
void each_report_finish (each_report_t *self, moment_t now);

#endif

/*  One loop on the main thread reads lines, starts tasks and prints; results come on the client's
 *  thread, which only puts them into a list and rings.
 *
 *  Memory is bounded: no more than --jobs tasks run; in order, lines are started at most `ahead`
 *  beyond the oldest unprinted one; and none is started while HELD_OCTETS_MAX of results wait to be
 *  printed.
 */
#define _POSIX_C_SOURCE 200809L

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/each_report.h"
#include "cli/interrupt.h"
#include "cli/lines.h"
#include "cli/reorder.h"
#include "cli/run.h"
#include "cli/slurp.h"
#include "cli/variables.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric/container.h"
#include "fabric/limits.h"
#include "fabric/list.h"

#define CHUNK           65536u               // octets read at once
#define AHEAD_FACTOR    16u                  // of --jobs: how far lines may run ahead
#define AHEAD_MIN       1024u                // lines
#define HELD_OCTETS_MAX (256u * 1024 * 1024) // of results that wait to be printed
#define WAIT_MS         86400000u            // in the broker's queue: a batch has patience
#define LOOK_MS         500                  // how often it looks whether there is a connection
#define GIVE_UP_MS      PEER_SILENCE_MS      // without one, and tasks fail for it

typedef struct {
    const run_t *run;
    zfabric_client_t *client;
    each_report_t report;
    lines_t lines;
    int input;
    uint64_t input_octets; // of all lines; 0: unknown
    uint64_t done_octets;  // of lines whose tasks have ended
    uint64_t started;      // lines
    uint64_t jobs, running;
    bool ordered, dry; // dry: what was read has no whole line
    bool stopped;      // no more lines are started
    bool interrupted, unwritten;
    moment_t connected_at; // when there was last a connection
    reorder_t reorder;
    size_t held;          // octets of results that wait in it
    list_t open;          // tasks that run
    int rung;             // eventfd: something has arrived
    pthread_mutex_t lock; // of `arrived`
    list_t arrived;
} each_t;

typedef struct {
    list_node_t node; // in `open`, or nowhere
    list_node_t news; // in `arrived`
    each_t *each;
    zfabric_call_t *call;
    uint64_t line; // from 0
    size_t octets; // of the line, its newline among them
    unsigned rc;   // as tally_t counts them
    buffer_t text; // the result as a line, or what went wrong
} task_t;

static task_t *task_new (each_t *each, size_t octets)
{
    task_t *task = (task_t *)calloc (1, sizeof *task);

    if (!task)
        return NULL;
    task->each = each;
    task->line = each->started++;
    task->octets = octets;
    buffer_init (&task->text, SIZE_MAX);
    return task;
}

static void task_destroy (task_t *task)
{
    list_remove (&task->node);
    zfabric_call_destroy (&task->call);
    buffer_finish (&task->text);
    free (task);
}

// ---- on the client's thread

static void take_result (task_t *task, const zfabric_result_t *result)
{
    fault_t fault;
    slice_t payload = slice_of (result->payload, result->size);

    task->rc = (unsigned)result->rc;
    if (result->rc != ZFABRIC_OK) {
        buffer_text (&task->text, *result->error ? result->error : zfabric_rc_meaning (result->rc));
    } else if (variables_show (payload, run_encoding (result->encoding), true, &task->text,
                               &fault)) {
        buffer_reset (&task->text);
        task->rc = ZFABRIC_EXCEPTION;
        buffer_text (&task->text, "the result can't be shown: ");
        buffer_text (&task->text, fault.text);
    }
    if (task->text.failed)
        task->rc = ZFABRIC_EXCEPTION; // memory is out: there may be no words left either
}

static void on_result (zfabric_call_t *call, const zfabric_result_t *result, void *arg)
{
    task_t *task = (task_t *)arg;
    each_t *each = task->each;
    uint64_t one = 1;

    take_result (task, result);
    if (task->rc == ZFABRIC_OK && each->run->task.detach)
        buffer_text (&task->text, zfabric_call_cookie (call));
    pthread_mutex_lock (&each->lock);
    bool first = list_empty (&each->arrived);
    list_append (&each->arrived, &task->news);
    pthread_mutex_unlock (&each->lock);
    if (first)
        (void)!write (each->rung, &one, sizeof one); // can't be full
}

// ---- what has ended

static void print_task (each_t *self, task_t *task)
{
    slice_t text = buffer_as_slice (&task->text);
    const char *code =
        task->rc == TALLY_NOT_SENT ? "not sent" : zfabric_rc_name ((zfabric_rc_t)task->rc);

    // Who pressed Ctrl-C knows why; the summary has their number.
    bool wished = self->interrupted && task->rc == ZFABRIC_CANCELLED;
    if (task->rc != ZFABRIC_OK && !wished)
        each_report_failure (&self->report, task->line + 1, code, text);
    else
        each_report_result (&self->report, text.len && !wished ? text : slice_text ("null"));
    task_destroy (task);
}

static void end_task (each_t *self, task_t *task)
{
    self->report.tally.ended[task->rc]++;
    self->done_octets += task->octets;
    if (!self->ordered) {
        print_task (self, task);
        return;
    }
    self->held += task->text.len;
    reorder_put (&self->reorder, task->line, task);
    while ((task = (task_t *)reorder_take (&self->reorder))) {
        self->held -= task->text.len;
        print_task (self, task);
    }
}

// Without a broker one task after the other would fail, each after its while: better stop.
static void consider_giving_up (each_t *self, unsigned rc, moment_t now)
{
    if (rc != ZFABRIC_BROKER_WENT_AWAY || self->stopped
        || now < self->connected_at + GIVE_UP_MS - LOOK_MS)
        return;
    self->stopped = true;
    each_report_note (&self->report, "there is no broker: no more lines are sent");
}

static void take_arrived (each_t *self, moment_t now)
{
    uint64_t rings;
    list_t news;
    list_node_t *node;

    (void)!read (self->rung, &rings, sizeof rings); // only to lower it
    list_init (&news);
    pthread_mutex_lock (&self->lock);
    while ((node = list_first (&self->arrived))) {
        list_remove (node);
        list_append (&news, node);
    }
    pthread_mutex_unlock (&self->lock);
    while ((node = list_first (&news))) {
        task_t *task = container_of (node, task_t, news);
        list_remove (node);
        list_remove (&task->node);
        self->running--;
        consider_giving_up (self, task->rc, now);
        end_task (self, task);
    }
    if (fflush (stdout) && !self->unwritten) {
        each_report_note (&self->report, "can't write to standard output");
        self->unwritten = self->stopped = true;
    }
}

// ---- starting

// A line whose task could not be started: `why` is what is said of it.
static void refuse_task (each_t *self, task_t *task, const char *why)
{
    task->rc = TALLY_NOT_SENT;
    buffer_reset (&task->text);
    buffer_text (&task->text, why);
    end_task (self, task);
}

static void start_task (each_t *self, task_t *task, slice_t line)
{
    const run_t *run = self->run;
    zfabric_run_options_t options = run->task;
    fault_t fault;
    buffer_t payload;

    buffer_init (&payload, SIZE_MAX);
    if (!run->raw && variables_line (line, run->codec, &payload, &fault)) {
        buffer_finish (&payload);
        refuse_task (self, task, fault.text);
        return;
    }
    slice_t octets = run->raw ? line : buffer_as_slice (&payload);
    options.on_result = on_result;
    options.arg = task;
    if (!options.has_wait) {
        options.has_wait = true;
        options.wait_ms = WAIT_MS;
    }
    // It may arrive before this returns, but the other thread only puts it into the list.
    task->call =
        zfabric_client_start (self->client, run->pipeline, octets.ptr, octets.len, &options);
    int error = errno;
    buffer_finish (&payload);
    if (!task->call) {
        refuse_task (self, task, error == EMSGSIZE ? "over --max-payload" : strerror (error));
        return;
    }
    self->running++;
    list_append (&self->open, &task->node);
}

// Whether one more may be started now.
static bool has_room (const each_t *self)
{
    return !self->stopped && self->running < self->jobs && self->held < HELD_OCTETS_MAX
           && (!self->ordered || reorder_room (&self->reorder, self->started));
}

// Starts what there are lines and room for. 0, or -1 when memory is out.
static int start_tasks (each_t *self)
{
    while (has_room (self)) {
        slice_t line = slice_of (NULL, 0);
        lines_status_t status = lines_next (&self->lines, &line);
        if (status == LINES_END)
            self->stopped = true;
        self->dry = status == LINES_MORE;
        if (status == LINES_END || status == LINES_MORE)
            return 0;
        task_t *task = task_new (self, line.len + 1);
        if (!task)
            return -1;
        if (status == LINES_TOO_LONG)
            refuse_task (self, task, "over --max-payload");
        else
            start_task (self, task, line);
    }
    return 0;
}

// 0, or -1 with errno.
static int read_input (each_t *self)
{
    uint8_t *room = lines_room (&self->lines, CHUNK);

    if (!room) {
        errno = ENOMEM;
        return -1;
    }
    ssize_t count = read (self->input, room, CHUNK);
    if (count < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -1;
    lines_fed (&self->lines, (size_t)count);
    self->dry = false;
    return 0;
}

// ---- the loop

static void cancel_all (each_t *self)
{
    if (interrupt_count () == 0)
        return;
    self->stopped = self->interrupted = true;
    each_report_note (&self->report, "cancelling; another Ctrl-C leaves at once");
    for (list_node_t *node = list_first (&self->open); node; node = list_next (&self->open, node))
        zfabric_call_cancel (container_of (node, task_t, node)->call);
}

// How much of the work is done, 0 to 1, or -1: nobody knows.
static double part_done (const each_t *self)
{
    double done = (double)self->done_octets;

    if (self->input_octets)
        return done < (double)self->input_octets ? done / (double)self->input_octets : 1;
    if (self->stopped && self->started)
        return (double)tally_total (&self->report.tally) / (double)self->started;
    return -1;
}

// One round. 0, or -1 with errno.
static int step (each_t *self)
{
    bool wants = self->dry && has_room (self);
    struct pollfd items[] = {{.fd = self->rung, .events = POLLIN},
                             {.fd = self->run->interrupts, .events = POLLIN},
                             {.fd = wants ? self->input : -1, .events = POLLIN}};

    if (poll (items, 3, self->report.bar ? EACH_BAR_MS : LOOK_MS) < 0)
        return errno == EINTR ? 0 : -1;
    moment_t now = moment_now ();
    if (zfabric_client_connected (self->client, NULL, 0))
        self->connected_at = now;
    if (items[0].revents)
        take_arrived (self, now);
    if (items[1].revents)
        cancel_all (self);
    if (items[2].revents && read_input (self))
        return -1;
    each_report_draw (&self->report, now, part_done (self));
    return 0;
}

static int loop (each_t *self)
{
    int rc = start_tasks (self);

    while (rc == 0 && !(self->stopped && self->running == 0)) {
        rc = step (self);
        if (rc == 0 && !self->dry)
            rc = start_tasks (self);
    }
    return rc;
}

static int finish (each_t *self, int rc, const char *file)
{
    int saved = errno;

    each_report_finish (&self->report, moment_now ());
    if (rc)
        return complain_failed ("--each: %s: %s", file, strerror (saved));
    if (self->interrupted)
        return STATUS_INTERRUPTED;
    bool undone = self->unwritten || tally_failed (&self->report.tally) > 0;
    return undone ? STATUS_FAILED : STATUS_OK;
}

static void look_at_input (each_t *self)
{
    struct stat about;

    if (fstat (self->input, &about) == 0 && S_ISREG (about.st_mode) && about.st_size > 0)
        self->input_octets = (uint64_t)about.st_size;
    // A bar would get into the way of who is typing.
    if (isatty (self->input))
        self->report.bar = false;
}

// 0, or the exit status after a complaint.
static int prepare (each_t *self, const char *file)
{
    uint64_t ahead = self->jobs * AHEAD_FACTOR;

    self->input = slurp_open (file);
    if (self->input < 0)
        return complain_failed ("--each: %s: %s", file, strerror (errno));
    look_at_input (self);
    self->rung = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->rung < 0 || reorder_init (&self->reorder, ahead < AHEAD_MIN ? AHEAD_MIN : ahead))
        return complain_failed ("no memory or descriptors: %s", strerror (errno));
    // Room for calls that have ended but whose end was not seen yet.
    int status = STATUS_OK;
    self->client = run_open (self->run, (uint32_t)self->jobs * 2 + 16, &status);
    return status;
}

int run_each (const run_t *run)
{
    const char *file = options_text (run->options, "each");
    moment_t now = moment_now ();
    each_t each = {.run = run,
                   .input = -1,
                   .rung = -1,
                   .jobs = options_number (run->options, "jobs"),
                   .ordered = !options_flag (run->options, "unordered"),
                   .connected_at = now};

    list_init (&each.open);
    list_init (&each.arrived);
    pthread_mutex_init (&each.lock, NULL);
    lines_init (&each.lines, run->max_payload < SIZE_MAX ? (size_t)run->max_payload : SIZE_MAX);
    each_report_init (&each.report, options_flag (run->options, "quiet"), now);
    int status = prepare (&each, file);
    if (status == STATUS_OK)
        status = finish (&each, loop (&each), file);

    // Ends what is still open, on the client's thread, and that thread: the rest is ours alone
    // then.
    zfabric_client_destroy (&each.client);
    for (list_node_t *node; (node = list_first (&each.open));)
        task_destroy (container_of (node, task_t, node));
    for (uint64_t i = 0; i < each.reorder.size; i++) {
        if (each.reorder.ring[i])
            task_destroy ((task_t *)each.reorder.ring[i]);
    }
    reorder_finish (&each.reorder);
    lines_finish (&each.lines);
    pthread_mutex_destroy (&each.lock);
    if (each.rung >= 0)
        close (each.rung);
    if (each.input > STDIN_FILENO)
        close (each.input);
    return status;
}

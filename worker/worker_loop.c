/*  A turn: wait for a descriptor or a deadline; take the mail; let each session step, up to a
 *  number of packets, so that all get their turn; run what runs on this thread; let the manager and
 *  the sessions say what has gathered.
 *
 *  The manager's sink only gathers: tasks for this thread in `here`, packets in the sessions.
 */
#define _POSIX_C_SOURCE 200809L

#include "worker/worker_loop_inner.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fabric/container.h"
#include "fabric/limits.h"

#define PACKETS_A_TURN 256u
#define FENCE_MS       1000u // for the answer to the HEARTBEAT after a SHUTDOWN
#define HALT_MS        3000u // for handlers to return after a halt; a runner's kill takes 2 s
#define STARVED_MS     100u  // before memory is asked for again
#define OWN_ITEMS      2u    // of a poll: the mail, the bell
#define REMIND_MS      PEER_HEARTBEAT_MS

static void run_job (list_node_t *job, void *arg)
{
    worker_loop_t *self = (worker_loop_t *)arg;
    zfabric_task_t *task = container_of (job, zfabric_task_t, ready);

    worker_task_run (task);
    mailbox_put (self->home.mail, &task->letter.place);
}

static void lose_job (list_node_t *job, void *arg)
{
    worker_loop_t *self = (worker_loop_t *)arg;
    zfabric_task_t *task = container_of (job, zfabric_task_t, ready);

    if (!task->said)
        (void)zfabric_task_fail (task, ZFABRIC_EXCEPTION, "the handler ended its thread", NULL,
                                 0); // ENOMEM: without the words
    mailbox_put (self->home.mail, &task->letter.place);
}

static uint64_t make_seed (const worker_loop_t *self, size_t number)
{
    return moment_now_ns () ^ (uint64_t)getpid () << 40 ^ (uint64_t)(uintptr_t)self ^ number;
}

static int add_session (worker_loop_t *self, void *context, const char *endpoint, fault_t *fault)
{
    link_options_t link = *self->options.link;

    link.endpoints = &endpoint;
    link.endpoint_count = 1;
    link.seed = make_seed (self, self->count);
    self->sessions[self->count] = worker_session_new (context, &link, &self->options.worker, fault);
    if (!self->sessions[self->count])
        return -1;
    self->count++;
    return 0;
}

worker_loop_t *worker_loop_new (void *context, const worker_loop_options_t *options, fault_t *fault)
{
    cookie_t secret; // sixteen random octets

    fault_set (fault, "out of memory");
    worker_loop_t *self = (worker_loop_t *)calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->options = *options;
    self->home.codec = options->link->codec;
    self->home.max_payload = options->max_payload;
    wire_message_init (&self->message);
    list_init (&self->here);
    list_init (&self->mail);
    cookie_make (&secret);
    self->home.mail = mailbox_new ();
    self->bell = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!self->home.mail || self->bell < 0) {
        fault_set (fault, "no descriptor to be had");
        goto error;
    }
    self->pool = worker_pool_new (options->capacity, run_job, lose_job, self);
    self->manager = task_manager_new ((unsigned)options->endpoint_count, options->capacity,
                                      secret.octets, &worker_sink, self);
    if (!self->pool || !self->manager)
        goto error;
    for (size_t i = 0; i < options->endpoint_count; i++) {
        if (add_session (self, context, options->endpoints[i], fault))
            goto error;
    }
    self->abandon = MOMENT_NEVER;
    self->options.link = NULL;
    return self;
error:
    worker_loop_destroy (&self);
    return NULL;
}

static void drop_mail (worker_loop_t *self)
{
    list_node_t *node;

    if (self->home.mail)
        mailbox_take (self->home.mail, &self->mail);
    while ((node = list_first (&self->mail))) {
        letter_t *letter = container_of (node, letter_t, place);
        list_remove (node);
        worker_task_posted (&letter);
    }
}

void worker_loop_destroy (worker_loop_t **self_p)
{
    worker_loop_t *self = *self_p;
    int problem = errno;

    if (!self)
        return;
    worker_pool_destroy (&self->pool);
    worker_task_destroy (&self->inside);
    for (size_t i = 0; i < self->count; i++)
        worker_session_destroy (&self->sessions[i]);
    drop_mail (self);
    wire_message_close (&self->message);
    task_manager_destroy (&self->manager);
    mailbox_destroy (&self->home.mail);
    if (self->bell >= 0)
        close (self->bell);
    free (self);
    *self_p = NULL;
    errno = problem;
}

void worker_loop_tell (worker_loop_t *self, zfabric_worker_event_t event, const char *format, ...)
{
    char text[2 * FAULT_TEXT_MAX];
    fault_t safe;
    va_list args;

    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    fault_set (&safe, "%s", text);
    self->options.tell (event, safe.text, self->options.tell_arg);
}

// -- Tasks

// The handler of a task has returned.
static void end_task (worker_loop_t *self, zfabric_task_t *task)
{
    worker_session_t *session = self->sessions[task->managed.broker];
    bool wanted = task_manager_end (self->manager, &task->managed);

    if (self->options.task_events)
        worker_loop_tell (
            self, ZFABRIC_WORKER_EVENT_TASK, "%s %s: %s%s%s%s", task->cookie, task->pipeline,
            zfabric_rc_name (task->letter.rc), task->letter.error ? ": " : "",
            task->letter.error ? task->letter.error : "", wanted ? "" : " (nobody waits for it)");
    if (wanted)
        worker_session_post (session, &task->letter);
    else
        worker_task_destroy (&task);
}

static void take_mail (worker_loop_t *self)
{
    list_node_t *node;

    mailbox_take (self->home.mail, &self->mail);
    while ((node = list_first (&self->mail))) {
        letter_t *letter = container_of (node, letter_t, place);
        list_remove (node);
        if (!letter->partial)
            end_task (self, letter->task);
        else if (letter->task->managed.state == MANAGED_VOID)
            worker_task_posted (&letter);
        else
            worker_session_post (self->sessions[letter->task->managed.broker], letter);
    }
}

// Inline handlers, and tasks that found no thread and have failed already.
static void run_here (worker_loop_t *self)
{
    list_node_t *node;

    while ((node = list_first (&self->here))) {
        zfabric_task_t *task = container_of (node, zfabric_task_t, ready);
        list_remove (node);
        if (!task->said) {
            self->inside = task;
            worker_task_run (task);
            self->inside = NULL;
            if (task->seq)
                take_mail (self); // its PARTIALs go first
        }
        end_task (self, task);
    }
}

// -- Connections

static void lose (worker_loop_t *self, unsigned number)
{
    worker_session_t *session = self->sessions[number];

    worker_loop_tell (self, ZFABRIC_WORKER_EVENT_LOST, "%s",
                      link_reason (worker_session_link (session)));
    worker_session_reset (session);
    task_manager_lost (self->manager, number);
}

static void step (worker_loop_t *self, unsigned number)
{
    worker_session_t *session = self->sessions[number];
    link_t *link = worker_session_link (session);

    for (unsigned i = 0; i < PACKETS_A_TURN; i++) {
        switch (link_step (link, self->now, &self->message)) {
        case LINK_NOTHING:
            return;
        case LINK_UP:
            worker_session_reset (session);
            task_manager_up (self->manager, number);
            worker_session_flush (session);
            break;
        case LINK_PACKET:
            worker_packets_take (self, number, &self->message);
            run_here (self);
            break;
        case LINK_WRITABLE:
            worker_session_flush (session);
            break;
        case LINK_LOST:
            lose (self, number);
            break;
        case LINK_FAILED:
            worker_loop_tell (self, ZFABRIC_WORKER_EVENT_FAILED, "%s", link_reason (link));
            break;
        }
    }
}

// Closes what has been left. True if nothing is open any more.
static bool close_left (worker_loop_t *self)
{
    bool all = true;

    for (unsigned i = 0; i < self->count; i++) {
        worker_session_t *session = self->sessions[i];
        if (self->closed[i])
            continue;
        if (task_manager_done (self->manager, i) && worker_session_unsent (session) == 0) {
            link_stop (worker_session_link (session));
            self->closed[i] = true;
        } else {
            all = false;
        }
    }
    return all;
}

// -- The end

static void obey (worker_loop_t *self)
{
    worker_wish_t wish = (worker_wish_t)atomic_load (&self->wish);

    if (wish <= self->done)
        return;
    worker_loop_tell (self, ZFABRIC_WORKER_EVENT_LEAVING, "%u running tasks are %s",
                      task_manager_running (self->manager),
                      wish == WORKER_HALTS ? "cancelled" : "finished first");
    if (self->done == WORKER_WORKS) {
        for (size_t i = 0; i < self->count; i++)
            self->fence_by[i] = moment_after (self->now, FENCE_MS);
    }
    if (wish == WORKER_HALTS) {
        task_manager_halt (self->manager);
        self->abandon = moment_after (self->now, HALT_MS);
    } else {
        task_manager_drain (self->manager);
    }
    self->done = wish;
}

// -- Time

static void do_what_is_due (worker_loop_t *self)
{
    if (self->now >= self->remind) {
        task_manager_remind (self->manager);
        self->remind = moment_after (self->now, REMIND_MS);
    }
    if (self->now >= self->beat) {
        for (size_t i = 0; i < self->count; i++)
            (void)link_beat (worker_session_link (self->sessions[i])); // not up, or full
        self->beat = moment_after (self->now, self->options.worker.heartbeat_ms / 2);
    }
    if (self->now >= self->abandon) {
        task_manager_abandon (self->manager);
        self->abandon = MOMENT_NEVER;
    }
    for (unsigned i = 0; i < self->count; i++) {
        if (self->done != WORKER_WORKS && self->now >= self->fence_by[i])
            task_manager_fenced (self->manager, i);
    }
}

static moment_t earlier (moment_t a, moment_t b)
{
    return a < b ? a : b;
}

static moment_t deadline (const worker_loop_t *self)
{
    moment_t at = earlier (earlier (self->remind, self->beat), self->abandon);

    for (size_t i = 0; i < self->count; i++) {
        if (self->closed[i])
            continue;
        at = earlier (at, link_deadline (worker_session_link (self->sessions[i])));
        if (worker_session_starved (self->sessions[i]))
            at = earlier (at, moment_after (self->now, STARVED_MS));
        if (self->done != WORKER_WORKS && self->now < self->fence_by[i])
            at = earlier (at, self->fence_by[i]);
    }
    return at;
}

static void wait (worker_loop_t *self)
{
    struct pollfd items[OWN_ITEMS + TASK_MANAGER_BROKERS * LINK_DESCRIPTORS];
    link_t *links[OWN_ITEMS + TASK_MANAGER_BROKERS * LINK_DESCRIPTORS];
    nfds_t count = OWN_ITEMS;
    uint64_t rings;

    items[0] = (struct pollfd){.fd = mailbox_descriptor (self->home.mail), .events = POLLIN};
    items[1] = (struct pollfd){.fd = self->bell, .events = POLLIN};
    for (size_t i = 0; i < self->count; i++) {
        int fds[LINK_DESCRIPTORS];
        link_t *link = worker_session_link (self->sessions[i]);
        size_t found = link_descriptors (link, fds);
        for (size_t j = 0; j < found; j++) {
            items[count] = (struct pollfd){.fd = fds[j], .events = POLLIN};
            links[count++] = link;
        }
    }
    span_t span = moment_until (moment_now (), deadline (self));
    if (span && !mailbox_doze (self->home.mail))
        span = 0;
    int got = poll (items, count, span > INT_MAX ? INT_MAX : (int)span);
    self->now = moment_now ();
    if (got > 0 && items[1].revents)
        (void)!read (self->bell, &rings, sizeof rings);
    for (nfds_t i = OWN_ITEMS; got > 0 && i < count; i++) {
        if (items[i].revents)
            link_fired (links[i], items[i].fd);
    }
}

void worker_loop_run (worker_loop_t *self)
{
    self->now = moment_now ();
    self->remind = moment_after (self->now, REMIND_MS);
    // The link's own HEARTBEATs keep any promise of twice their interval.
    self->beat = self->options.worker.heartbeat_ms < 2 * PEER_HEARTBEAT_MS ? 0 : MOMENT_NEVER;
    for (;;) {
        take_mail (self);
        obey (self);
        for (unsigned i = 0; i < self->count; i++) {
            if (!self->closed[i])
                step (self, i);
        }
        do_what_is_due (self);
        run_here (self);
        task_manager_settle (self->manager);
        for (size_t i = 0; i < self->count; i++)
            worker_session_flush (self->sessions[i]);
        if (close_left (self))
            break;
        wait (self);
    }
}

// Perhaps in a signal handler: no lock, and errno stays.
static void wish (worker_loop_t *self, worker_wish_t wanted)
{
    const uint64_t one = 1;
    int problem = errno;
    int before = atomic_load (&self->wish);

    while (before < (int)wanted
           && !atomic_compare_exchange_weak (&self->wish, &before, (int)wanted))
        ;
    (void)!write (self->bell, &one, sizeof one); // fails never: it would take 2^64 wishes
    errno = problem;
}

void worker_loop_drain (worker_loop_t *self)
{
    wish (self, WORKER_DRAINS);
}

void worker_loop_halt (worker_loop_t *self)
{
    wish (self, WORKER_HALTS);
}

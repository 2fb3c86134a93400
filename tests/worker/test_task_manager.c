#include "worker/task_manager.h"

#include "tests/support/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fabric/container.h"

/*  Told as stories: a line an event, and behind it all that it led to, as lines that start with
 *  "> ". Brokers are 0 and 1, tasks k1, k2 ... (cookies as well: "run 1 k1" is k1 of broker 1,
 *  told as "k1@1"). The invariants are checked after each event.
 */

#define TASKS 16

typedef struct {
    managed_task_t managed;
    unsigned number;
    bool there;      // taken by the manager
    bool running;    // given to its handler
    unsigned starts; // how often
} told_task_t;

typedef struct {
    task_manager_t *manager;
    told_task_t tasks[2 * TASKS];
    char told[4096];
} story_t;

static void tell (story_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

static void tell (story_t *self, const char *format, ...)
{
    size_t len = strlen (self->told);
    va_list args;

    va_start (args, format);
    vsnprintf (self->told + len, sizeof self->told - len, format, args);
    va_end (args);
}

static told_task_t *task_of (managed_task_t *managed)
{
    return container_of (managed, told_task_t, managed);
}

static void tell_task (story_t *self, const char *what, managed_task_t *managed, const char *more)
{
    unsigned number = task_of (managed)->number;

    if (managed->broker)
        tell (self, "> %s k%u@%u%s\n", what, number, managed->broker, more);
    else
        tell (self, "> %s k%u%s\n", what, number, more);
}

static void start (managed_task_t *managed, void *arg)
{
    assert_false (task_of (managed)->running);
    task_of (managed)->running = true;
    task_of (managed)->starts++;
    tell_task ((story_t *)arg, "start", managed, "");
}

static void cancel (managed_task_t *managed, void *arg)
{
    assert_true (task_of (managed)->running);
    tell_task ((story_t *)arg, "cancel", managed, "");
}

static void discard (managed_task_t *managed, void *arg)
{
    assert_true (task_of (managed)->there && !task_of (managed)->running);
    task_of (managed)->there = false;
    tell_task ((story_t *)arg, "discard", managed, "");
}

static void refuse (managed_task_t *managed, zfabric_rc_t rc, const char *why, void *arg)
{
    char more[64];

    assert_true (task_of (managed)->there && !task_of (managed)->running);
    assert_non_null (why);
    task_of (managed)->there = false;
    snprintf (more, sizeof more, " %s", zfabric_rc_name (rc));
    tell_task ((story_t *)arg, "refuse", managed, more);
}

static void abandon (managed_task_t *managed, void *arg)
{
    assert_true (task_of (managed)->running);
    tell_task ((story_t *)arg, "abandon", managed, "");
}

static void enroll (unsigned broker, unsigned capacity, void *arg)
{
    tell ((story_t *)arg, "> enroll %u %u\n", broker, capacity);
}

static void leave (unsigned broker, void *arg)
{
    tell ((story_t *)arg, "> leave %u\n", broker);
}

static const task_manager_sink_t sink = {
    .start = start,
    .cancel = cancel,
    .discard = discard,
    .refuse = refuse,
    .abandon = abandon,
    .enroll = enroll,
    .leave = leave,
};

static void open_story (story_t *self, unsigned brokers, unsigned capacity)
{
    static const uint8_t secret[TABLE_KEY_OCTETS] = {1, 2, 3};

    memset (self, 0, sizeof *self);
    self->manager = task_manager_new (brokers, capacity, secret, &sink, self);
    assert_non_null (self->manager);
}

static void close_story (story_t *self)
{
    task_manager_destroy (&self->manager);
    assert_null (self->manager);
}

static cookie_t cookie_of (unsigned number)
{
    cookie_t cookie = {.octets = {(uint8_t)number, (uint8_t)(number >> 8)}};

    return cookie;
}

static void answer (story_t *self, bool yes)
{
    tell (self, "> %s\n", yes ? "yes" : "no");
}

static void run (story_t *self, unsigned broker, unsigned number)
{
    static const char *const answers[] = {"takes", "full", "twice", "halted"};
    cookie_t cookie = cookie_of (number);
    task_manager_answer_t verdict = task_manager_asks (self->manager, broker, &cookie);

    if (verdict != TASK_MANAGER_TAKES) {
        tell (self, "> %s\n", answers[verdict]);
        return;
    }
    told_task_t *task = &self->tasks[broker * TASKS + number];
    for (unsigned i = 0; task->there; i++) // void ones may be there: any other place will do
        task = &self->tasks[i];
    memset (task, 0, sizeof *task);
    task->number = number;
    task->there = true;
    task->managed.cookie = cookie;
    task->managed.broker = broker;
    task_manager_add (self->manager, &task->managed);
}

// "end k1": of several the void one, which came first.
static void end (story_t *self, unsigned broker, unsigned number, bool of_void)
{
    for (unsigned i = 0; i < 2 * TASKS; i++) {
        told_task_t *task = &self->tasks[i];
        if (!task->there || task->number != number || task->managed.broker != broker
            || (task->managed.state == MANAGED_VOID) != of_void)
            continue;
        assert_true (task->running);
        task->there = task->running = false;
        answer (self, task_manager_end (self->manager, &task->managed));
        return;
    }
    fail_msg ("there is no k%u@%u", number, broker);
}

static void play_event (story_t *self, const char *event)
{
    task_manager_t *manager = self->manager;
    unsigned broker = 0, number = 0;
    char word[32] = "";
    cookie_t cookie;

    if (sscanf (event, "%31s %u k%u", word, &broker, &number) < 2)
        sscanf (event, "%31s k%u", word, &number);
    cookie = cookie_of (number);
    if (strcmp (word, "up") == 0)
        task_manager_up (manager, broker);
    else if (strcmp (word, "lost") == 0)
        task_manager_lost (manager, broker);
    else if (strcmp (word, "granted") == 0)
        answer (self, task_manager_granted (manager, broker));
    else if (strcmp (word, "unknown") == 0)
        answer (self, task_manager_unknown (manager, broker));
    else if (strcmp (word, "remind") == 0)
        task_manager_remind (manager);
    else if (strcmp (word, "settle") == 0)
        task_manager_settle (manager);
    else if (strcmp (word, "run") == 0)
        run (self, broker, number);
    else if (strcmp (word, "cancel") == 0)
        answer (self, task_manager_cancel (manager, broker, &cookie));
    else if (strcmp (word, "end") == 0)
        end (self, broker, number, false);
    else if (strcmp (word, "end-void") == 0)
        end (self, broker, number, true);
    else if (strcmp (word, "mourn") == 0)
        answer (self, task_manager_mourn (manager, broker, &cookie));
    else if (strcmp (word, "drain") == 0)
        task_manager_drain (manager);
    else if (strcmp (word, "halt") == 0)
        task_manager_halt (manager);
    else if (strcmp (word, "abandon") == 0)
        task_manager_abandon (manager);
    else if (strcmp (word, "dismissed") == 0)
        task_manager_dismissed (manager, broker);
    else if (strcmp (word, "fenced") == 0)
        task_manager_fenced (manager, broker);
    else if (strcmp (word, "done") == 0)
        answer (self, task_manager_done (manager, broker));
    else
        fail_msg ("no such event: %s", event);
    if (!task_manager_check (manager))
        fail_msg ("an invariant is broken after: %s", event);
}

// Events and what they lead to, a line each; the first line is "CAPACITY [BROKERS]".
static void play (const char *text)
{
    story_t story;
    unsigned capacity = 1, brokers = 1;
    char event[64] = "", expected[sizeof story.told] = "";

    sscanf (text, "%u %u", &capacity, &brokers);
    open_story (&story, brokers, capacity);
    for (text = strchr (text, '\n') + 1;; text = strchr (text, '\n') + 1) {
        if (*text == '>') {
            size_t len = strlen (expected);
            snprintf (expected + len, sizeof expected - len, "%.*s\n", (int)strcspn (text, "\n"),
                      text);
            continue;
        }
        if (strcmp (story.told, expected) != 0)
            fail_msg ("after \"%s\":\n%s-- and not:\n%s", event, story.told, expected);
        story.told[0] = expected[0] = '\0';
        if (!*text)
            break;
        snprintf (event, sizeof event, "%.*s", (int)strcspn (text, "\n"), text);
        play_event (&story, event);
    }
    close_story (&story);
}

// -- Stories

static void tasks_run_up_to_the_capacity (void **state)
{
    (void)state;
    play ("2\n"
          "up 0\n"
          "> enroll 0 2\n"
          "granted 0\n"
          "> yes\n"
          "run 0 k1\n"
          "> start k1\n"
          "run 0 k2\n"
          "> start k2\n"
          "run 0 k3\n"
          "> full\n"
          "end k1\n"
          "> yes\n"
          "run 0 k3\n"
          "> start k3\n"
          "settle\n");
}

static void a_cookie_runs_once_at_a_time (void **state)
{
    (void)state;
    play ("2\n"
          "up 0\n"
          "> enroll 0 2\n"
          "run 0 k1\n"
          "> start k1\n"
          "run 0 k1\n"
          "> twice\n"
          "end k1\n"
          "> yes\n"
          "run 0 k1\n"
          "> start k1\n");
}

static void cancel_is_told_once (void **state)
{
    (void)state;
    play ("1\n"
          "up 0\n"
          "> enroll 0 1\n"
          "run 0 k1\n"
          "> start k1\n"
          "cancel 0 k1\n"
          "> cancel k1\n"
          "> yes\n"
          "cancel 0 k1\n"
          "> yes\n"
          "cancel 0 k2\n"
          "> no\n"
          "end k1\n"
          "> yes\n"
          "cancel 0 k1\n"
          "> no\n");
}

// The broker has given them up: they are cancelled, and their results are not wanted.
static void a_lost_connection_voids_its_tasks (void **state)
{
    (void)state;
    play ("3\n"
          "up 0\n"
          "> enroll 0 3\n"
          "granted 0\n"
          "> yes\n"
          "run 0 k1\n"
          "> start k1\n"
          "run 0 k2\n"
          "> start k2\n"
          "cancel 0 k2\n"
          "> cancel k2\n"
          "> yes\n"
          "lost 0\n"
          "> cancel k1\n"
          "cancel 0 k1\n"
          "> no\n"
          "settle\n"
          "end-void k1\n"
          "> no\n"
          "up 0\n"
          "> enroll 0 2\n"
          "granted 0\n"
          "> yes\n"
          "settle\n"
          "run 0 k2\n" // again, with the cookie of the void one
          "> start k2\n"
          "run 0 k3\n"
          "> start k3\n"
          "run 0 k4\n"
          "> full\n"
          "end-void k2\n"
          "> no\n"
          "settle\n"
          "> enroll 0 3\n"
          "granted 0\n"
          "> no\n"
          "run 0 k4\n"
          "> start k4\n"
          "end k2\n"
          "> yes\n");
}

// PROTOCOL 3: "I don't know you, register again".
static void a_broker_that_forgot_us_is_told_again (void **state)
{
    (void)state;
    play ("2\n"
          "up 0\n"
          "> enroll 0 2\n"
          "unknown 0\n" // the answer to what was sent before REGISTER
          "> no\n"
          "granted 0\n"
          "> yes\n"
          "run 0 k1\n"
          "> start k1\n"
          "unknown 0\n"
          "> cancel k1\n"
          "> enroll 0 1\n"
          "> yes\n"
          "unknown 0\n"
          "> no\n"
          "granted 0\n"
          "> yes\n"
          "end-void k1\n"
          "> no\n"
          "settle\n"
          "> enroll 0 2\n");
}

static void a_register_without_an_answer_is_repeated (void **state)
{
    (void)state;
    play ("1\n"
          "remind\n"
          "up 0\n"
          "> enroll 0 1\n"
          "remind\n"
          "remind\n"
          "> enroll 0 1\n"
          "remind\n"
          "granted 0\n"
          "> yes\n"
          "remind\n"
          "remind\n");
}

static void drain_waits_for_tasks_and_for_the_fence (void **state)
{
    (void)state;
    play ("2\n"
          "up 0\n"
          "> enroll 0 2\n"
          "granted 0\n"
          "> yes\n"
          "run 0 k1\n"
          "> start k1\n"
          "drain\n"
          "> leave 0\n"
          "drain\n"
          "run 0 k2\n" // crossed our SHUTDOWN
          "> start k2\n"
          "end k1\n"
          "> yes\n"
          "end k2\n"
          "> yes\n"
          "done 0\n"
          "> no\n"
          "fenced 0\n"
          "done 0\n"
          "> yes\n");
}

static void the_broker_sends_us_away (void **state)
{
    (void)state;
    play ("1 2\n"
          "up 0\n"
          "> enroll 0 1\n"
          "up 1\n"
          "> enroll 1 1\n"
          "fenced 0\n" // means nothing as long as nobody leaves
          "run 0 k1\n"
          "> start k1\n"
          "dismissed 0\n"
          "done 0\n"
          "> no\n"
          "settle\n"
          "end k1\n"
          "> yes\n"
          "done 0\n"
          "> yes\n"
          "done 1\n"
          "> no\n"
          "drain\n"
          "> leave 1\n"
          "fenced 1\n"
          "done 1\n"
          "> yes\n");
}

static void who_is_left_is_not_wanted_back (void **state)
{
    (void)state;
    play ("1\n"
          "up 0\n"
          "> enroll 0 1\n"
          "granted 0\n"
          "> yes\n"
          "run 0 k1\n"
          "> start k1\n"
          "drain\n"
          "> leave 0\n"
          "lost 0\n"
          "> cancel k1\n"
          "done 0\n"
          "> yes\n"
          "up 0\n"
          "lost 0\n"
          "run 0 k2\n"
          "> halted\n");
    play ("1\n"
          "drain\n"
          "done 0\n"
          "> yes\n"
          "up 0\n");
    play ("1\n" // nor one that has forgotten us
          "up 0\n"
          "> enroll 0 1\n"
          "granted 0\n"
          "> yes\n"
          "dismissed 0\n"
          "unknown 0\n"
          "> yes\n"
          "done 0\n"
          "> yes\n");
}

static void halt_cancels_and_abandons (void **state)
{
    (void)state;
    play ("1 2\n"
          "up 0\n"
          "> enroll 0 1\n"
          "up 1\n"
          "> enroll 1 1\n"
          "run 0 k1\n"
          "> start k1\n"
          "run 1 k1\n" // waits for the slot
          "halt\n"
          "> leave 0\n"
          "> leave 1\n"
          "> refuse k1@1 CANCELLED\n"
          "> cancel k1\n"
          "run 0 k2\n"
          "> halted\n"
          "halt\n"
          "fenced 0\n"
          "done 0\n"
          "> no\n"
          "abandon\n"
          "> abandon k1\n"
          "abandon\n"
          "done 0\n"
          "> yes\n"
          "end-void k1\n"
          "> no\n");
}

// Each broker is told all of it; what is too much for both waits in order.
static void brokers_share_the_slots (void **state)
{
    (void)state;
    play ("2 2\n"
          "up 0\n"
          "> enroll 0 2\n"
          "up 1\n"
          "> enroll 1 2\n"
          "run 0 k1\n"
          "> start k1\n"
          "run 1 k1\n" // the same cookie is another task
          "> start k1@1\n"
          "run 1 k2\n"
          "run 0 k2\n"
          "run 0 k3\n"
          "> full\n"
          "cancel 1 k2\n"
          "> refuse k2@1 CANCELLED\n"
          "> yes\n"
          "run 1 k3\n"
          "end 0 k1\n"
          "> start k2\n"
          "> yes\n"
          "lost 1\n"
          "> discard k3@1\n"
          "> cancel k1@1\n"
          "settle\n"
          "> enroll 0 1\n"
          "end-void 1 k1\n"
          "> no\n"
          "settle\n"
          "> enroll 0 2\n");
}

// BAD_PACKET with the cookie of a RESULT: once, for this connection's tasks only.
static void a_refused_result_is_mourned_once (void **state)
{
    (void)state;
    play ("2\n"
          "up 0\n"
          "> enroll 0 2\n"
          "mourn 0 k1\n"
          "> no\n"
          "run 0 k1\n"
          "> start k1\n"
          "mourn 0 k1\n" // one of its PARTIALs
          "> no\n"
          "end k1\n"
          "> yes\n"
          "mourn 0 k1\n"
          "> yes\n"
          "mourn 0 k1\n"
          "> no\n"
          "run 0 k2\n"
          "> start k2\n"
          "end k2\n"
          "> yes\n"
          "lost 0\n"
          "up 0\n"
          "> enroll 0 2\n"
          "mourn 0 k2\n"
          "> no\n");
}

// -- Chance

static unsigned random_below (uint64_t *seed, unsigned end_)
{
    *seed = *seed * UINT64_C (6364136223846793005) + 1442695040888963407u;
    return (unsigned)(*seed >> 33) % end_;
}

// Whatever happens in whatever order, no more run than may, and each task comes back once.
static void chance_breaks_no_invariant (void **state)
{
    static const char *const events[] = {"up %u",      "lost %u",       "granted %u",  "unknown %u",
                                         "remind",     "settle",        "run %u k%u",  "run %u k%u",
                                         "run %u k%u", "run %u k%u",    "end",         "end",
                                         "end",        "cancel %u k%u", "mourn %u k%u"};
    static const char *const last[] = {"drain", "halt", "dismissed %u", "fenced %u", "abandon"};
    const unsigned usual = sizeof events / sizeof *events, few = sizeof last / sizeof *last;

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t at = seed * 77777;
        story_t story;
        unsigned capacity = 1 + random_below (&at, 4);
        open_story (&story, 2, capacity);
        for (unsigned i = 0; i < 400; i++) {
            char event[64];
            bool late = i > 350 && random_below (&at, 4) == 0;
            const char *format =
                late ? last[random_below (&at, few)] : events[random_below (&at, usual)];
            unsigned broker = random_below (&at, 2), number = random_below (&at, TASKS);
            story.told[0] = '\0';
            if (strcmp (format, "end") == 0) {
                told_task_t *task = &story.tasks[random_below (&at, 2 * TASKS)];
                if (task->running)
                    end (&story, task->managed.broker, task->number,
                         task->managed.state == MANAGED_VOID);
                assert_true (task_manager_check (story.manager));
            } else {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                snprintf (event, sizeof event, format, broker, number);
#pragma GCC diagnostic pop
                play_event (&story, event);
            }
            unsigned running = 0, there = 0;
            for (unsigned j = 0; j < 2 * TASKS; j++) {
                running += story.tasks[j].running;
                there += story.tasks[j].there;
            }
            assert_true (running <= capacity);
            assert_int_equal (running, task_manager_running (story.manager));
            assert_int_equal (there, running + task_manager_waiting (story.manager));
        }
        close_story (&story);
    }
}

TESTING_MAIN (cmocka_unit_test (tasks_run_up_to_the_capacity),
              cmocka_unit_test (a_cookie_runs_once_at_a_time),
              cmocka_unit_test (cancel_is_told_once),
              cmocka_unit_test (a_lost_connection_voids_its_tasks),
              cmocka_unit_test (a_broker_that_forgot_us_is_told_again),
              cmocka_unit_test (a_register_without_an_answer_is_repeated),
              cmocka_unit_test (drain_waits_for_tasks_and_for_the_fence),
              cmocka_unit_test (the_broker_sends_us_away),
              cmocka_unit_test (who_is_left_is_not_wanted_back),
              cmocka_unit_test (halt_cancels_and_abandons),
              cmocka_unit_test (brokers_share_the_slots),
              cmocka_unit_test (a_refused_result_is_mourned_once),
              cmocka_unit_test (chance_breaks_no_invariant), )

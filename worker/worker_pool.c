/*  A job never waits behind another one: for each that is queued there is a thread without a job,
 *  so one that never returns holds up nobody.
 *
 *  One sleeper at a time is being woken; when it takes a job and there are more, it has the next
 *  one woken before it runs. Where jobs are short one thread has done several before another is
 *  awake, which costs a fraction of a wake-up for each.
 */
#define _POSIX_C_SOURCE 200809L

#include "worker/worker_pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "fabric/container.h"

typedef struct {
    worker_pool_t *pool;
    list_node_t place;
    list_node_t grave; // among the dead
    list_node_t *job;  // the one it runs
    pthread_t thread;
} member_t;

struct worker_pool {
    worker_pool_fn *run, *lost;
    void *arg;
    unsigned most;
    list_t members; // these two: the user's thread only
    unsigned member_count;
    pthread_mutex_t lock;
    pthread_cond_t work;
    list_t jobs;
    list_t dead;         // members whose job ended their thread
    size_t queued, idle; // idle: threads without a job, awake or not
    size_t sleeping;
    bool waking; // one of the sleepers has been signalled
    bool ending;
};

worker_pool_t *worker_pool_new (unsigned most, worker_pool_fn *run, worker_pool_fn *lost, void *arg)
{
    worker_pool_t *self = (worker_pool_t *)calloc (1, sizeof *self);

    if (!self)
        return NULL;
    self->most = most;
    self->run = run;
    self->lost = lost;
    self->arg = arg;
    list_init (&self->members);
    list_init (&self->jobs);
    list_init (&self->dead);
    (void)pthread_mutex_init (&self->lock, NULL); // can't fail on Linux, nor can the next
    (void)pthread_cond_init (&self->work, NULL);
    return self;
}

static void bury (member_t *member)
{
    list_remove (&member->place);
    pthread_join (member->thread, NULL);
    free (member);
}

void worker_pool_destroy (worker_pool_t **self_p)
{
    worker_pool_t *self = *self_p;
    list_node_t *node;

    if (!self)
        return;
    pthread_mutex_lock (&self->lock);
    self->ending = true;
    pthread_cond_broadcast (&self->work);
    pthread_mutex_unlock (&self->lock);
    while ((node = list_first (&self->members)))
        bury (container_of (node, member_t, place));
    pthread_cond_destroy (&self->work);
    pthread_mutex_destroy (&self->lock);
    free (self);
    *self_p = NULL;
}

// With the lock held.
static void wake_one (worker_pool_t *self)
{
    if (self->queued && self->sleeping && !self->waking) {
        self->waking = true;
        pthread_cond_signal (&self->work);
    }
}

// The job has ended the thread under us. It counts as dead before the job is told to have ended, so
// that there is room for another thread when the next one comes.
static void die (void *arg)
{
    member_t *member = (member_t *)arg;
    worker_pool_t *self = member->pool;

    pthread_mutex_lock (&self->lock);
    list_append (&self->dead, &member->grave);
    pthread_mutex_unlock (&self->lock);
    self->lost (member->job, self->arg);
}

static void run_job (member_t *member)
{
    pthread_cleanup_push (die, member);
    member->pool->run (member->job, member->pool->arg);
    pthread_cleanup_pop (0);
}

static void *work (void *arg)
{
    member_t *member = (member_t *)arg;
    worker_pool_t *self = member->pool;

    pthread_mutex_lock (&self->lock);
    for (;;) {
        while (list_empty (&self->jobs) && !self->ending) {
            self->sleeping++;
            pthread_cond_wait (&self->work, &self->lock);
            self->sleeping--;
            self->waking = false;
        }
        list_node_t *job = list_first (&self->jobs);
        if (!job)
            break;
        list_remove (job);
        self->queued--;
        self->idle--;
        wake_one (self);
        pthread_mutex_unlock (&self->lock);
        member->job = job;
        run_job (member);
        pthread_mutex_lock (&self->lock);
        self->idle++;
    }
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

// With every signal blocked: they are the program's business.
static int start_thread (member_t *member)
{
    sigset_t all, before;

    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int problem = pthread_create (&member->thread, NULL, work, member);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    return problem;
}

static int add_member (worker_pool_t *self)
{
    member_t *member = (member_t *)calloc (1, sizeof *member);

    if (!member)
        return -1;
    member->pool = self;
    int problem = start_thread (member);
    if (problem) {
        free (member);
        errno = problem;
        return -1;
    }
    list_append (&self->members, &member->place);
    self->member_count++;
    return 0;
}

// Each is about to end, if it has not yet.
static void bury_the_dead (worker_pool_t *self)
{
    list_node_t *node;

    for (;;) {
        pthread_mutex_lock (&self->lock);
        if ((node = list_first (&self->dead)))
            list_remove (node);
        pthread_mutex_unlock (&self->lock);
        if (!node)
            return;
        bury (container_of (node, member_t, grave));
        self->member_count--;
    }
}

// With the lock held.
static void queue (worker_pool_t *self, list_node_t *job)
{
    list_append (&self->jobs, job);
    self->queued++;
    wake_one (self);
}

int worker_pool_run (worker_pool_t *self, list_node_t *job)
{
    pthread_mutex_lock (&self->lock);
    bool deaths = !list_empty (&self->dead);
    bool served = self->queued < self->idle;
    if (served)
        queue (self, job);
    pthread_mutex_unlock (&self->lock);
    if (deaths)
        bury_the_dead (self);
    if (served)
        return 0;

    // When there are as many as may be, one has done its job and is about to look for the next. A
    // new one is idle from the start, so that its job is not given to another new one.
    bool room = self->member_count < self->most;
    pthread_mutex_lock (&self->lock);
    self->idle += room;
    pthread_mutex_unlock (&self->lock);
    int rc = room ? add_member (self) : 0;
    pthread_mutex_lock (&self->lock);
    if (rc)
        self->idle--;
    else
        queue (self, job);
    pthread_mutex_unlock (&self->lock);
    return rc;
}

#include "cli/bench_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define LINE_OCTETS 512

static void put (buffer_t *out, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

static void put (buffer_t *out, const char *format, ...)
{
    char line[LINE_OCTETS];
    va_list args;

    va_start (args, format);
    (void)vsnprintf (line, sizeof line, format, args);
    va_end (args);
    buffer_text (out, line);
}

static double us_per_task (const load_report_t *report, uint64_t ns)
{
    return report->tasks ? (double)ns / (double)report->tasks / 1e3 : 0;
}

static double rate (const load_report_t *report)
{
    return report->seconds > 0 ? (double)report->tasks / report->seconds : 0;
}

static double us (uint64_t ns)
{
    return (double)ns / 1e3;
}

// Octets more than before, for each of so many.
static double octets_each (uint64_t before, uint64_t after, uint64_t count)
{
    return count ? ((double)after - (double)before) / (double)count : 0;
}

static const char *transport_of (const load_plan_t *plan)
{
    if (plan->serve)
        return plan->serve;
    return plan->tcp ? "tcp" : "ipc";
}

static const char *plural (uint32_t count)
{
    return count == 1 ? "" : "s";
}

void bench_report_title (const load_plan_t *plan, buffer_t *out)
{
    put (out, "%" PRIu64 " tasks of %zu octets, %s, %s%s, %s; ", plan->count, plan->size,
         encoding_name (plan->codec), transport_of (plan), plan->curve ? " with keys" : "",
         plan->library ? "peers by libzfabric" : "peers on bare ZeroMQ");
    put (out,
         "%" PRIu32 " worker%s of %" PRIu32 ", %" PRIu32 " client%s with %" PRIu32
         " tasks on their way",
         plan->workers, plural (plan->workers), plan->capacity, plan->clients,
         plural (plan->clients), plan->window);
}

static void put_memory (const load_plan_t *plan, const load_report_t *report, buffer_t *out)
{
    put (out, "memory      broker %.1f MiB before, %.1f after, %.1f at most\n",
         (double)report->memory_start / 1048576, (double)report->memory_end / 1048576,
         (double)report->memory_most / 1048576);
    if (plan->idle_clients)
        put (out, "            %.0f octets for each of %" PRIu32 " idle clients\n",
             octets_each (report->memory_start, report->memory_idle, plan->idle_clients),
             plan->idle_clients);
    if (plan->waiting)
        put (out, "            %.0f octets for each of %" PRIu64 " waiting tasks\n",
             octets_each (report->memory_idle, report->memory_waiting, plan->waiting),
             plan->waiting);
}

void bench_report_text (const load_plan_t *plan, const load_report_t *report, buffer_t *out)
{
    const histogram_t *latency = &report->latency;

    bench_report_title (plan, out);
    put (out, "\ntasks/s     %.0f (%.1f MiB/s of payload each way)\n", rate (report),
         rate (report) * (double)plan->size / 1048576);
    put (out,
         "latency us  %.0f at least, %.0f mean, %.0f half, %.0f 90 %%, %.0f 99 %%, %.0f 99.9 %%, "
         "%.0f at most\n",
         us (latency->least), histogram_mean (latency) / 1e3, us (histogram_at (latency, 0.5)),
         us (histogram_at (latency, 0.9)), us (histogram_at (latency, 0.99)),
         us (histogram_at (latency, 0.999)), us (latency->most));
    uint64_t peers = report->workers_cpu_ns + report->clients_cpu_ns;
    if (report->broker_known)
        put (out, "processor   %.2f us a task: broker %.2f, workers %.2f, clients %.2f\n",
             us_per_task (report, peers + report->broker_cpu_ns),
             us_per_task (report, report->broker_cpu_ns),
             us_per_task (report, report->workers_cpu_ns),
             us_per_task (report, report->clients_cpu_ns));
    else
        put (out, "processor   us a task: workers %.2f, clients %.2f, broker unknown (--pid)\n",
             us_per_task (report, report->workers_cpu_ns),
             us_per_task (report, report->clients_cpu_ns));
    if (report->broker_known)
        put_memory (plan, report, out);
    put (out, "checked     every task came back once and whole\n");
}

static void put_broker (const load_plan_t *plan, const load_report_t *report, buffer_t *out)
{
    put (out,
         ",\"broker_cpu_us\":%.4f,\"all_cpu_us\":%.4f,\"memory\":{\"start\":%" PRIu64
         ",\"end\":%" PRIu64 ",\"most\":%" PRIu64,
         us_per_task (report, report->broker_cpu_ns),
         us_per_task (report,
                      report->broker_cpu_ns + report->workers_cpu_ns + report->clients_cpu_ns),
         report->memory_start, report->memory_end, report->memory_most);
    if (plan->idle_clients)
        put (out, ",\"idle_client\":%.1f",
             octets_each (report->memory_start, report->memory_idle, plan->idle_clients));
    if (plan->waiting)
        put (out, ",\"waiting_task\":%.1f",
             octets_each (report->memory_idle, report->memory_waiting, plan->waiting));
    put (out, "}");
}

void bench_report_json (const load_plan_t *plan, const load_report_t *report, buffer_t *out)
{
    const histogram_t *latency = &report->latency;

    put (out,
         "{\"tasks\":%" PRIu64
         ",\"size\":%zu,\"codec\":\"%s\",\"peers\":\"%s\",\"curve\":%s,\"workers\":%" PRIu32
         ",\"capacity\":%" PRIu32 ",\"clients\":%" PRIu32 ",\"window\":%" PRIu32
         ",\"idle_clients\":%" PRIu32 ",\"waiting\":%" PRIu64,
         report->tasks, plan->size, encoding_name (plan->codec),
         plan->library ? "library" : "zeromq", plan->curve ? "true" : "false", plan->workers,
         plan->capacity, plan->clients, plan->window, plan->idle_clients, plan->waiting);
    put (out,
         ",\"seconds\":%.6f,\"tasks_per_second\":%.1f,\"latency_us\":{\"least\":%.3f,\"mean\":%.3f,"
         "\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"most\":%.3f}",
         report->seconds, rate (report), us (latency->least), histogram_mean (latency) / 1e3,
         us (histogram_at (latency, 0.5)), us (histogram_at (latency, 0.9)),
         us (histogram_at (latency, 0.99)), us (histogram_at (latency, 0.999)), us (latency->most));
    put (out, ",\"workers_cpu_us\":%.4f,\"clients_cpu_us\":%.4f",
         us_per_task (report, report->workers_cpu_ns),
         us_per_task (report, report->clients_cpu_ns));
    if (report->broker_known)
        put_broker (plan, report, out);
    put (out, "}\n");
}

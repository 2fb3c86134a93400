package zfabric;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A task in its own thread. Not interrupted to be cancelled: an interrupt closes JeroMQ's channels. */
final class Task implements Runnable {
    /** Does a task and returns its result; what it throws is the task's end. */
    interface Handler {
        Object handle(JsonNode variables, Task task) throws Exception;
    }

    private final CountDownLatch cancelled = new CountDownLatch(1);
    private final Packet packet;
    private final Handler handler;
    private final Link link;
    private final Runnable ended;
    private int seq;

    Task(Packet packet, Handler handler, Link link, Runnable ended) {
        this.packet = packet;
        this.handler = handler;
        this.link = link;
        this.ended = ended;
    }

    /** For handlers: a piece of the result. */
    void partial(Object piece) {
        link.send(to("PARTIAL").with("seq", seq++).withPayload(piece));
    }

    /** For handlers: sleeps, and throws as soon as the task is cancelled. */
    void pause(long millis) throws InterruptedException {
        if (cancelled.await(millis, TimeUnit.MILLISECONDS)) {
            throw new CancellationException();
        }
    }

    void cancel() {
        cancelled.countDown();
    }

    @Override
    public void run() {
        Packet end = to("RESULT");
        try {
            end = end.withPayload(handler.handle(packet.payload(), this)).with("rc", "OK");
            end.encode(); // what JSON can't say is found here
        } catch (CancellationException problem) {
            end = to("RESULT").with("rc", "CANCELLED");
        } catch (Throwable problem) { // whatever a handler throws is its task's end, not ours
            StackTraceElement[] trace = problem.getStackTrace();
            String[] lines = new String[Math.min(trace.length, 20)];
            for (int i = 0; i < lines.length; i++) {
                lines[i] = trace[i].toString();
            }
            end = to("RESULT").with("rc", "PROCESSOR_EXCEPTION").with("error", problem.toString()).with("stacktrace", lines);
        }
        link.send(end);
        ended.run();
    }

    private Packet to(String type) {
        return new Packet(type).with("cookie", packet.text("cookie"));
    }
}

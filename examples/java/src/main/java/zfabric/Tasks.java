package zfabric;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** Runs any number of tasks at the same time on one socket; all of it may be called from any thread. */
final class Tasks implements AutoCloseable, Link.Receiver {
    /** A task that did not end with OK: its RESULT. */
    static final class Failed extends RuntimeException {
        final transient Packet end;

        Failed(Packet end) {
            super(end.text("rc") + ": " + end.text("error"));
            this.end = end;
        }

        /** The cause of a future's end, as the reader of a future gets it. */
        static Failed of(CompletionException problem) {
            if (problem.getCause() instanceof Failed failed) {
                return failed;
            }
            throw problem;
        }
    }

    private record Task(Consumer<JsonNode> pieces, CompletableFuture<JsonNode> result) {}

    private final Map<String, Task> tasks = new ConcurrentHashMap<>();
    private final Link link;

    Tasks(String broker) {
        link = new Link(broker, null, this);
    }

    static String newCookie() {
        return UUID.randomUUID().toString();
    }

    CompletableFuture<JsonNode> run(String pipeline, Object variables) {
        return start(newCookie(), pipeline, variables, null);
    }

    /** Each piece of the result goes to `pieces`, in the link's own thread: it must not wait. */
    CompletableFuture<JsonNode> stream(String cookie, String pipeline, Object variables, Consumer<JsonNode> pieces) {
        return start(cookie, pipeline, variables, pieces);
    }

    /** The task's own future tells how it ended. */
    void cancel(String cookie) {
        link.send(new Packet("CANCEL").with("cookie", cookie));
    }

    private CompletableFuture<JsonNode> start(String cookie, String pipeline, Object variables, Consumer<JsonNode> pieces) {
        Task task = new Task(pieces, new CompletableFuture<>());
        tasks.put(cookie, task);
        link.send(new Packet("RUN").with("cookie", cookie).with("pipeline", pipeline)
                .with("stream", pieces != null).withPayload(variables));
        return task.result;
    }

    @Override
    public void received(Packet packet) {
        String cookie = packet.text("cookie").toLowerCase();
        if (packet.type().equals("PARTIAL")) {
            Task task = tasks.get(cookie);
            if (task != null && task.pieces != null) {
                task.pieces.accept(packet.payload());
            }
        } else if (packet.type().equals("RESULT")) {
            Task task = tasks.remove(cookie);
            if (task != null && packet.text("rc").equals("OK")) {
                task.result.completeAsync(packet::payload);
            } else if (task != null) {
                task.result.completeExceptionally(new Failed(packet));
            }
        }
    }

    /** Whether they ran is not known. */
    @Override
    public void lost(String why) {
        for (String cookie : tasks.keySet()) {
            received(new Packet("RESULT").with("cookie", cookie).with("rc", "BROKER_WENT_AWAY").with("error", why));
        }
    }

    @Override
    public void close() throws InterruptedException {
        link.close();
    }
}

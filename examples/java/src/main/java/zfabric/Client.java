package zfabric;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * A client in Java: many tasks at once on one socket. Client [BROKER]; Worker serves what it runs.
 *
 * <p>With more arguments it does one thing: examples/README.md. Keys for a broker that wants them:
 * ZFABRIC_SERVER_KEY, ZFABRIC_PUBLIC_KEY and ZFABRIC_SECRET_KEY.
 */
public final class Client {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private Client() {}

    public static void main(String[] arguments) throws Exception {
        int status = 0;
        try (Tasks tasks = new Tasks(arguments.length > 0 ? arguments[0] : "tcp://127.0.0.1:51520")) {
            if (arguments.length == 4) {
                command(tasks, arguments[1], arguments[2], arguments[3]);
            } else {
                show(tasks);
            }
        } catch (CompletionException problem) {
            Packet end = Tasks.Failed.of(problem).end;
            OUT.println(Packet.JSON.createObjectNode().put("rc", end.text("rc")).put("error", end.text("error"))
                    .set("stacktrace", end.header().withArray("stacktrace")));
            status = 1;
        }
        System.exit(status);
    }

    /** Runs a task, streams one, cancels one, and has many in flight. */
    private static void show(Tasks tasks) throws InterruptedException {
        OUT.println("run: " + tasks.run("shout", Map.of("text", "hello, fabric")).join());

        List<JsonNode> pieces = new ArrayList<>();
        JsonNode last = tasks.stream(Tasks.newCookie(), "count", 5, pieces::add).join();
        OUT.println("stream: " + pieces + " " + last);

        String cookie = Tasks.newCookie();
        CompletableFuture<JsonNode> first = new CompletableFuture<>();
        CompletableFuture<JsonNode> endless = tasks.stream(cookie, "count", 1_000_000, first::complete);
        first.join();
        tasks.cancel(cookie);
        try {
            endless.join();
        } catch (CompletionException problem) {
            OUT.println("cancel: " + Tasks.Failed.of(problem).end.text("rc"));
        }

        List<Object> words = new ArrayList<>();
        for (int n = 0; n < 1000; n++) {
            words.add(Map.of("n", "task " + n));
        }
        ArrayNode results = many(tasks, "shout", words);
        OUT.println("many: " + results.size() + " " + results.get(results.size() - 1));
    }

    /** A task for each of the variables, all at once. */
    private static ArrayNode many(Tasks tasks, String pipeline, Iterable<?> variables) {
        List<CompletableFuture<JsonNode>> futures = new ArrayList<>();
        variables.forEach(each -> futures.add(tasks.run(pipeline, each)));
        ArrayNode results = Packet.JSON.createArrayNode();
        futures.forEach(future -> results.add(future.join()));
        return results;
    }

    /** One of run, stream, cancel and many; examples/README.md says what each prints. */
    private static void command(Tasks tasks, String verb, String pipeline, String text)
            throws IOException, InterruptedException {
        JsonNode variables = text.equals("-") ? Packet.JSON.readTree(System.in.readAllBytes()) : Packet.JSON.readTree(text);
        switch (verb) {
            case "run" -> OUT.println(tasks.run(pipeline, variables).join());
            case "many" -> OUT.println(many(tasks, pipeline, variables));
            case "stream", "cancel" -> {
                String cookie = Tasks.newCookie();
                BlockingQueue<Runnable> news = new LinkedBlockingQueue<>(); // what to do here, in this thread
                CompletableFuture<JsonNode> end = tasks.stream(cookie, pipeline, variables, piece -> news.add(() -> {
                    OUT.println(piece);
                    if (verb.equals("cancel")) {
                        tasks.cancel(cookie);
                    }
                }));
                end.whenComplete((result, problem) -> news.add(() -> {}));
                while (!end.isDone() || !news.isEmpty()) {
                    news.take().run();
                }
                OUT.println(end.join());
            }
            default -> throw new IllegalArgumentException(verb);
        }
    }
}

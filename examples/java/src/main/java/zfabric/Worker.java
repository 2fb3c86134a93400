package zfabric;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * A worker in Java: each task in a thread of its own. Worker [BROKER]; Ctrl-C or SIGTERM: it finishes first.
 *
 * <p>Keys for a broker that wants them: ZFABRIC_SERVER_KEY, ZFABRIC_PUBLIC_KEY and ZFABRIC_SECRET_KEY.
 */
public final class Worker implements Link.Receiver {
    private static final int CAPACITY = 100;
    private static final Map<String, Task.Handler> HANDLERS = Map.of(
            "echo", (variables, task) -> variables, "shout", Worker::shout, "count", Worker::count,
            "sleep", Worker::sleep, "fail", Worker::fail);

    private final Map<String, Task> running = new HashMap<>();
    private boolean leaving;
    private int echoes; // HEARTBEATs to be answered before no RUN is on its way any more
    private final Link link;

    private Worker(String broker) {
        synchronized (this) { // received () waits until all is there
            link = new Link(broker, new Packet("REGISTER").with("capacity", CAPACITY)
                    .with("pipelines", HANDLERS.keySet()).with("heartbeat", 2000), this);
        }
    }

    private static Object shout(JsonNode words, Task task) {
        Map<String, String> loud = new TreeMap<>();
        words.fields().forEachRemaining(word -> loud.put(word.getKey(), word.getValue().asText().toUpperCase()));
        return loud;
    }

    private static Object count(JsonNode last, Task task) throws InterruptedException {
        for (int number = 1; number <= last.asInt(); number++) {
            task.pause(20); // instead of work that waits for something
            task.partial(number);
        }
        return last;
    }

    private static Object sleep(JsonNode seconds, Task task) throws InterruptedException {
        task.partial("asleep");
        task.pause((long) (1000 * seconds.asDouble())); // a CANCEL ends it here
        return seconds;
    }

    private static Object fail(JsonNode message, Task task) {
        throw new IllegalArgumentException(message.asText());
    }

    @Override
    public synchronized void received(Packet packet) {
        String cookie = packet.text("cookie");
        switch (packet.type()) {
            case "RUN" -> {
                Task task = new Task(packet, HANDLERS.get(packet.text("pipeline")), link, () -> ended(cookie));
                running.put(cookie, task);
                new Thread(task, "task " + cookie).start();
            }
            case "CANCEL" -> {
                if (running.containsKey(cookie)) {
                    running.get(cookie).cancel();
                }
            }
            case "REGISTER" -> {
                if (!packet.header().hasNonNull("capacity") && !leaving) { // the broker does not know us: a new one, say
                    running.values().forEach(Task::cancel);
                    link.greet();
                }
            }
            case "HEARTBEAT" -> echoes--;
            case "SHUTDOWN" -> {
                leaving = true;
                echoes = 0;
            }
            default -> { } // later versions may have more
        }
        notifyAll();
    }

    /** The broker has given the tasks to others, or ended them. */
    @Override
    public synchronized void lost(String why) {
        running.values().forEach(Task::cancel);
        echoes = 0;
        notifyAll();
    }

    private synchronized void ended(String cookie) {
        running.remove(cookie);
        notifyAll();
    }

    private synchronized void serve() throws InterruptedException {
        while (!leaving || !running.isEmpty() || echoes > 0) {
            wait();
        }
    }

    /** Wants nothing more. One answer may be to an earlier HEARTBEAT; the second is to one behind SHUTDOWN. */
    private void leave() {
        synchronized (this) {
            if (leaving) {
                return;
            }
            leaving = true;
            echoes = 2;
        }
        for (String type : new String[] {"SHUTDOWN", "HEARTBEAT", "HEARTBEAT"}) {
            link.send(new Packet(type));
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        Worker worker = new Worker(arguments.length > 0 ? arguments[0] : "tcp://127.0.0.1:51530");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> { // a signal came: the exit status would be 143
            try {
                worker.leave();
                worker.serve();
                worker.link.close();
                Runtime.getRuntime().halt(0);
            } catch (InterruptedException problem) {
                Runtime.getRuntime().halt(1);
            }
        }));
        worker.serve();
        System.exit(0);
    }
}

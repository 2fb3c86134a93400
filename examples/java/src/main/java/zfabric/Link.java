package zfabric;

import java.util.concurrent.ThreadLocalRandom;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQ.Socket;

/**
 * A connection to a broker that is made again after a break. A ZeroMQ socket belongs to one thread, so one
 * owns the DEALER; the others hand packets to it through an inproc pair.
 */
final class Link implements AutoCloseable {
    /** Called in the link's own thread: must not wait, nor send () or close (). */
    interface Receiver {
        void received(Packet packet);

        /** The broker went away, and what was sent may be lost. A fresh connection follows. */
        void lost(String why);
    }

    private static final long BEAT = 1000, SILENCE = 5000, LAST_WORDS = 100; // ms
    private static final int LINGER = 2000; // ms at the end, for the last packets
    private static final byte[] END = new byte[0];

    private final ZContext context = new ZContext();
    private final String endpoint;
    private final Receiver receiver;
    private final Packet greeting; // the first packet of each connection, or null
    private final Socket out = context.createSocket(SocketType.PAIR), in = context.createSocket(SocketType.PAIR);
    private final Thread thread = new Thread(this::keep, "link");
    private Socket dealer, monitor;
    private int dials;
    private String why;

    Link(String endpoint, Packet greeting, Receiver receiver) {
        this.endpoint = endpoint;
        this.greeting = greeting;
        this.receiver = receiver;
        in.bind("inproc://ours");
        out.connect("inproc://ours");
        connect();
        thread.start();
    }

    /** May wait while the broker doesn't read, until it counts as gone. Not from a thread that may be interrupted. */
    synchronized void send(Packet packet) {
        byte[][] frames = packet.encode();
        for (int i = 0; i < frames.length; i++)
            out.send(frames[i], i + 1 < frames.length ? ZMQ.SNDMORE : 0);
    }

    /** Returns when what was sent before is out, or can't be. */
    @Override
    public synchronized void close() throws InterruptedException {
        out.send(END, 0);
        thread.join();
        context.close(); // waits for what lingers
    }

    /** From the receiver only: says the greeting once more. */
    void greet() {
        forward(greeting.encode());
    }

    private void forward(byte[][] frames) {
        for (int i = 0; i < frames.length; i++)
            dealer.send(frames[i], (i + 1 < frames.length ? ZMQ.SNDMORE : 0) | ZMQ.DONTWAIT);
    }

    /** A fresh socket each time: the broker takes who comes back for somebody new. */
    private void connect() {
        dealer = context.createSocket(SocketType.DEALER);
        dealer.setHandshakeIvl(1000); // ms: now and then JeroMQ's stop for ever, and it is 30 s by itself
        String server = System.getenv("ZFABRIC_SERVER_KEY");
        if (server != null) { // Z85 texts of 40 characters, under `curve` in the files that `zfabric keygen` writes
            dealer.setCurveServerKey(ZMQ.Curve.z85Decode(server));
            dealer.setCurvePublicKey(ZMQ.Curve.z85Decode(System.getenv("ZFABRIC_PUBLIC_KEY")));
            dealer.setCurveSecretKey(ZMQ.Curve.z85Decode(System.getenv("ZFABRIC_SECRET_KEY")));
        }
        String name = "inproc://monitor-" + ++dials;
        dealer.monitor(name, ZMQ.EVENT_DISCONNECTED);
        monitor = context.createSocket(SocketType.PAIR);
        monitor.connect(name);
        dealer.connect(endpoint);
        if (greeting != null)
            greet();
    }

    private void keep() {
        boolean closing = false;
        for (long pause = 100; !closing; pause = Math.min(2 * pause, 5000)) {
            long began = System.currentTimeMillis();
            closing = session();
            dealer.setLinger(closing ? LINGER : 0); // tasks that have been given up must not run later
            dealer.close();
            monitor.close();
            byte[] frame;
            while (!closing && (frame = in.recv(ZMQ.DONTWAIT)) != null) { // nor those that wait behind it
                closing = frame.length == 0 && !in.hasReceiveMore();
            }
            if (!closing) {
                receiver.lost(why);
                pause = System.currentTimeMillis() - began > 2 * SILENCE ? 100 : pause;
                ZMQ.msleep(ThreadLocalRandom.current().nextLong(pause / 2, pause));
                connect();
            }
        }
    }

    /** Moves packets both ways until the broker went away (false) or close () was called (true). */
    private boolean session() {
        ZMQ.Poller free = context.createPoller(3), full = context.createPoller(2);
        free.register(dealer, ZMQ.Poller.POLLIN);
        free.register(monitor, ZMQ.Poller.POLLIN);
        free.register(in, ZMQ.Poller.POLLIN);
        full.register(dealer, ZMQ.Poller.POLLIN | ZMQ.Poller.POLLOUT);
        full.register(monitor, ZMQ.Poller.POLLIN);
        long now = System.currentTimeMillis(), next = now + BEAT, end = now + SILENCE;
        boolean heard = false, broken = false;
        why = "the broker said nothing for " + SILENCE + " ms";
        for (; now < end; now = System.currentTimeMillis()) {
            for (; now >= next; next = now + BEAT)
                forward(new Packet("HEARTBEAT").encode());
            // Where the broker doesn't read, a send would wait: then ours stay where they are.
            boolean room = (dealer.getEvents() & ZMQ.Poller.POLLOUT) != 0;
            ZMQ.Poller poller = room ? free : full;
            poller.poll(LAST_WORDS);
            if (poller.pollin(0)) {
                heard = true;
                end = broken ? end : System.currentTimeMillis() + SILENCE;
                receiver.received(Packet.decode(dealer.recv(), dealer.hasReceiveMore() ? dealer.recv() : null));
            }
            // Before the first word it was a handshake that stopped: JeroMQ makes another, and lost is nothing.
            if (poller.pollin(1) && ZMQ.Event.recv(monitor, ZMQ.DONTWAIT) != null && heard && !broken) {
                broken = true;
                why = "the connection broke";
                end = System.currentTimeMillis() + LAST_WORDS;
            }
            if (room && poller.pollin(2)) {
                byte[] first = in.recv();
                if (first.length == 0)
                    return true;
                forward(in.hasReceiveMore() ? new byte[][] {first, in.recv()} : new byte[][] {first});
            }
        }
        return false;
    }
}

// A worker in Go: tasks run at the same time, as goroutines. worker [BROKER]; Ctrl-C or SIGTERM: it finishes first.
// Keys for a broker that wants them: ZFABRIC_SERVER_KEY, ZFABRIC_PUBLIC_KEY and ZFABRIC_SECRET_KEY.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"zfabric/examples/go/fabric"
)

var capacity = 100

// Worker is the loop's alone; tasks tell it of their end by ended.
type Worker struct {
	link     *fabric.Link
	greeting fabric.Header
	running  map[fabric.Cookie]context.CancelFunc
	ended    chan fabric.Cookie
}

func (w *Worker) serve() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	echoes, wanted := 0, -1 // HEARTBEATs answered; so many: no RUN is on its way any more
	for len(w.running) > 0 || wanted < 0 || echoes < wanted {
		select {
		case packet := <-w.link.Packets:
			switch packet.PacketType {
			case "RUN":
				w.start(packet)
			case "CANCEL":
				if cancel := w.running[*packet.Cookie]; cancel != nil {
					cancel()
				}
			case "REGISTER":
				if packet.Capacity == nil && wanted < 0 { // the broker does not know us: a new one, say
					w.giveUp()
					go w.link.Send(w.greeting)
				}
			case "HEARTBEAT":
				echoes++
			case "SHUTDOWN":
				wanted = 0
			case fabric.Lost:
				w.giveUp()
				if wanted > 0 {
					wanted = 0
				}
			}
		case cookie := <-w.ended:
			delete(w.running, cookie)
		case <-signals:
			if wanted < 0 { // one answer may be to an earlier HEARTBEAT, the second is to one behind SHUTDOWN
				echoes, wanted = 0, 2
				go func() {
					for _, kind := range []string{"SHUTDOWN", "HEARTBEAT", "HEARTBEAT"} {
						w.link.Send(fabric.Header{PacketType: kind})
					}
				}()
			}
		}
	}
}

// giveUp: after a break the broker has given the tasks to others, or ended them.
func (w *Worker) giveUp() {
	for _, cancel := range w.running {
		cancel()
	}
}

func (w *Worker) start(packet fabric.Packet) {
	ctx, cancel := context.WithCancel(context.Background())
	w.running[*packet.Cookie] = cancel
	go func() {
		defer cancel()
		value, result := w.work(ctx, packet)
		var err error
		if result.RC == "OK" {
			err = w.link.Send(result, value)
		}
		if err != nil { // a value that msgpack can't say
			result.RC, result.Error = "EXCEPTION", err.Error()
		}
		if result.RC != "OK" {
			w.link.Send(result)
		}
		w.ended <- *packet.Cookie
	}()
}

func (w *Worker) work(ctx context.Context, packet fabric.Packet) (value any, result fabric.Header) {
	result = fabric.Header{PacketType: "RESULT", Cookie: packet.Cookie, RC: "OK"}
	defer func() { // whatever a handler panics with is its task's end, not ours
		if problem := recover(); problem != nil {
			trace := strings.Split(strings.TrimSpace(string(debug.Stack())), "\n")
			result.RC, result.Error = "PROCESSOR_EXCEPTION", fmt.Sprint(problem)
			result.Stacktrace = trace[:min(len(trace), 40)]
		}
	}()
	seq := 0
	partial := func(piece any) {
		number := seq
		seq++
		if err := w.link.Send(fabric.Header{PacketType: "PARTIAL", Cookie: packet.Cookie, Seq: &number}, piece); err != nil {
			panic(err)
		}
	}
	value, err := handlers[packet.Pipeline](ctx, packet.Payload, partial)
	if errors.Is(err, context.Canceled) {
		result.RC = "CANCELLED"
	} else if err != nil {
		result.RC, result.Error = "PROCESSOR_EXCEPTION", err.Error()
	}
	return value, result
}

func main() {
	log.SetFlags(0)
	broker := "tcp://127.0.0.1:51530"
	if len(os.Args) > 1 {
		broker = os.Args[1]
	}
	w := &Worker{running: map[fabric.Cookie]context.CancelFunc{}, ended: make(chan fabric.Cookie)}
	w.greeting = fabric.Header{PacketType: "REGISTER", Capacity: &capacity, Heartbeat: 2000,
		Pipelines: slices.Collect(maps.Keys(handlers))}
	greeting, err := fabric.Encode(w.greeting)
	if err == nil {
		w.link, err = fabric.Dial(broker, fabric.KeysOfEnvironment(), greeting)
	}
	if err != nil {
		log.Fatal(err)
	}
	w.serve()
	w.link.Close()
}

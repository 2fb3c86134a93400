package main

import (
	"fmt"
	"iter"
	"sync"

	"github.com/vmihailenco/msgpack/v5"

	"zfabric/examples/go/fabric"
)

// Failed is a task that did not end with OK.
type Failed struct {
	RC         string   `json:"rc"`
	Message    string   `json:"error"`
	Stacktrace []string `json:"stacktrace"`
}

func (f *Failed) Error() string { return fmt.Sprintf("%s: %s", f.RC, f.Message) }

// Client runs any number of tasks at the same time on one socket; all of it may be called from any goroutine.
type Client struct {
	link  *fabric.Link
	mutex sync.Mutex
	tasks map[fabric.Cookie]task
}

type task struct {
	packets chan fabric.Packet
	done    chan struct{} // closed when nobody reads packets any more
}

func NewClient(broker string, keys *fabric.Keys) (*Client, error) {
	link, err := fabric.Dial(broker, keys, nil)
	if err != nil {
		return nil, err
	}
	c := &Client{link: link, tasks: map[fabric.Cookie]task{}}
	go c.dispatch()
	return c, nil
}

func (c *Client) Close() { c.link.Close() }

func (c *Client) dispatch() {
	for packet := range c.link.Packets {
		switch {
		case packet.PacketType == fabric.Lost:
			c.mutex.Lock()
			for _, task := range c.tasks { // whether they ran is not known
				go task.take(fabric.Packet{Header: fabric.Header{PacketType: "RESULT", RC: "BROKER_WENT_AWAY"}})
			}
			c.tasks = map[fabric.Cookie]task{}
			c.mutex.Unlock()
		case packet.Cookie != nil && (packet.PacketType == "PARTIAL" || packet.PacketType == "RESULT"):
			c.mutex.Lock()
			task, known := c.tasks[*packet.Cookie]
			c.mutex.Unlock()
			if known {
				task.take(packet)
			}
		}
	}
}

func (t task) take(packet fabric.Packet) {
	select {
	case t.packets <- packet: // who reads slowly slows the worker down
	case <-t.done:
	}
}

// Stream runs a task; it yields each piece of the result, and then the result or a *Failed.
func (c *Client) Stream(cookie fabric.Cookie, pipeline string, variables any) iter.Seq2[msgpack.RawMessage, error] {
	return c.start(fabric.Header{PacketType: "RUN", Cookie: &cookie, Pipeline: pipeline, Stream: true}, variables)
}

// Run runs a task and waits for its result.
func (c *Client) Run(pipeline string, variables any) (result msgpack.RawMessage, err error) {
	cookie := fabric.NewCookie()
	for result, err = range c.start(fabric.Header{PacketType: "RUN", Cookie: &cookie, Pipeline: pipeline}, variables) {
	}
	return result, err
}

// Cancel asks for a task's end; its Stream or Run tells how it ended.
func (c *Client) Cancel(cookie fabric.Cookie) error {
	return c.link.Send(fabric.Header{PacketType: "CANCEL", Cookie: &cookie})
}

func (c *Client) start(header fabric.Header, variables any) iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		t := task{make(chan fabric.Packet, 16), make(chan struct{})}
		c.mutex.Lock()
		c.tasks[*header.Cookie] = t
		c.mutex.Unlock()
		defer func() {
			close(t.done)
			c.mutex.Lock()
			delete(c.tasks, *header.Cookie)
			c.mutex.Unlock()
		}()
		if err := c.link.Send(header, variables); err != nil {
			yield(nil, err)
			return
		}
		for {
			packet := <-t.packets
			if packet.PacketType == "RESULT" {
				if packet.RC == "OK" {
					yield(packet.Payload, nil)
				} else {
					yield(nil, &Failed{packet.RC, packet.Header.Error, append([]string{}, packet.Stacktrace...)})
				}
				return
			}
			if !yield(packet.Payload, nil) {
				return
			}
		}
	}
}

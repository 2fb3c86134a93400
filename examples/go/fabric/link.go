// Package fabric keeps a connection to a broker: what client and worker have in common.
package fabric

import (
	"fmt"
	"log"
	"math/rand/v2"
	"sync"
	"time"

	zmq "github.com/pebbe/zmq4"
)

const (
	Lost      = "" // the type of a packet that a Link makes itself: the broker went away
	beat      = time.Second
	silence   = 5 * time.Second        // nothing heard for so long: the broker went away
	lastWords = 100 * time.Millisecond // what was sent before a break may be read after it
	linger    = 2 * time.Second        // at the end, for the last packets
	down      = zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH |
		zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)

// Link is a connection that is made again after a break. A ZeroMQ socket belongs to one
// goroutine, so one owns the DEALER; the others hand packets to it through an inproc pair.
type Link struct {
	Packets  chan Packet // from the broker; must be read; closed after Close
	context  *zmq.Context
	endpoint string
	keys     *Keys
	greeting [][]byte // the first packet of each connection
	mutex    sync.Mutex
	out, in  *zmq.Socket
	dials    int
}

func Dial(endpoint string, keys *Keys, greeting [][]byte) (*Link, error) {
	context, err := zmq.NewContext()
	if err != nil {
		return nil, err
	}
	l := &Link{Packets: make(chan Packet, 100), context: context, endpoint: endpoint, keys: keys, greeting: greeting}
	if l.in, err = context.NewSocket(zmq.PAIR); err == nil {
		err = l.in.Bind("inproc://ours")
	}
	if err == nil {
		l.out, err = context.NewSocket(zmq.PAIR)
	}
	if err == nil {
		err = l.out.Connect("inproc://ours")
	}
	dealer, monitor, err := l.connect(err)
	if err != nil {
		return nil, err
	}
	go l.keep(dealer, monitor)
	return l, nil
}

// Send may block while the broker doesn't read, until it counts as gone.
func (l *Link) Send(header Header, value ...any) error {
	frames, err := Encode(header, value...)
	if err == nil {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		_, err = l.out.SendMessage(frames)
	}
	return err
}

// Close returns when what was sent before is out, or can't be. Read Packets to their end meanwhile.
func (l *Link) Close() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.out.SendMessage("")
	for range l.Packets {
	}
	l.out.Close()
	l.context.Term() // waits for what lingers
}

// connect makes a fresh socket: the broker takes who comes back for somebody new.
func (l *Link) connect(err error) (dealer, monitor *zmq.Socket, _ error) {
	if err == nil {
		dealer, err = l.context.NewSocket(zmq.DEALER)
	}
	if err == nil && l.keys != nil {
		err = dealer.ClientAuthCurve(l.keys.Server, l.keys.Public, l.keys.Secret)
	}
	l.dials++
	name := fmt.Sprintf("inproc://monitor-%d", l.dials)
	if err == nil {
		err = dealer.Monitor(name, down)
	}
	if err == nil {
		monitor, err = l.context.NewSocket(zmq.PAIR)
	}
	if err == nil {
		err = monitor.Connect(name)
	}
	if err == nil {
		err = dealer.Connect(l.endpoint)
	}
	if err == nil && l.greeting != nil {
		_, err = dealer.SendMessage(l.greeting)
	}
	return dealer, monitor, err
}

func (l *Link) keep(dealer, monitor *zmq.Socket) {
	defer close(l.Packets)
	for pause := 0.1; ; pause = min(2*pause, 5) {
		heard, closing := l.session(dealer, monitor)
		if closing {
			dealer.SetLinger(linger)
		} else {
			dealer.SetLinger(0) // tasks that have been given up must not run later
		}
		dealer.Close()
		monitor.Close()
		for !closing { // nor those that wait behind it
			frames, err := l.in.RecvMessageBytes(zmq.DONTWAIT)
			if err != nil {
				break
			}
			closing = len(frames[0]) == 0
		}
		if closing {
			l.in.Close()
			return
		}
		l.Packets <- Packet{Header: Header{PacketType: Lost}}
		if heard {
			pause = 0.1
		}
		time.Sleep(time.Duration(pause * (0.5 + rand.Float64()/2) * float64(time.Second)))
		var err error
		if dealer, monitor, err = l.connect(nil); err != nil {
			log.Fatal(err) // it worked before: no more sockets or memory
		}
	}
}

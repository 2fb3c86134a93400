package fabric

import (
	"log"
	"time"

	zmq "github.com/pebbe/zmq4"
)

// session moves packets both ways until the broker went away, or Close. Was anything heard?
func (l *Link) session(dealer, monitor *zmq.Socket) (heard, closing bool) {
	poller := zmq.NewPoller()
	fromBroker := poller.Add(dealer, zmq.POLLIN)
	fromUs := poller.Add(l.in, zmq.POLLIN)
	poller.Add(monitor, zmq.POLLIN)
	heartbeat, _ := Encode(Header{PacketType: "HEARTBEAT"})
	next, end, broken := time.Now().Add(beat), time.Now().Add(silence), false

	for time.Now().Before(end) {
		if time.Now().After(next) {
			dealer.SendMessageDontwait(heartbeat)
			next = time.Now().Add(beat)
		}
		// Where the broker doesn't read, a send would block: then ours wait where they are.
		if state, _ := dealer.GetEvents(); state&zmq.POLLOUT != 0 {
			poller.Update(fromBroker, zmq.POLLIN)
			poller.Update(fromUs, zmq.POLLIN)
		} else {
			poller.Update(fromBroker, zmq.POLLIN|zmq.POLLOUT)
			poller.Update(fromUs, 0)
		}
		ready, _ := poller.Poll(lastWords)
		for _, item := range ready {
			if item.Events&zmq.POLLIN == 0 {
				continue
			}
			switch item.Socket {
			case dealer:
				frames, err := dealer.RecvMessageBytes(zmq.DONTWAIT)
				if err != nil {
					continue
				}
				if heard = true; !broken {
					end = time.Now().Add(silence)
				}
				if packet, err := Decode(frames); err == nil {
					l.Packets <- packet
				} else {
					log.Print(err)
				}
			case l.in:
				frames, _ := l.in.RecvMessageBytes(zmq.DONTWAIT)
				if len(frames) > 0 && len(frames[0]) == 0 {
					return heard, true
				}
				dealer.SendMessage(frames)
			case monitor:
				event, _, _, err := monitor.RecvEvent(zmq.DONTWAIT)
				if err == nil && !broken {
					broken, end = true, time.Now().Add(lastWords)
				}
				if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH {
					log.Print("the broker does not know our key")
				}
			}
		}
	}
	return heard, false
}

package fabric

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/vmihailenco/msgpack/v5"
)

// Header has the keys that these programs use; docs/PROTOCOL.md, section 2, has them all.
type Header struct {
	PacketType string   `msgpack:"packet_type"`
	Cookie     *Cookie  `msgpack:"cookie,omitempty"`
	Pipeline   string   `msgpack:"pipeline,omitempty"`
	Stream     bool     `msgpack:"stream,omitempty"`
	Capacity   *int     `msgpack:"capacity,omitempty"`
	Pipelines  []string `msgpack:"pipelines,omitempty"`
	Heartbeat  int      `msgpack:"heartbeat,omitempty"` // ms
	Seq        *int     `msgpack:"seq,omitempty"`
	RC         string   `msgpack:"rc,omitempty"`
	Error      string   `msgpack:"error,omitempty"`
	Stacktrace []string `msgpack:"stacktrace,omitempty"`
}

// Cookie names a task. The other side may write it as text or as 16 octets.
type Cookie uuid.UUID

func NewCookie() Cookie { return Cookie(uuid.New()) }

func (c Cookie) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeString(uuid.UUID(c).String()) }

func (c *Cookie) DecodeMsgpack(d *msgpack.Decoder) error {
	value, err := d.DecodeInterface()
	if err != nil {
		return err
	}
	var id uuid.UUID
	switch value := value.(type) {
	case string:
		id, err = uuid.Parse(value)
	case []byte:
		id, err = uuid.FromBytes(value)
	default:
		err = fmt.Errorf("a cookie is not a %T", value)
	}
	*c = Cookie(id)
	return err
}

// Packet is a header and its payload, which is a msgpack document or nothing.
type Packet struct {
	Header
	Payload msgpack.RawMessage
}

// Encode writes a packet whose payload is still a value; without one: nil frames but the header.
func Encode(header Header, value ...any) ([][]byte, error) {
	var frames [][]byte
	for _, part := range append([]any{header}, value...) {
		frame, err := msgpack.Marshal(part)
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame)
	}
	return frames, nil
}

func Decode(frames [][]byte) (packet Packet, err error) {
	if len(frames) == 0 || len(frames) > 2 {
		return packet, fmt.Errorf("a packet of %d frames", len(frames))
	}
	if len(frames) == 2 {
		packet.Payload = frames[1]
	}
	return packet, msgpack.Unmarshal(frames[0], &packet.Header)
}

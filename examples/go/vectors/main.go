// Whether the msgpack library reads what the fabric's test vectors say. vectors ../../tests/vectors
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/vmihailenco/msgpack/v5"

	"zfabric/examples/go/fabric"
)

type vector struct {
	Name, Codec, From, Hex string
	Parts                  [][2]any
	Valid                  bool
	Meaning                map[string]any
	Value                  any
}

func load(folder, name string) (vectors []vector) {
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err = errors.Join(err, json.Unmarshal(text, &vectors)); err != nil {
		log.Fatal(err)
	}
	return vectors
}

func (v vector) octets() []byte {
	text := v.Hex
	for _, part := range v.Parts {
		text += strings.Repeat(part[0].(string), int(part[1].(float64)))
	}
	octets, err := hex.DecodeString(text)
	if err != nil {
		log.Fatal(err)
	}
	return octets
}

func decode(octets []byte) (any, error) {
	decoder := msgpack.NewDecoder(bytes.NewReader(octets))
	decoder.SetMapDecoder(func(d *msgpack.Decoder) (any, error) { return d.DecodeUntypedMap() })
	return decoder.DecodeInterface()
}

// tag writes a value as tests/vectors/README.md does; maps lose their order.
func tag(value any) any {
	switch value := value.(type) {
	case nil, bool:
		return value
	case string:
		return map[string]any{"string": value}
	case []byte:
		return map[string]any{"bin": hex.EncodeToString(value)}
	case float32:
		return tag(float64(value))
	case float64:
		return map[string]any{"float": fmt.Sprintf("%016x", math.Float64bits(value))}
	case []any:
		list := make([]any, len(value))
		for n := range value {
			list[n] = tag(value[n])
		}
		return list
	case map[any]any:
		pairs := map[string]any{}
		for key := range value {
			pairs[fmt.Sprint(tag(key))] = tag(value[key])
		}
		return pairs
	}
	return map[string]any{"integer": fmt.Sprint(value)}
}

// unordered makes the same of a vector's value: a later pair with the same key counts.
func unordered(value any) any {
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for n := range value {
			list[n] = unordered(value[n])
		}
		return list
	case map[string]any:
		if list, is := value["map"].([]any); is {
			pairs := map[string]any{}
			for _, pair := range list {
				pairs[fmt.Sprint(unordered(pair.([]any)[0]))] = unordered(pair.([]any)[1])
			}
			return pairs
		}
	}
	return value
}

// document: read, and read again after it was written.
func document(v vector) bool {
	value, err := decode(v.octets())
	again, _ := msgpack.Marshal(value)
	written, problem := decode(again)
	wanted := unordered(v.Value)
	return err == nil && problem == nil && reflect.DeepEqual(tag(value), wanted) && reflect.DeepEqual(tag(written), wanted)
}

// header: what these programs read.
func header(v vector) bool {
	packet, err := fabric.Decode([][]byte{v.octets()})
	means := func(key, value string) bool { wanted, is := v.Meaning[key]; return !is || wanted == value }
	cookie := ""
	if packet.Cookie != nil {
		cookie = hex.EncodeToString(packet.Cookie[:])
	}
	return err == nil && means("packet_type", packet.PacketType) && means("cookie", cookie) &&
		means("pipeline", packet.Pipeline) && means("rc", packet.RC) && means("error", packet.Header.Error) &&
		(v.Meaning["capacity"] == nil) == (packet.Capacity == nil)
}

func main() {
	count, wrong := 0, 0
	check := func(v vector, fine func(vector) bool) {
		if count++; !fine(v) {
			wrong++
			fmt.Println(v.Name)
		}
	}
	for _, v := range load(os.Args[1], "headers.json") {
		if v.Valid && v.Codec == "msgpack" {
			check(v, header)
		}
	}
	for _, v := range load(os.Args[1], "documents.json") {
		if v.Valid && v.From == "msgpack" {
			check(v, document)
		}
	}
	if fmt.Printf("%d vectors, %d wrong\n", count, wrong); count == 0 || wrong > 0 {
		os.Exit(1)
	}
}

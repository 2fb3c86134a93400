package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
)

// fromJSON keeps every digit: Go's own reading makes a float64 of each number.
func fromJSON(text io.Reader) (value any, err error) {
	decoder := json.NewDecoder(text)
	decoder.UseNumber()
	err = decoder.Decode(&value)
	return numbers(value), err
}

// toJSON is the other way: one line.
func toJSON(document msgpack.RawMessage) ([]byte, error) {
	var value any
	if len(document) > 0 {
		if err := msgpack.Unmarshal(document, &value); err != nil {
			return nil, err
		}
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(numbers(value))
	return bytes.TrimSpace(line.Bytes()), err
}

// numbers replaces JSON's numbers by int64, uint64 or float64, and floats by numbers that look like floats.
func numbers(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = numbers(value[i])
		}
	case map[string]any:
		for key := range value {
			value[key] = numbers(value[key])
		}
	case json.Number:
		if i, err := value.Int64(); err == nil {
			return i
		}
		if u, err := strconv.ParseUint(value.String(), 10, 64); err == nil {
			return u
		}
		f, _ := value.Float64()
		return f
	case float32:
		return numbers(float64(value))
	case float64: // 2.0 is not 2
		text := strconv.FormatFloat(value, 'g', -1, 64)
		if !strings.ContainsAny(text, ".eIN") {
			text += ".0"
		}
		return json.Number(text)
	}
	return value
}

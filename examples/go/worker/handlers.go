package main

import (
	"context"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// Handler does a task: it ends when ctx does; partial sends a piece of the result.
type Handler func(ctx context.Context, variables msgpack.RawMessage, partial func(any)) (any, error)

var handlers = map[string]Handler{
	"echo": func(_ context.Context, variables msgpack.RawMessage, _ func(any)) (any, error) {
		if len(variables) == 0 {
			return nil, nil
		}
		return variables, nil
	},
	"shout": func(_ context.Context, variables msgpack.RawMessage, _ func(any)) (any, error) {
		var words map[string]string
		err := msgpack.Unmarshal(variables, &words)
		for name, word := range words {
			words[name] = strings.ToUpper(word)
		}
		return words, err
	},
	"count": func(ctx context.Context, variables msgpack.RawMessage, partial func(any)) (any, error) {
		var last int
		err := msgpack.Unmarshal(variables, &last)
		for number := 1; number <= last && err == nil; number++ {
			err = pause(ctx, 20*time.Millisecond) // instead of work that waits for something
			if err == nil {
				partial(number)
			}
		}
		return last, err
	},
	"sleep": func(ctx context.Context, variables msgpack.RawMessage, partial func(any)) (any, error) {
		var seconds float64
		if err := msgpack.Unmarshal(variables, &seconds); err != nil {
			return nil, err
		}
		partial("asleep")
		return variables, pause(ctx, time.Duration(seconds*float64(time.Second)))
	},
	"fail": func(_ context.Context, variables msgpack.RawMessage, _ func(any)) (any, error) {
		var text string
		if err := msgpack.Unmarshal(variables, &text); err != nil {
			return nil, err
		}
		panic(text)
	},
}

// pause sleeps, and ends at once with the task.
func pause(ctx context.Context, duration time.Duration) error {
	select {
	case <-time.After(duration):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

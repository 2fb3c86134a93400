// A client in Go: many tasks at once on one socket. client [BROKER]; the worker serves what it runs.
//
// With more arguments it does one thing: examples/README.md. Keys for a broker that wants them:
// ZFABRIC_SERVER_KEY, ZFABRIC_PUBLIC_KEY and ZFABRIC_SECRET_KEY.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"

	"github.com/vmihailenco/msgpack/v5"

	"zfabric/examples/go/fabric"
)

func main() {
	log.SetFlags(0)
	broker := "tcp://127.0.0.1:51520"
	if len(os.Args) > 1 {
		broker = os.Args[1]
	}
	client, err := NewClient(broker, fabric.KeysOfEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 4 {
		err = command(client, os.Args[2], os.Args[3], os.Args[4])
	} else {
		err = show(client)
	}
	client.Close()
	var failed *Failed
	if errors.As(err, &failed) {
		line, _ := json.Marshal(failed)
		fmt.Println(string(line))
		os.Exit(1)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// show runs a task, streams one, cancels one, and has many in flight.
func show(client *Client) error {
	result, err := client.Run("shout", map[string]string{"text": "hello, fabric"})
	if err != nil {
		return err
	}
	fmt.Println("run:", line(result))

	fmt.Print("stream:")
	for piece, err := range client.Stream(fabric.NewCookie(), "count", 5) {
		if err != nil {
			return err
		}
		fmt.Print(" ", line(piece))
	}

	cookie := fabric.NewCookie()
	for _, err := range client.Stream(cookie, "count", 1_000_000) {
		if err != nil {
			fmt.Println("\ncancel:", err)
		} else if err := client.Cancel(cookie); err != nil {
			return err
		}
	}

	var words []any
	for n := range 1000 {
		words = append(words, map[string]string{"n": fmt.Sprint("task ", n)})
	}
	results, err := many(client, "shout", words)
	if err == nil {
		fmt.Println("many:", len(results), line(results[len(results)-1]))
	}
	return err
}

// many runs a task for each of the variables, all at once.
func many(client *Client, pipeline string, variables []any) ([]msgpack.RawMessage, error) {
	results, errs := make([]msgpack.RawMessage, len(variables)), make([]error, len(variables))
	var group sync.WaitGroup
	for n := range variables {
		group.Add(1)
		go func() {
			defer group.Done()
			results[n], errs[n] = client.Run(pipeline, variables[n])
		}()
	}
	group.Wait()
	return results, errors.Join(errs...)
}

// command does one of run, stream, cancel and many; examples/README.md says what each prints.
func command(client *Client, verb, pipeline, text string) error {
	var source io.Reader = strings.NewReader(text)
	if text == "-" {
		source = os.Stdin
	}
	variables, err := fromJSON(source)
	if err != nil {
		return err
	}
	switch verb {
	case "run":
		result, err := client.Run(pipeline, variables)
		if err == nil {
			fmt.Println(line(result))
		}
		return err
	case "stream", "cancel":
		cookie := fabric.NewCookie()
		for piece, err := range client.Stream(cookie, pipeline, variables) {
			if err != nil {
				return err
			}
			if fmt.Println(line(piece)); verb == "cancel" {
				client.Cancel(cookie)
			}
		}
		return nil
	case "many":
		list, _ := variables.([]any)
		results, err := many(client, pipeline, list)
		if err == nil {
			lines := make([]string, len(results))
			for n := range results {
				lines[n] = line(results[n])
			}
			fmt.Printf("[%s]\n", strings.Join(lines, ","))
		}
		return err
	}
	return fmt.Errorf("unknown verb %s", verb)
}

func line(document msgpack.RawMessage) string {
	text, err := toJSON(document)
	if err != nil {
		log.Fatal(err)
	}
	return string(text)
}

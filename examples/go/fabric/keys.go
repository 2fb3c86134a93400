package fabric

import "os"

// Keys are Z85 texts of 40 characters, under `curve` in the files that `zfabric keygen` writes.
type Keys struct{ Server, Public, Secret string }

// KeysOfEnvironment is nil where there are none: then nothing is encrypted.
func KeysOfEnvironment() *Keys {
	server := os.Getenv("ZFABRIC_SERVER_KEY")
	if server == "" {
		return nil
	}
	return &Keys{server, os.Getenv("ZFABRIC_PUBLIC_KEY"), os.Getenv("ZFABRIC_SECRET_KEY")}
}

package kubernetes

import (
	"io"
	"log"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	// Helm's loader logs each symbolic link, by which the chart has the files of other folders.
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}

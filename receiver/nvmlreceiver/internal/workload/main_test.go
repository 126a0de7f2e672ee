package workload

import (
	"bytes"
	"io"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/grpclog"
)

// grpcLog has what gRPC's clients log as a warning or worse, in all tests. That must be nothing: the receiver logs
// failures, and only when they begin.
var grpcLog clientLog

func TestMain(m *testing.M) {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, &grpcLog, io.Discard))
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if logged := grpcLog.take(); logged != "" {
			os.Stderr.WriteString("gRPC logged:\n" + logged)
			code = 1
		}
		os.Exit(code)
	}))
}

type clientLog struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *clientLog) Write(p []byte) (int, error) {
	// The servers of the tests are ended while they answer.
	if bytes.Contains(p, []byte("[Server #")) {
		return len(p), nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *clientLog) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.buffer.Reset()
	return b.buffer.String()
}

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// nginxConfig is a reverse proxy of one process, which keeps connections to the server and passes bodies on as they come,
// as the tap does.
const nginxConfig = `
daemon off;
master_process off;
worker_rlimit_nofile 8192;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  upstream server { server %[2]s; keepalive 1024; }
  server {
    listen %[3]s;
    client_max_body_size 0;
    keepalive_requests 1000000;
    location = /healthy { return 200; }
    location / {
      proxy_pass http://server;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
    }
  }
}
`

// startNginx starts nginx as a proxy, and skips the benchmark where it is not installed.
func startNginx(b *testing.B, upstream string) (url string, pid int) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		b.Skip("nginx is not installed (Debian: nginx-light)")
	}
	dir, address := b.TempDir(), collector.Address(b)
	file := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(nginxConfig, dir, strings.TrimPrefix(upstream, "http://"), address)
	require.NoError(b, os.WriteFile(file, []byte(text), 0o600))
	p := collector.Start(b, nginx, nil, "-p", dir, "-c", file)
	p.WaitHTTP("http://" + address + "/healthy")
	return "http://" + address, p.PID()
}

package influxd

import (
	"path/filepath"
	"strings"
	"text/template"
)

// configText turns off every listener but HTTP, and bounds memory for a machine of 1 GB. Each write is synced to the
// write-ahead log before it is answered (wal-fsync-delay 0s).
var configText = template.Must(template.New("influxd.conf").Funcs(template.FuncMap{"q": quote}).Parse(
	`# Written at each start; changes are lost. configs/influxdb/influxdb.conf explains the settings.
reporting-disabled = true
bind-address = "127.0.0.1:0"

[meta]
  dir = {{q .Meta}}
  logging-enabled = false

[data]
  dir = {{q .Data}}
  wal-dir = {{q .WAL}}
  wal-fsync-delay = "0s"
  index-version = "tsi1"
  query-log-enabled = false
  validate-keys = true
  cache-max-memory-size = "128m"
  cache-snapshot-memory-size = "16m"
  cache-snapshot-write-cold-duration = "2m"
  max-concurrent-compactions = 1
  compact-throughput = "16m"
  compact-throughput-burst = "32m"
  max-index-log-file-size = "512k"
  series-id-set-cache-size = 50

[coordinator]
  query-timeout = "60s"
  max-concurrent-queries = 32

[retention]
  enabled = true

[monitor]
  store-enabled = false

[subscriber]
  enabled = false

[continuous_queries]
  enabled = false

[http]
  enabled = true
  bind-address = {{q .Addr}}
  flux-enabled = true
  auth-enabled = false
  log-enabled = false
  pprof-enabled = false
  max-body-size = 25000000
  max-concurrent-write-limit = 8
  max-enqueued-write-limit = 256
  enqueued-write-timeout = 10000000000

[logging]
  format = "logfmt"
  level = "warn"
  suppress-logo = true
`))

func render(dir, addr string) (string, error) {
	var s strings.Builder
	err := configText.Execute(&s, map[string]string{
		"Addr": addr, "Meta": filepath.Join(dir, "meta"), "Data": filepath.Join(dir, "data"), "WAL": filepath.Join(dir, "wal"),
	})
	return s.String(), err
}

// quote writes a TOML basic string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s) + `"`
}

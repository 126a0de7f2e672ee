//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package embeddingreceiver watches embedding servers. Its tap is a transparent proxy in front of a server; its ingest
// takes structured request logs over HTTP. Both make one embedding event of each call.
package embeddingreceiver

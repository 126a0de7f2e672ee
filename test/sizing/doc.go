// Package sizing measures what the shipped configurations take of a machine, and writes it into docs/sizing.md: `make sizing`.
package sizing

// Package failopen tests with the real collector that calls pass through the tap whatever becomes of their telemetry, and
// that what is lost of it is counted exactly.
package failopen

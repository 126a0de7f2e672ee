package embedding

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// FingerprintSize is the length of a Fingerprint in bytes.
const FingerprintSize = 8

// Fingerprint identifies a text without revealing it.
type Fingerprint [FingerprintSize]byte

// Fingerprinter computes fingerprints: the first 8 bytes of HMAC-SHA256 under a key. Without the key a fingerprint
// can neither be reversed nor checked against a guessed text; under the same key, the same text has the same
// fingerprint on every host. With n texts, two different ones share a fingerprint with probability about n²/2⁶⁵.
//
// A Fingerprinter is not safe for concurrent use: each worker has its own, so that none allocates per text.
type Fingerprinter struct {
	mac     hash.Hash
	scratch []byte
}

// NewFingerprinter returns a Fingerprinter with the given key.
func NewFingerprinter(key []byte) *Fingerprinter {
	return &Fingerprinter{mac: hmac.New(sha256.New, key), scratch: make([]byte, 0, sha256.Size)}
}

// Append appends the fingerprint of text to dst.
func (f *Fingerprinter) Append(dst, text []byte) []byte {
	f.mac.Reset()
	f.mac.Write(text) // never fails, as hash.Hash documents
	f.scratch = f.mac.Sum(f.scratch[:0])
	return append(dst, f.scratch[:FingerprintSize]...)
}

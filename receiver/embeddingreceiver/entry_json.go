package embeddingreceiver

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// maxString is the length in bytes of the longest text that a field may hold.
const maxString = 1024

// maxShown is how much of a wrong value an answer repeats, in bytes.
const maxShown = 40

// kind is what sort of JSON a value is, with its article.
type kind string

const (
	kindObject kind = "an object"
	kindArray  kind = "a list"
	kindString kind = "a text"
	kindNumber kind = "a number"
	kindBool   kind = "true or false"
	kindNull   kind = "null"
	kindNone   kind = "nothing"
)

// kindOf tells what the JSON in raw is by its first byte.
func kindOf(raw []byte) kind {
	for _, c := range raw {
		switch c {
		case ' ', '\t', '\r', '\n':
		case '{':
			return kindObject
		case '[':
			return kindArray
		case '"':
			return kindString
		case 't', 'f':
			return kindBool
		case 'n':
			return kindNull
		default:
			return kindNumber
		}
	}
	return kindNone
}

// show returns raw as an answer may repeat it.
func show(raw json.RawMessage) string {
	if len(raw) <= maxShown {
		return string(raw)
	}
	cut := maxShown
	for cut > 0 && !utf8.RuneStart(raw[cut]) {
		cut--
	}
	return string(raw[:cut]) + "…"
}

// elements returns the elements of a list, or raw itself if it is none.
func elements(raw json.RawMessage) ([]json.RawMessage, error) {
	if kindOf(raw) != kindArray {
		return []json.RawMessage{raw}, nil
	}
	var list []json.RawMessage
	err := json.Unmarshal(raw, &list)
	return list, err
}

func readString(raw json.RawMessage, dst *string) error {
	if kindOf(raw) != kindString {
		return fmt.Errorf("is %s; want a text", show(raw))
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if len(s) > maxString {
		return fmt.Errorf("is %d bytes long; want at most %d", len(s), maxString)
	}
	*dst = s
	return nil
}

// readCount reads a whole number that is not negative; 12.0 and 1.2e1 are whole.
func readCount(raw json.RawMessage, dst *int) error {
	x, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || x < 0 || x > math.MaxInt32 || x != math.Trunc(x) {
		return fmt.Errorf("is %s; want a whole number from 0 to %d", show(raw), math.MaxInt32)
	}
	*dst = int(x)
	return nil
}

// readHex reads hexadecimal digits that fill dst.
func readHex(raw json.RawMessage, dst []byte) error {
	want := fmt.Errorf("is %s; want %d hex digits", show(raw), 2*len(dst))
	var s string
	if kindOf(raw) != kindString || json.Unmarshal(raw, &s) != nil {
		return want
	}
	if s == "" {
		return nil
	}
	if len(s) != 2*len(dst) {
		return want
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return want
	}
	return nil
}

package canary

import (
	"crypto/sha256"
	"encoding/hex"
)

// class is what an entry is for.
type class uint8

const (
	classPlain    class = iota // texts of KindPlain
	classOdd                   // texts of KindOdd
	classBlank                 // texts of KindBlank
	classBase                  // what fresh texts are made of
	classBare                  // queries without an instruction
	classInstruct              // the same queries with it
	classLong                  // long texts, each the beginning of the next
	classes                    // from here on, vectors are not pinned
	classPair     = classes
	classEqual    = classes + 1 // texts of equal lengths
	classQuery    = classes + 2
	classDocument = classes + 3
	classFresh    = classes + 4
)

// pinned is whether vectors of the class are pinned.
func (c class) pinned() bool { return c < classes }

// entry is a text that a round may send.
type entry struct {
	id     string
	text   string
	key    string // names the text
	tokens int
	class  class
}

func newEntry(class class, id, text string) entry {
	sum := sha256.Sum256([]byte(text))
	return entry{id, text, hex.EncodeToString(sum[:8]), estimateTokens(text), class}
}

package canary

import "time"

// Pins is what the vectors of the texts were when they were learned, and how much they differed from call to call. It is never written
// to after it was made.
type Pins struct {
	Origin
	// Dimension is the length of the vectors.
	Dimension int
}

// Origin says where pins come from. All of it is for people, but Created, which tells pins apart.
type Origin struct {
	// Name is what the server is called.
	Name string `json:"name,omitempty"`
	// Model is the one that was asked for.
	Model string `json:"model,omitempty"`
	// DType and Hardware are what the server computed with, as the user says.
	DType    string    `json:"dtype,omitempty"`
	Hardware string    `json:"hardware,omitempty"`
	Created  time.Time `json:"created"`
}

// Encode returns the pins as a file: JSON with one line for each text, so that a difference of two files shows which texts changed.
func (p *Pins) Encode() ([]byte, error) { return nil, nil }

// Decode reads what Encode wrote. It refuses what is damaged.
func Decode(data []byte) (*Pins, error) { return &Pins{}, nil }

// Digest names the content of the pins: 16 hexadecimal digits.
func (p *Pins) Digest() string { return "" }

// Fits returns an error that says why the pins are of no use for a plan, if they are: none, or hardly any, of its texts are pinned.
func (p *Pins) Fits(plan *Plan) error { return nil }
